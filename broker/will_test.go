package broker_test

import (
	"errors"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

func watcher(at *site) *client {
	w := at.connect("watcher", keep(broker.Never))
	w.subscribe("will", 1)
	return w
}

func TestWill(t *testing.T) {
	versions(t, func(t *testing.T, at *site, v packet.Version) {
		w := watcher(at)
		for _, expiry := range []uint32{0, 100} {
			c := at.connect("c", keep(expiry), will(0), version(v))
			w.expect()
			c.leave() // [MQTT-3.14.4-3]
			w.expect()
			c = at.connect("c", keep(expiry), will(0), version(v))
			c.lose() // [MQTT-3.1.2-8]
			w.expect("will c q1")
			c = at.connect("c", keep(expiry), version(v)) // no will now
			c.lose()
			w.expect()
			at.connect("c", version(v), clean).leave()
		}
	})
}

func TestWillIsRetained(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", with(func(o *broker.ConnectOptions) {
			o.Will = &broker.Will{Message: retain("will", "offline", 1)}
		}))
		c.send(retain("will", "online", 1))
		c.lose()
		w := watcher(at)
		w.expect("will offline q1 retained")
		at.reboot(time.Hour)
		w = at.connect("w2")
		w.subscribe("will", 1)
		w.expect("will offline q1 retained")
	})
}

func TestWillDelay(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		w := watcher(at)
		lost := func(delay, expiry uint32) {
			at.connect("c", keep(expiry), will(delay), clean).lose()
			time.Sleep(100 * time.Millisecond)
		}
		lost(10, 100)
		w.expect()
		time.Sleep(9 * time.Second)
		w.expect()
		time.Sleep(time.Second)
		w.expect("will c q1")
		time.Sleep(time.Hour)
		w.expect()

		lost(100, 10) // the session ends first
		w.expect()
		time.Sleep(10 * time.Second)
		w.expect("will c q1")

		lost(100, 0) // the session ends with the connection
		w.expect("will c q1")

		lost(10, 100)
		c := at.connect("c", keep(100)) // back in time [MQTT-3.1.3-9]
		time.Sleep(time.Minute)
		w.expect()
		c.leave()

		lost(10, 100)
		at.connect("c", clean).leave() // the session ends by Clean Start
		w.expect("will c q1")
	})
}

func TestWillOnTakeOver(t *testing.T) {
	for _, tc := range []struct {
		name        string
		delay       uint32
		first, then []option
		fires       bool
	}{
		{"session goes on, no delay", 0, []option{keep(100)}, []option{keep(100)}, true},
		{"session goes on, delay", 10, []option{keep(100)}, []option{keep(100)}, false},
		{"Clean Start, delay", 10, []option{keep(100)}, []option{keep(100), clean}, true},
		{"volatile, delay", 10, []option{keep(0)}, []option{keep(0)}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			run(t, func(t *testing.T, at *site) {
				w := watcher(at)
				at.connect("c", append(tc.first, will(tc.delay))...)
				at.connect("c", tc.then...)
				if tc.fires {
					w.expect("will c q1")
				}
				time.Sleep(time.Hour)
				w.expect()
			})
		})
	}
}

func TestWillAfterAPowerCut(t *testing.T) {
	for _, expiry := range []uint32{0, broker.Never} {
		for _, tc := range []struct {
			name  string
			back  bool
			fires bool
		}{{"not back", false, true}, {"back in time", true, false}} {
			name := tc.name + ", volatile"
			if expiry != 0 {
				name = tc.name + ", durable"
			}
			t.Run(name, func(t *testing.T) {
				run(t, func(t *testing.T, at *site) {
					watcher(at)
					c := at.connect("c", keep(expiry), will(10), user("alice"), with(func(o *broker.ConnectOptions) { o.KeepAlive = 20 * time.Second }))
					at.quiet()
					c.publish("x", "", 1)
					at.reboot(time.Hour)
					w := at.connect("watcher", keep(broker.Never))
					time.Sleep(39 * time.Second) // Will Delay + 1.5 KeepAlive = 40 s
					w.expect()
					if _, err := at.dial("c"); !errors.Is(err, packet.NotAuthorized) {
						t.Errorf("somebody else could cancel alice's Will: %v", err)
					}
					if tc.back {
						at.connect("c", keep(expiry), user("alice"))
					}
					time.Sleep(2 * time.Second)
					if tc.fires {
						w.expect("will c q1")
					} else {
						w.expect()
					}
					at.quiet()
					at.reboot(time.Hour)
					time.Sleep(time.Minute)
					at.connect("watcher", keep(broker.Never)).expect() // once, not once per start
				})
			})
		}
	}
}

func TestWillOnShutdown(t *testing.T) {
	for _, expiry := range []uint32{0, 1000} {
		run(t, func(t *testing.T, at *site) {
			w := watcher(at)
			stay := at.connect("stay away", keep(expiry), will(0))
			back := at.connect("come back", keep(expiry), will(0))
			for _, c := range []*client{stay, back} {
				c.Disconnect(broker.DisconnectOptions{Will: true, Shutdown: true})
			}
			w.expect()
			at.restart()
			time.Sleep(10 * time.Second)
			at.connect("watcher", keep(broker.Never)).expect()
			at.connect("come back", keep(expiry))
			time.Sleep(10 * time.Second) // 15 s are given to a Client without KeepAlive
			at.connect("watcher", keep(broker.Never)).expect("will stay away q1")
		})
	}
}

func TestWillThatCannotBe(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		for topic, want := range map[string]packet.ReasonCode{"a/+": packet.TopicNameInvalid, "": packet.TopicNameInvalid, "$SYS/x": packet.NotAuthorized} {
			_, err := at.dial("c", with(func(o *broker.ConnectOptions) { o.Will = &broker.Will{Message: message(topic, "", 0)} }))
			if !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", topic, err, want)
			}
		}
	})
}
