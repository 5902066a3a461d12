package broker_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// Topics that are valid, but deeper or longer than clients may use, are refused wherever they can be named.
func TestTopicLimits(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{TopicLevels: 3, TopicLength: 10}}, func(t *testing.T, at *site) {
		c := at.connect("c")
		inside := at.connect("inside", with(func(o *broker.ConnectOptions) { o.Internal = true }))
		for _, tc := range []struct {
			name, topic string
			ok          bool
		}{
			{"deep enough", "a/b/c", true},
			{"too deep", "a/b/c/d", false},
			{"too deep, with empty levels", "///", false},
			{"long enough", "1234567890", true},
			{"too long", "12345678901", false},
		} {
			name, filter := packet.NoMatchingSubscribers, packet.GrantedQoS1
			if !tc.ok {
				name, filter = packet.TopicNameInvalid, packet.TopicFilterInvalid
			}
			_, code := c.Publish(message(tc.topic, "x", 1), nil)
			wantCode(t, tc.name+": PUBLISH", code, name)
			codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: tc.topic, QoS: 1}}, nil)
			wantCode(t, tc.name+": SUBSCRIBE", codes[0], filter)
			c.Unsubscribe([]string{tc.topic})
			_, err := at.dial("w", with(func(o *broker.ConnectOptions) {
				o.Will = &broker.Will{Message: &broker.Message{TopicName: tc.topic}}
			}))
			if (err == nil) != tc.ok {
				t.Errorf("%s: a Will: %v", tc.name, err)
			}
			wantCode(t, tc.name+": inside", inside.send(message(tc.topic, "x", 1)), packet.NoMatchingSubscribers)
		}
	})
}

// A subscription that is there is not counted again; one that goes makes room.
func TestSubscriptionLimit(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{Subscriptions: 2}}, func(t *testing.T, at *site) {
		c := at.connect("c")
		codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "a"}, {TopicFilter: "a", QoS: 1}, {TopicFilter: "b"}, {TopicFilter: "c"}}, nil)
		for i, want := range []packet.ReasonCode{0, 1, 0, packet.QuotaExceeded} {
			wantCode(t, "entry", codes[i], want)
		}
		c.Unsubscribe([]string{"a"})
		codes, _ = c.Subscribe([]broker.Subscription{{TopicFilter: "c"}}, nil)
		wantCode(t, "after UNSUBSCRIBE", codes[0], packet.GrantedQoS0)
	})
}

// No session of a client is kept for longer than the cap, in any version; and one that was stored before there was a cap does
// not stay for ever.
func TestSessionExpiryCap(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		at.connect("before", keep(broker.Never), version(v)).lose()
		at.connect("inside", keep(broker.Never), with(func(o *broker.ConnectOptions) { o.Internal = true })).lose()
		at.quiet()
		at.options.MaxSessionExpiry = 3600
		at.restart()
		at.connect("short", keep(60), version(v)).lose()
		c := at.connect("long", keep(broker.Never), version(v))
		if c.SessionExpiryInterval != 3600 {
			t.Errorf("granted %d s, want 3600", c.SessionExpiryInterval)
		}
		longer := uint32(7200)
		c.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &longer})
		time.Sleep(59 * time.Minute)
		for id, present := range map[string]bool{"before": true, "short": false, "long": true} {
			c := at.connect(id, keep(broker.Never), version(v))
			if c.SessionPresent != present {
				t.Errorf("after 59 min: session %q is there: %v", id, c.SessionPresent)
			}
			c.lose()
		}
		time.Sleep(61 * time.Minute)
		for _, id := range []string{"before", "short", "long"} {
			if at.connect(id, keep(60), version(v)).SessionPresent {
				t.Errorf("session %q is kept for more than an hour", id)
			}
		}
		if ids := at.Internal(); len(ids) != 1 {
			t.Errorf("the program's own sessions: %v, want one", ids)
		}
	})
}

// What the Server says about itself takes no room from what Clients may retain.
func TestSystemTakesNoRoom(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{RetainedMessages: 1, RetainedBytes: 50}}, func(t *testing.T, at *site) {
		for _, name := range []string{"a", "b", "c"} {
			at.SetSystem("broker/"+name, "a value that is quite long")
		}
		c := at.connect("c")
		wantCode(t, "the first", c.send(retain("one", "x", 1)), packet.Success)
		_, code := c.Publish(retain("two", "x", 1), nil)
		wantCode(t, "one too many", code, packet.QuotaExceeded)
		at.SetSystem("broker/a", "")
		at.SetSystem("broker/d", "more")
		wantCode(t, "in its place", c.send(retain("one", "y", 1)), packet.Success)
		c.subscribeAs(broker.Subscription{TopicFilter: "$SYS/broker/+"})
		c.expectAnyOrder("$SYS/broker/b a value that is quite long q0 retained", "$SYS/broker/c a value that is quite long q0 retained",
			"$SYS/broker/d more q0 retained")
	})
}

