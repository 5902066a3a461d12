package broker_test

import (
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

func TestSessionExpiry(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		for _, tc := range []struct {
			name    string
			expiry  uint32
			away    time.Duration
			present bool
		}{
			{"with the connection", 0, 0, false},
			{"in time", 60, 59 * time.Second, true},
			{"too late", 60, 61 * time.Second, false},
			{"never", broker.Never, 60 * 24 * time.Hour, true},
		} {
			at.connect("c", keep(tc.expiry), clean).lose()
			time.Sleep(tc.away)
			c := at.connect("c", keep(tc.expiry))
			if c.SessionPresent != tc.present {
				t.Errorf("%s: SessionPresent = %v", tc.name, c.SessionPresent)
			}
			time.Sleep(time.Hour) // connected sessions do not expire
			wantCode(t, tc.name, c.send(message("nobody", "", 1)), packet.NoMatchingSubscribers)
			c.leave()
		}
	})
}

// TestExpiredSessionIsGone: its subscriptions too, also after a restart.
func TestExpiredSessionIsGone(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", keep(60))
		c.subscribe("a", 1)
		c.lose()
		time.Sleep(2 * time.Minute)
		p := at.connect("p")
		if code := p.send(message("a", "", 1)); code != packet.NoMatchingSubscribers {
			t.Errorf("publish: %v", code)
		}
		time.Sleep(10 * time.Second) // the end is written with the next group
		at.restart()
		p = at.connect("p")
		if code := p.send(message("a", "", 1)); code != packet.NoMatchingSubscribers {
			t.Errorf("publish after a restart: %v", code)
		}
	})
}

// TestExpiredWhileSuspended: a Client that is there before the timer, which stands still while the machine is suspended, finds the
// session ended [MQTT-4.1.0-2] and its Will published [MQTT-3.1.2-8].
func TestExpiredWhileSuspended(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		watch := at.connect("watch")
		watch.subscribe("will", 0)
		at.connect("late", keep(60), will(600)).lose()
		at.connect("in time", keep(600), will(60)).lose()
		at.connect("early", keep(600), will(600)).lose()
		at.asleep.Add(int64(5 * time.Minute))
		if at.connect("late", keep(60)).SessionPresent {
			t.Error("the session of a Client that was away too long goes on")
		}
		if !at.connect("in time", keep(600)).SessionPresent {
			t.Error("a session has ended early")
		}
		watch.expect("will late q0", "will in time q0") // that one is due as well: whoever looks first publishes it
		if !at.connect("early", keep(600)).SessionPresent {
			t.Error("a session has ended early")
		}
		watch.expect()
	})
}

func TestDisconnectChangesSessionExpiry(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		to := func(seconds uint32) broker.DisconnectOptions {
			return broker.DisconnectOptions{SessionExpiryInterval: &seconds}
		}
		at.connect("c", keep(60)).Disconnect(to(0))
		if at.connect("c", keep(60)).SessionPresent {
			t.Error("0: the session goes on")
		}
		at.connect("c", keep(60)).Disconnect(to(600))
		time.Sleep(5 * time.Minute)
		c := at.connect("c")
		if !c.SessionPresent {
			t.Error("600: the session ended")
		}
		c.Disconnect(to(600)) // [MQTT-3.14.2-2]
		if at.connect("c", keep(60)).SessionPresent {
			t.Error("a DISCONNECT made a session durable that ends with its connection")
		}
	})
}

// TestSessionExpiryOverBoots adds up the time that is known to have passed, and no other.
func TestSessionExpiryOverBoots(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("c", keep(100)).lose()
		time.Sleep(60 * time.Second)
		at.connect("p").send(retain("x", "so that the minute is known", 1))
		at.reboot(24 * time.Hour) // nobody knows how long
		time.Sleep(30 * time.Second)
		at.restart()
		c := at.connect("c", keep(100))
		if !c.SessionPresent {
			t.Fatal("ended early")
		}
		c.lose()
		time.Sleep(60 * time.Second)
		at.connect("p").send(retain("x", "again", 1))
		at.reboot(24 * time.Hour)
		time.Sleep(50 * time.Second)
		if at.connect("c", keep(100)).SessionPresent {
			t.Fatal("did not end")
		}
	})
}

// TestSessionExpiryStartsAtTheRestart for a session that was connected when the power went.
func TestSessionExpiryStartsAtTheRestart(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("c", keep(100))
		time.Sleep(time.Hour)
		at.reboot(time.Hour)
		time.Sleep(90 * time.Second)
		at.restart() // and does not start again at the next one
		time.Sleep(5 * time.Second)
		if c := at.connect("c", keep(100)); !c.SessionPresent {
			t.Fatal("ended early")
		}
		at.reboot(0)
		time.Sleep(90 * time.Second)
		at.restart()
		time.Sleep(15 * time.Second)
		if at.connect("c", keep(100)).SessionPresent {
			t.Fatal("did not end")
		}
	})
}

// TestExpiredRetainedIsNotCounted: what no subscriber would get any more is not among the retained messages.
func TestExpiredRetainedIsNotCounted(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		p := at.connect("p")
		short := retain("a", "soon gone", 1)
		short.HasExpiry, short.Expiry = true, 60
		p.send(short)
		p.send(retain("b", "stays", 1))
		if n, _ := at.Retained(); n != 2 {
			t.Errorf("%d retained messages, want 2", n)
		}
		time.Sleep(2 * time.Minute)
		if n, bytes := at.Retained(); n != 1 || bytes != 6 {
			t.Errorf("%d retained messages of %d bytes, want 1 of 6", n, bytes)
		}
	})
}
