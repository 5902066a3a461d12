package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

func TestSubscribeCodes(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c")
		for _, tc := range []struct {
			name string
			sub  broker.Subscription
			want packet.ReasonCode
		}{
			{"QoS 0", broker.Subscription{TopicFilter: "a"}, packet.GrantedQoS0},
			{"QoS 1", broker.Subscription{TopicFilter: "a/+", QoS: 1}, packet.GrantedQoS1},
			{"QoS 2", broker.Subscription{TopicFilter: "#", QoS: 2, ID: 268435455}, packet.GrantedQoS2},
			{"QoS 3", broker.Subscription{TopicFilter: "a", QoS: 3}, packet.TopicFilterInvalid},
			{"empty", broker.Subscription{}, packet.TopicFilterInvalid},
			{"wildcard in the middle", broker.Subscription{TopicFilter: "a/#/b"}, packet.TopicFilterInvalid},
			{"half a wildcard", broker.Subscription{TopicFilter: "a+"}, packet.TopicFilterInvalid},
			{"too deep", broker.Subscription{TopicFilter: strings.Repeat("a/", 300)}, packet.TopicFilterInvalid},
			{"Retain Handling 3", broker.Subscription{TopicFilter: "a", RetainHandling: 3}, packet.TopicFilterInvalid},
			{"identifier too large", broker.Subscription{TopicFilter: "a", ID: 268435456}, packet.TopicFilterInvalid},
			{"shared", broker.Subscription{TopicFilter: "$share/g/a", QoS: 1}, packet.GrantedQoS1},
			{"shared without a name", broker.Subscription{TopicFilter: "$share//a"}, packet.TopicFilterInvalid},
			{"shared with a wildcard in its name", broker.Subscription{TopicFilter: "$share/+/a"}, packet.TopicFilterInvalid},
			{"shared with half a wildcard", broker.Subscription{TopicFilter: "$share/g/a+"}, packet.TopicFilterInvalid},
			{"shared, No Local", broker.Subscription{TopicFilter: "$share/g/a", NoLocal: true}, packet.TopicFilterInvalid},
			{"shared without filter", broker.Subscription{TopicFilter: "$share/g"}, packet.TopicFilterInvalid},
		} {
			codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "before"}, tc.sub, {TopicFilter: "after", QoS: 1}}, nil)
			if len(codes) != 3 || codes[0] != 0 || codes[1] != tc.want || codes[2] != 1 {
				t.Errorf("%s: %v, want %v in the middle", tc.name, codes, tc.want)
			}
		}
	})
}

func TestDeliveryHasTheLowerQoS(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		for qos := range byte(3) {
			c := at.connect(fmt.Sprint("subscriber ", qos), keep(uint32(qos)*1000), version(v))
			c.subscribe("a", qos)
			p := at.connect("publisher", version(v))
			for sent := range byte(3) {
				p.publish("a", "x", sent)
			}
			c.expect(fmt.Sprintf("a x q%d", min(0, qos)), fmt.Sprintf("a x q%d", min(1, qos)), fmt.Sprintf("a x q%d", min(2, qos)))
			c.leave()
		}
	})
}

// TestOverlappingSubscriptions [MQTT-3.3.4-2]: one copy at the highest QoS; with the identifiers of all. [MQTT-3.3.4-4]
func TestOverlappingSubscriptions(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		ids := []uint32{0, 0, 0, 0}
		suffix := ""
		if v == packet.V5 {
			ids, suffix = []uint32{7, 0, 8, 9}, " ids=[7 8]"
		}
		for _, expiry := range []uint32{0, broker.Never} {
			c := at.connect("c", keep(expiry), version(v), clean)
			other := at.connect("other", version(v))
			other.subscribe("a/#", 0)
			c.subscribeAs(
				broker.Subscription{TopicFilter: "a/#", QoS: 0, ID: ids[0]},
				broker.Subscription{TopicFilter: "a/+", QoS: 1, ID: ids[1]},
				broker.Subscription{TopicFilter: "a/b", QoS: 2, ID: ids[2]},
				broker.Subscription{TopicFilter: "x/b", QoS: 2, ID: ids[3]},
			)
			p := at.connect("p", version(v))
			for i := range 3 {
				p.publish("a/b", fmt.Sprint(i), 2)
			}
			c.expect("a/b 0 q2"+suffix, "a/b 1 q2"+suffix, "a/b 2 q2"+suffix)
			other.expect("a/b 0 q0", "a/b 1 q0", "a/b 2 q0")
		}
	})
}

