package broker_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"skerry/broker"
	"skerry/queue"
)

// TestDivert: what is published for a subscription goes to the session that it is diverted to, each message to one of the two, and to its
// own again after a restart and when the other one has ended.
func TestDivert(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		p := at.connect("p")
		a, b := at.connect("a", internal, keep(broker.Never)), at.connect("b", internal, keep(broker.Never))
		a.subscribe("t/#", 2)
		a.subscribe("t/+", 1) // overlapping ones too
		p.publish("t/1", "one", 2)
		a.expect("t/1 one q2")
		if err := a.Divert(b.Session); err != nil {
			t.Fatal(err)
		}
		p.publish("t/1", "two", 2)
		p.send(retain("t/1", "three", 1))
		a.expect()
		b.expect("t/1 two q2", "t/1 three q1")
		a.subscribe("t/1", 1) // a new one: what is retained is for who has asked
		a.expect("t/1 three q1 retained")
		if err := a.Divert(nil); err != nil {
			t.Fatal(err)
		}
		p.publish("t/1", "four", 1)
		a.expect("t/1 four q1")
		if err := a.Divert(b.Session); err != nil {
			t.Fatal(err)
		}
		p.publish("t/1", "five", 1)
		at.quiet()
		at.reboot(time.Minute)
		p = at.connect("p")
		p.publish("t/1", "six", 1)
		a, b = at.connect("a", internal, keep(broker.Never)), at.connect("b", internal, keep(broker.Never))
		a.expect("t/1 six q1")
		b.expect("t/1 five q1 dup")
		if got := a.Subscriptions(); !slices.Equal(got, []string{"t/#", "t/+", "t/1"}) || len(b.Subscriptions()) != 0 {
			t.Errorf("subscriptions %q, %q", got, b.Subscriptions())
		}
		if err := a.Divert(b.Session); err != nil {
			t.Fatal(err)
		}
		now := uint32(0)
		b.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
		p.publish("t/1", "seven", 1)
		a.expect("t/1 seven q1")
	})
}

// TestDivertSome: of what is published the other one gets a part, each message is asked about once, and the rest stays.
func TestDivertSome(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		p := at.connect("p")
		a, b := at.connect("a", internal, keep(broker.Never)), at.connect("b", internal, keep(broker.Never))
		a.subscribe("t/#", 2)
		a.subscribe("t/+", 1) // overlapping ones too
		asked := 0
		some := func(m *broker.Message) bool { asked++; return m.TopicName == "t/b" }
		if err := a.DivertSome(b.Session, some); err != nil {
			t.Fatal(err)
		}
		p.publish("t/a", "one", 2)
		p.publish("t/b", "two", 2)
		p.publish("t/a", "three", 1)
		a.expect("t/a one q2", "t/a three q1")
		b.expect("t/b two q2")
		if asked != 3 {
			t.Errorf("asked %d times about 3 messages", asked)
		}
		if err := a.Divert(b.Session); err != nil { // all of it from now on
			t.Fatal(err)
		}
		p.publish("t/a", "four", 1)
		a.expect()
		b.expect("t/a four q1")
		if err := a.DivertSome(b.Session, some); err != nil {
			t.Fatal(err)
		}
		now := uint32(0)
		b.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
		p.publish("t/b", "five", 1)
		a.expect("t/b five q1")
	})
}

func TestDivertRefused(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a := at.connect("a", internal, keep(broker.Never))
		for name, to := range map[string]*client{
			"a client":            at.connect("c", keep(broker.Never)),
			"a session in memory": at.connect("m", internal),
		} {
			if err := a.Divert(to.Session); err == nil {
				t.Errorf("%s takes what was subscribed to by another", name)
			}
		}
		gone := at.connect("g", internal, keep(broker.Never))
		now := uint32(0)
		gone.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
		if err := a.Divert(gone.Session); err == nil {
			t.Error("a session that has ended takes what was subscribed to by another")
		}
	})
}

// TestDivertWhilePublishing turns the switch under many publishers: nothing is lost, nothing goes to both.
func TestDivertWhilePublishing(t *testing.T) {
	at := live(t)
	a, b := at.connect("a", internal, keep(broker.Never)), at.connect("b", internal, keep(broker.Never))
	a.subscribe("t/#", 1)
	a.subscribe("t/+", 1)
	const publishers, each = 4, 500
	var publishing sync.WaitGroup
	for i := range publishers {
		p := at.connect(fmt.Sprint("p", i))
		publishing.Go(func() {
			for k := range each {
				p.Publish(&broker.Message{TopicName: "t/x", Payload: fmt.Appendf(nil, "%d %d", i, k), QoS: 1}, nil)
			}
		})
	}
	done := make(chan struct{})
	go func() { publishing.Wait(); close(done) }()
	for turn := 0; ; turn++ {
		to := b.Session
		if turn%2 == 0 {
			to = nil
		}
		if err := a.Divert(to); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			if n := a.Unfinished() + b.Unfinished(); n != publishers*each {
				t.Errorf("%d deliveries are owed, want %d", n, publishers*each)
			}
			return
		default:
		}
	}
}

// TestLimitsOfOwnSessions: what waits for a session of the program has the bounds that it was given.
func TestLimitsOfOwnSessions(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		a := at.connect("a", internal, keep(broker.Never))
		a.subscribe("t", 1)
		a.SetLimits(queue.Limits{Messages: 3})
		a.Disconnect(broker.DisconnectOptions{})
		p := at.connect("p")
		for i := range 5 {
			p.publish("t", fmt.Sprint(i), 1)
		}
		if s := a.Stats(); s.Messages != 3 || s.Dropped[queue.DroppedMessages] != 2 || a.Lost() != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestNewest: a delivery is the newest of its topic until something else is retained there, or nothing.
func TestNewest(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		p, a := at.connect("p"), at.connect("a", internal, keep(broker.Never))
		a.subscribe("t", 1)
		p.send(retain("t", "1", 1))
		p.send(retain("t", "2", 1)) // in the same millisecond
		p.send(retain("t", "", 1))
		p.send(retain("t", "3", 1))
		at.quiet()
		at.reboot(time.Minute)
		a, p = at.connect("a", internal, keep(broker.Never)), at.connect("p")
		at.quiet() // it is read back
		var got []bool
		ds := a.Next(nil, 10)
		for _, d := range ds {
			got = append(got, at.Newest(d.Message))
		}
		if !slices.Equal(got, []bool{false, false, false, true}) {
			t.Errorf("newest: %v", got)
		}
		p.send(retain("t", "", 1))
		removed := a.Next(nil, 10)
		if at.Newest(ds[3].Message) || len(removed) != 1 || !at.Newest(removed[0].Message) {
			t.Error("what was removed is the newest")
		}
	})
}
