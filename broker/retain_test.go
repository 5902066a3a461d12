package broker_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

func TestRetainedOnSubscribe(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		for _, expiry := range []uint32{0, broker.Never} {
			p := at.connect("p", version(v))
			p.send(retain("a/1", "old", 2))
			p.send(retain("a/1", "new", 2))
			p.send(retain("a/2", "zero", 0))
			p.send(retain("b", "other", 1))
			p.send(retain("$x/1", "hidden", 1))
			p.publish("a/1", "not retained", 2)
			s := at.connect("s", keep(expiry), version(v), clean)
			s.subscribe("a/+", 1)
			s.expectAnyOrder("a/1 new q1 retained", "a/2 zero q0 retained")
			s.subscribe("#", 2)
			s.expectAnyOrder("a/1 new q2 retained", "a/2 zero q0 retained", "b other q1 retained")
			p.send(retain("a/1", "", 2)) // [MQTT-3.3.1-6]
			s.expect("a/1  q2")
			again := at.connect("again", keep(expiry), version(v), clean)
			again.subscribe("a/+", 1)
			again.expect("a/2 zero q0 retained")
			again.subscribe("$x/#", 1)
			again.expect("$x/1 hidden q1 retained")
		}
	})
}

func TestRetainedSurvive(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		p := at.connect("p", version(v))
		p.send(retain("kept", "x", 1))
		p.send(retain("deleted", "x", 1))
		p.send(retain("deleted", "", 1))
		p.send(retain("replaced", "1", 1))
		p.send(retain("replaced", "2", 1))
		at.reboot(time.Hour)
		s := at.connect("s", version(v))
		s.subscribe("#", 1)
		s.expectAnyOrder("kept x q1 retained", "replaced 2 q1 retained")
	})
}

func TestRetainHandling(t *testing.T) {
	for _, expiry := range []uint32{0, broker.Never} {
		t.Run(fmt.Sprint("expiry ", expiry), func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				at.connect("p").send(retain("a", "x", 1))
				s := at.connect("s", keep(expiry))
				sub := func(filter string, handling byte) {
					s.subscribeAs(broker.Subscription{TopicFilter: filter, QoS: 1, RetainHandling: handling})
				}
				sub("a", 2) // [MQTT-3.3.1-11]
				s.expect()
				sub("a", 1) // exists [MQTT-3.3.1-10]
				s.expect()
				sub("a", 0) // [MQTT-3.3.1-9]
				s.expect("a x q1 retained")
				sub("+", 1) // new
				s.expect("a x q1 retained")
				s.Unsubscribe([]string{"a"})
				sub("a", 1) // new again
				s.expect("a x q1 retained")
			})
		})
	}
}

// TestRetainAsPublished [MQTT-3.3.1-12] [MQTT-3.3.1-13].
func TestRetainAsPublished(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s")
		s.subscribe("a", 1)
		s.subscribeAs(broker.Subscription{TopicFilter: "b", QoS: 1, RetainAsPublished: true})
		p := at.connect("p")
		p.send(retain("a", "1", 1))
		p.send(retain("b", "1", 1))
		p.publish("b", "2", 1)
		p.send(retain("b", "", 1))
		s.expect("a 1 q1", "b 1 q1 retained", "b 2 q1", "b  q1 retained")
	})
}

func TestRetainedAndNoLocal(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s, p := at.connect("s"), at.connect("p")
		s.send(retain("own", "x", 1))
		p.send(retain("other", "x", 1))
		s.subscribeAs(broker.Subscription{TopicFilter: "#", QoS: 1, NoLocal: true})
		s.expect("other x q1 retained")
	})
}

