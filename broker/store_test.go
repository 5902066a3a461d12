package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
	"skerry/queue/vfs"
)

var errCard = errors.New("card gone")

// TestStoreDown: QoS 1 and 2 for durable sessions are refused, QoS 0 and what is owed to volatile sessions flows.
func TestStoreDown(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		durable := at.connect("durable", keep(broker.Never))
		durable.subscribe("a", 1)
		volatile := at.connect("volatile")
		volatile.subscribe("b", 1)
		p := at.connect("p")
		at.failCard()
		r, code := p.Publish(message("a", "lost with the card", 1), nil)
		if code.IsError() {
			t.Fatalf("refused before anybody could know: %v", code)
		}
		if err := at.Wait(t.Context(), r); err == nil {
			t.Fatal("the receipt of a failed commit resolved")
		}
		if at.Err() == nil {
			t.Fatal("Err = nil")
		}
		durable.expect("a lost with the card q1")

		_, code = p.Publish(message("a", "1", 1), nil)
		wantCode(t, "QoS 1 to a durable session", code, packet.ImplementationSpecificError)
		_, code = p.Receive(1, message("a", "2", 2), nil)
		wantCode(t, "QoS 2 to a durable session", code, packet.ImplementationSpecificError)
		p.publish("a", "3", 0)
		p.publish("b", "4", 1)
		durable.expect("a 3 q0")
		volatile.expect("b 4 q1")

		codes, _ := durable.Subscribe([]broker.Subscription{{TopicFilter: "c"}, {TopicFilter: "c#"}}, nil)
		wantCode(t, "SUBSCRIBE", codes[0], packet.ImplementationSpecificError)
		wantCode(t, "bad filter", codes[1], packet.TopicFilterInvalid)
		codes, _ = durable.Unsubscribe([]string{"a"})
		wantCode(t, "UNSUBSCRIBE", codes[0], packet.ImplementationSpecificError)
		if _, err := at.dial("new", keep(broker.Never)); !errors.Is(err, packet.ServerUnavailable) {
			t.Errorf("a durable session was made: %v", err)
		}
		at.connect("new too", will(0)).lose()
		volatile.subscribe("d", 1)
	})
}

// failCard makes every write fail from now on.
func (at *site) failCard() {
	at.disk.Hook(func(vfs.Op) error { return errCard })
	at.broken = true
}

// TestEndOfASessionWithManySubscriptions: they are more than fit one batch.
func TestEndOfASessionWithManySubscriptions(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", keep(100))
		for i := range 200 {
			c.subscribe(fmt.Sprintf("%s/%d/+", strings.Repeat("long", 1000), i), 1)
		}
		c.lose()
		at.restart()
		time.Sleep(200 * time.Second)
		at.restart()
		if at.connect("c", keep(100)).SessionPresent {
			t.Error("the session did not end")
		}
		wantCode(t, "publish", at.connect("p").send(message(strings.Repeat("long", 1000)+"/7/x", "", 1)), packet.NoMatchingSubscribers)
	})
}

// TestMessageTooLarge for the log is refused, not cut.
func TestMessageTooLarge(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		s := at.connect("s", keep(broker.Never))
		s.subscribe("a", 1)
		_, code := at.connect("p").Publish(message("a", string(make([]byte, 1<<20)), 1), nil)
		wantCode(t, "publish", code, packet.QuotaExceeded)
		s.expect()
	})
}

func TestGatewayFacts(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		if _, ok := at.Fact("pulse/rain"); ok {
			t.Error("there from the beginning")
		}
		r, err := at.PutFact("pulse/rain", []byte("17"))
		if err != nil {
			t.Fatal(err)
		}
		at.settle(r)
		at.reboot(time.Hour)
		if v, ok := at.Fact("pulse/rain"); !ok || string(v) != "17" {
			t.Errorf("%q %v", v, ok)
		}
		r, _ = at.PutFact("pulse/rain", nil)
		at.settle(r)
		at.reboot(time.Hour)
		if _, ok := at.Fact("pulse/rain"); ok {
			t.Error("deleted and there again")
		}
	})
}

// TestNothingOnDiskForVolatileSessions connects, subscribes and publishes, and looks at the log.
func TestNothingOnDiskForVolatileSessions(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		before := at.store.Stats()
		s, p := at.connect("s"), at.connect("p")
		s.subscribe("a", 2)
		for i := range byte(3) {
			p.publish("a", "x", i)
		}
		r, _ := p.Receive(1, message("a", "x", 2), nil)
		at.settle(r)
		p.Release(1)
		s.expect("a x q0", "a x q1", "a x q2", "a x q2")
		s.Unsubscribe([]string{"a"})
		s.leave()
		p.lose()
		at.quiet()
		if after := at.store.Stats(); after.Records != before.Records || after.Flushes != before.Flushes {
			t.Errorf("%d records and %d flushes were written", after.Records-before.Records, after.Flushes-before.Flushes)
		}
	})
}

// TestSubscribingAgainCostsNothing: many Clients subscribe anew at every connection.
func TestSubscribingAgainCostsNothing(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		at.connect("c", keep(broker.Never)).subscribe("a/+", 1)
		at.quiet()
		before := at.store.Stats()
		for range 5 {
			c := at.connect("c", keep(broker.Never))
			c.subscribe("a/+", 1)
			c.lose()
		}
		at.quiet()
		if after := at.store.Stats(); after.Records != before.Records {
			t.Errorf("%d records were written", after.Records-before.Records)
		}
	})
}

// TestDamagedFacts cost what they stood for, and nothing else.
func TestDamagedFacts(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", keep(broker.Never))
		c.subscribe("a", 1)
		damage := at.store.NewBatch()
		for space := byte(1); space <= 3; space++ {
			for _, key := range []string{"", "cx", "zz #", "1 #", "no number"} {
				damage.Put(space, key, []byte{99, 1, 2, 3})
			}
		}
		damage.Put(2, "zzzz a/#", []byte{1, 1}) // of a session that is not there
		lost := damage.Create(queue.SessionOptions{})
		r, err := at.store.Apply(damage)
		if err != nil {
			t.Fatal(err)
		}
		at.settle(r)
		for range 2 {
			at.restart()
			c = at.connect("c", keep(broker.Never))
			if !c.SessionPresent {
				t.Fatal("a sound session was lost")
			}
			c.publish("a", "x", 1)
			c.expect("a x q1")
			at.quiet()
		}
		if at.store.Session(lost.Number()) != nil {
			t.Error("a session without a name was kept")
		}
		left := 0
		for space := byte(1); space <= 3; space++ {
			for range at.store.Facts(space) {
				left++
			}
		}
		if left != 2 {
			t.Errorf("%d facts are left, want that of the session and of its subscription", left)
		}
	})
}