// TestSubscriptionIsReplaced [MQTT-3.8.4-3].
func TestSubscriptionIsReplaced(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", keep(broker.Never))
		c.subscribeAs(broker.Subscription{TopicFilter: "a", QoS: 2, ID: 1})
		c.subscribeAs(broker.Subscription{TopicFilter: "a", QoS: 1, ID: 2})
		c.publish("a", "1", 2)
		c.expect("a 1 q1 ids=[2]")
		at.quiet()
		at.reboot(0)
		c = at.connect("c", keep(broker.Never))
		c.publish("a", "2", 2)
		c.expect("a 2 q1 ids=[2]")
	})
}

func TestUnsubscribe(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		for _, expiry := range []uint32{0, broker.Never} {
			c := at.connect("c", keep(expiry), version(v))
			c.subscribe("a", 1)
			c.subscribe("b/+", 1)
			c.publish("a", "queued before", 1)
			codes, r := c.Unsubscribe([]string{"a", "never", "a#"})
			at.settle(r)
			if codes[0] != packet.Success || codes[1] != packet.NoSubscriptionExisted || codes[2] != packet.TopicFilterInvalid {
				t.Errorf("codes %v", codes)
			}
			c.publish("a", "after", 1)
			c.publish("b/c", "other", 1)
			c.expect("a queued before q1", "b/c other q1")
			if expiry == 0 {
				c.leave()
				continue
			}
			at.quiet()
			at.reboot(0)
			c = at.connect("c", keep(expiry), version(v))
			c.publish("a", "after the restart", 1)
			c.publish("b/c", "other", 1)
			c.expect("b/c other q1")
		}
	})
}

func TestNoLocal(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c")
		other := at.connect("other")
		c.subscribeAs(broker.Subscription{TopicFilter: "a", QoS: 1, NoLocal: true, ID: 1})
		c.publish("a", "own", 1)
		other.publish("a", "other", 1)
		c.expect("a other q1 ids=[1]")

		// An overlapping subscription without NoLocal gets it, and only that one counts.
		c.subscribeAs(broker.Subscription{TopicFilter: "+", QoS: 0, ID: 2})
		c.publish("a", "own", 1)
		other.publish("a", "other", 1)
		c.expect("a own q0 ids=[2]", "a other q1 ids=[1 2]")
	})
}

func TestNoLocalInAGroup(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		group := func(name string) option {
			return with(func(o *broker.ConnectOptions) { o.Internal, o.Group = true, name })
		}
		stream := at.connect("cloud/all", keep(broker.Never), group("cloud"))
		stream.subscribeAs(broker.Subscription{TopicFilter: "#", QoS: 1, NoLocal: true})
		at.connect("cloud/receive", group("cloud")).publish("cmd", "from the cloud", 1)
		at.connect("backup/receive", group("backup")).publish("cmd", "from elsewhere", 1)
		at.connect("alone", group("")).publish("cmd", "from nobody", 1)
		stream.expect("cmd from elsewhere q1", "cmd from nobody q1")

		at.restart() // the group is known before the session connects again
		at.connect("cloud/receive", group("cloud")).publish("cmd", "again", 1)
		at.connect("cloud/all", keep(broker.Never), group("cloud")).expect()
	})
}

func TestLimitOfSubscriptions(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{Subscriptions: 3}}, func(t *testing.T, at *site) {
		c := at.connect("c")
		c.subscribe("a", 0)
		codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "b"}, {TopicFilter: "c"}, {TopicFilter: "d"}, {TopicFilter: "a", QoS: 1}}, nil)
		want := []packet.ReasonCode{0, 0, packet.QuotaExceeded, 1}
		for i := range want {
			wantCode(t, fmt.Sprint("entry ", i), codes[i], want[i])
		}
		other := at.connect("other")
		other.subscribe("a", 0)
		other.subscribeAs(broker.Subscription{TopicFilter: "a"}, broker.Subscription{TopicFilter: "b"}, broker.Subscription{TopicFilter: "b"}, broker.Subscription{TopicFilter: "c"})
	})
}

// TestSubscriptionsSurvive: SUBACK was given, so the subscription is there after the power was cut.
func TestSubscriptionsSurvive(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		c := at.connect("c", keep(broker.Never), version(v))
		c.subscribeAs(broker.Subscription{TopicFilter: "a/+", QoS: 2, NoLocal: v == packet.V5, RetainAsPublished: v == packet.V5})
		at.reboot(time.Hour)
		p := at.connect("p", version(v))
		p.send(retain("a/1", "x", 2))
		c = at.connect("c", keep(broker.Never), version(v))
		if !c.SessionPresent {
			t.Fatal("session lost")
		}
		c.publish("a/2", "own", 1)
		if v == packet.V5 {
			c.expect("a/1 x q2 retained")
		} else {
			c.expect("a/1 x q2", "a/2 own q1")
		}
	})
}