func TestRetainedMessageExpires(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		m := retain("a", "x", 1)
		m.Expiry, m.HasExpiry = 60, true
		at.connect("p").send(m)
		time.Sleep(20 * time.Second)
		for _, expiry := range []uint32{0, broker.Never} {
			s := at.connect(fmt.Sprint("early", expiry), keep(expiry))
			s.subscribe("a", 1)
			got := s.take(1)
			if len(got) != 1 {
				t.Fatalf("%d deliveries", len(got))
			}
			if left, ok := s.ExpiryLeft(got[0].Message); !ok || left < 39 || left > 40 {
				t.Errorf("%d s left (%v), want 40", left, ok)
			}
		}
		time.Sleep(41 * time.Second)
		for _, expiry := range []uint32{0, broker.Never} {
			s := at.connect(fmt.Sprint("late", expiry), keep(expiry))
			s.subscribe("a", 1)
			s.expect()
		}
	})
}

// TestManyRetained are more than the ring of a session holds, and in the last case more than is written before SUBACK.
func TestManyRetained(t *testing.T) {
	const count = 3000
	for _, tc := range []struct {
		name   string
		expiry uint32
		qos    byte
		bytes  int
	}{{"volatile", 0, 1, 1}, {"durable", broker.Never, 1, 1}, {"durable, QoS 0", broker.Never, 0, 1}, {"durable, large", broker.Never, 1, 2000}} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				p := at.connect("p")
				for i := range count {
					m := retain(fmt.Sprint("a/", i), string(make([]byte, tc.bytes)), byte(i%2))
					if tc.bytes > 1 {
						m.QoS = 1
						p.send(m)
					} else if _, code := p.Publish(m, nil); code.IsError() {
						t.Fatal(code)
					}
				}
				s := at.connect("s", keep(tc.expiry))
				s.subscribe("a/+", tc.qos)
				if tc.expiry != 0 && tc.qos > 0 {
					s.lose() // what has to survive survives the connection
					s = at.connect("s", keep(tc.expiry))
				}
				want := count
				if tc.expiry != 0 && tc.qos > 0 && tc.bytes == 1 {
					want = count / 2
				}
				seen := map[string]bool{}
				for range 10 * count {
					got := s.Next(nil, 100)
					s.ack(got)
					for _, d := range got {
						seen[d.Message.TopicName] = true
					}
					if len(seen) == want {
						break
					}
					if len(got) == 0 {
						time.Sleep(time.Millisecond)
					}
				}
				if len(seen) != want {
					t.Fatalf("%d of %d retained messages", len(seen), want)
				}
				s.expect()
			})
		})
	}
}

// TestRetainedIsNeverOlderThanWhatWasDelivered: what waits to be sent on SUBSCRIBE is the message of that moment.
func TestRetainedIsNeverOlderThanWhatWasDelivered(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s, p := at.connect("s"), at.connect("p")
		p.send(retain("a", "1", 1))
		p.send(retain("b", "1", 1))
		s.subscribe("#", 1)
		p.send(retain("a", "2", 1))
		p.send(retain("b", "", 1))
		s.Unsubscribe([]string{"b"})
		last := map[string]string{}
		for _, d := range s.take(10) {
			if text := string(d.Message.Payload); text < last[d.Message.TopicName] && text != "" {
				t.Errorf("%s: %q after %q", d.Message.TopicName, text, last[d.Message.TopicName])
			} else {
				last[d.Message.TopicName] = text
			}
		}
		if last["a"] != "2" || last["b"] != "" {
			t.Errorf("last seen %v", last)
		}
	})
}

// TestLimitOfWhatIsStillToBeSent: a Client that subscribes and subscribes, and reads nothing, costs bounded memory.
func TestLimitOfWhatIsStillToBeSent(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{RetainedMessages: 10}}, func(t *testing.T, at *site) {
		p := at.connect("p")
		for i := range 10 {
			p.send(retain(fmt.Sprint("a/", i), "x", 0))
		}
		s := at.connect("s")
		for range 5 {
			s.subscribe("#", 0) // takes the place of the one before, and of what that was owed
		}
		codes, _ := s.Subscribe([]broker.Subscription{{TopicFilter: "+/+"}}, nil)
		wantCode(t, "SUBSCRIBE", codes[0], packet.QuotaExceeded)
		if got := s.take(10); len(got) != 10 {
			t.Errorf("%d deliveries", len(got))
		}
		s.subscribe("+/+", 0)
		s.Unsubscribe([]string{"+/+"})
		s.expect()
	})
}