// The one place under $SYS where clients may publish, the state of a bridge, counts as any other topic of theirs.
func TestBridgeStatesTakeRoom(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{RetainedMessages: 2}}, func(t *testing.T, at *site) {
		c := at.connect("c")
		state := func(name string) string { return "$SYS/broker/connection/" + name + "/state" }
		wantCode(t, "the first", c.send(retain(state("a"), "1", 1)), packet.Success)
		wantCode(t, "the second", c.send(retain(state("b/c"), "1", 1)), packet.Success)
		_, code := c.Publish(retain(state("d"), "1", 1), nil)
		wantCode(t, "one too many", code, packet.QuotaExceeded)
		wantCode(t, "in its place", c.send(retain(state("a"), "0", 1)), packet.Success)
		if n, _ := at.Retained(); n != 2 {
			t.Errorf("%d messages are retained, want 2", n)
		}
	})
}

// What clients can make the broker remember has a bound in memory, however deep and however many their filters and topics
// are; what goes makes room.
func TestMemoryOfTopics(t *testing.T) {
	const bound = 8 << 20
	deep := func(n, width int) string { return fmt.Sprintf("%0*d%s", width, n, strings.Repeat("/a", 150)) }
	tests := []struct {
		name string
		add  func(c *client, n int) packet.ReasonCode
		drop func(c *client, n int)
	}{
		{"filters with wildcards", func(c *client, n int) packet.ReasonCode {
			codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: deep(n, 8) + "/#", QoS: 1}}, nil)
			return codes[0]
		}, func(c *client, n int) { c.Unsubscribe([]string{deep(n, 8) + "/#"}) }},
		{"long filters", func(c *client, n int) packet.ReasonCode {
			codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: deep(n, 60_000), QoS: 1}}, nil)
			return codes[0]
		}, func(c *client, n int) { c.Unsubscribe([]string{deep(n, 60_000)}) }},
		{"retained messages", func(c *client, n int) packet.ReasonCode {
			_, code := c.Publish(retain(deep(n, 8), "x", 1), nil)
			return code
		}, func(c *client, n int) { c.Publish(retain(deep(n, 8), "", 0), nil) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limits := broker.Limits{Subscriptions: 1 << 20, SubscribedBytes: 8 * bound, RetainedBytes: bound}
			runWith(t, broker.Options{Limits: limits}, func(t *testing.T, at *site) {
				c := at.connect("c") // a durable session would fill the disk, which is in memory, too
				before := heap()
				n := 0
				for ; !tt.add(c, n).IsError() && n < 1<<20; n++ {
					if n%100 == 0 {
						at.quiet() // else the store is busy
					}
				}
				wantCode(t, "one too many", tt.add(c, n), packet.QuotaExceeded)
				if grown := int64(heap()) - before; grown > 3*bound/2 || grown < bound/8 {
					t.Errorf("%d took %d bytes of the heap, the bound is %d", n, grown, bound)
				}
				tt.drop(c, 0)
				if code := tt.add(c, n); code.IsError() {
					t.Errorf("in place of another: %v", code)
				}
				for i := range n + 1 {
					if tt.drop(c, i); i%100 == 0 {
						at.quiet()
					}
				}
				at.quiet()
				for i := range min(n, 100) {
					if code := tt.add(c, i); code.IsError() {
						t.Fatalf("all are gone, and number %d is refused: %v", i, code)
					}
				}
			})
		})
	}
}

// heap is what is in use after a collection.
func heap() int64 {
	for range 3 { // pools give up what they hold at the second one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// One client cannot take the room of all.
func TestShareOfSubscriptions(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{SubscribedBytes: 80_000}}, func(t *testing.T, at *site) {
		greedy := at.connect("greedy", keep(60))
		n := 0
		for code := packet.Success; !code.IsError(); n++ {
			codes, _ := greedy.Subscribe([]broker.Subscription{{TopicFilter: fmt.Sprint("a/", n)}}, nil)
			code = codes[0]
		}
		if n > 25 {
			t.Errorf("%d subscriptions of one client", n)
		}
		at.connect("modest").subscribe("a", 1)
		greedy.subscribe("a/0", 0) // it has that one already
		greedy.Disconnect(broker.DisconnectOptions{})
		at.restart()
		greedy = at.connect("greedy", keep(60))
		codes, _ := greedy.Subscribe([]broker.Subscription{{TopicFilter: "one/more"}}, nil)
		wantCode(t, "after a restart", codes[0], packet.QuotaExceeded)
		greedy = at.connect("greedy", clean)
		greedy.subscribe("a", 0)
	})
}