// TestRetainedWithoutRoom: what takes the place of a retained message, and finds no room itself, leaves none behind: the older one
// would pass for what is [MQTT-3.3.1-7 of 3.1.1].
func TestRetainedWithoutRoom(t *testing.T) {
	large := string(make([]byte, 200))
	for name, replace := range map[string]func(at *site){
		"QoS 0": func(at *site) { at.connect("p").send(retain("a", large, 0)) },
		"Will": func(at *site) {
			at.connect("w", with(func(o *broker.ConnectOptions) { o.Will = &broker.Will{Message: retain("a", large, 1)} })).lose()
		},
	} {
		t.Run(name, func(t *testing.T) {
			runWith(t, broker.Options{Limits: broker.Limits{RetainedBytes: 100}}, func(t *testing.T, at *site) {
				at.connect("p").send(retain("a", "old", 1))
				live := at.connect("live")
				live.subscribe("a", 0)
				live.expect("a old q0 retained")
				replace(at)
				live.expect("a " + large + " q0")
				s := at.connect("s")
				s.subscribe("a", 1)
				s.expect()
				at.quiet()
				at.restart()
				s = at.connect("s")
				s.subscribe("a", 1)
				s.expect()
			})
		})
	}
}

// TestReplacedWhileRetainedAreOwed: what a SUBSCRIBE has called forth comes although the next one, for the same filter, wants no
// retained messages [MQTT-3.8.4-4]. After UNSUBSCRIBE it does not.
func TestReplacedWhileRetainedAreOwed(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("p").send(retain("a", "x", 1))
		for name, expiry := range map[string]uint32{"volatile": 0, "durable": broker.Never} {
			s := at.connect(name, keep(expiry))
			first := broker.Subscription{TopicFilter: "a", ID: 1}
			again := broker.Subscription{TopicFilter: "a", QoS: 1, ID: 2, RetainHandling: 1}
			never := broker.Subscription{TopicFilter: "a", QoS: 1, ID: 3, RetainHandling: 2}
			s.subscribeAs(first)
			s.subscribeAs(again)
			s.subscribeAs(never)
			s.expect("a x q0 retained ids=[1]")
			s.subscribeAs(first, never)
			s.expect("a x q0 retained ids=[1]")
			s.subscribeAs(first)
			s.subscribeAs(never)
			s.Unsubscribe([]string{"a"})
			s.expect()
		}
	})
}

func TestLimitOfRetained(t *testing.T) {
	runWith(t, broker.Options{Limits: broker.Limits{RetainedMessages: 2, RetainedBytes: 100}}, func(t *testing.T, at *site) {
		p := at.connect("p")
		expiring := retain("a", "x", 1)
		expiring.Expiry, expiring.HasExpiry = 60, true
		p.send(expiring)
		p.send(retain("b", "x", 1))
		_, code := p.Publish(retain("c", "x", 1), nil)
		wantCode(t, "third", code, packet.QuotaExceeded)
		p.send(retain("b", "y", 1))
		_, code = p.Publish(retain("b", string(make([]byte, 200)), 1), nil)
		wantCode(t, "too large", code, packet.QuotaExceeded)
		s := at.connect("s")
		s.subscribe("c", 1)
		_, code = p.Publish(retain("c", "not retained, and yet delivered", 0), nil)
		wantCode(t, "QoS 0", code, packet.Success)
		s.expect("c not retained, and yet delivered q0")
		if n := at.store.Stats().Drops[queue.DroppedRejected]; n != 3 {
			t.Errorf("%d refusals are counted, want 3", n)
		}
		time.Sleep(2 * time.Minute)
		p.send(retain("c", "in the place of what has expired", 1))
		p.send(retain("b", "", 1))
		p.send(retain("d", "in the place of what was deleted", 1))
	})
}
