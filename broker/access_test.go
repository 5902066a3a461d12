package broker_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// limited is an Access that allows what begins with what was last said, per right.
type limited struct{ publish, subscribe, read atomic.Value }

func (l *limited) MayPublish(name string) bool      { return allows(&l.publish, name) }
func (l *limited) MayHaveRetained(name string) bool { return allows(&l.publish, name) }
func (l *limited) MaySubscribe(filter string) bool  { return allows(&l.subscribe, filter) }
func (l *limited) MayRead(name string) bool         { return allows(&l.read, name) }

func allows(prefix *atomic.Value, topic string) bool {
	p, ok := prefix.Load().(string)
	return ok && strings.HasPrefix(topic, p)
}

func allowing(publish, subscribe, read string) *limited {
	l := new(limited)
	l.publish.Store(publish)
	l.subscribe.Store(subscribe)
	l.read.Store(read)
	return l
}

// within makes a session keep to what an Access allows.
func within(l *limited) option {
	return func(o *broker.ConnectOptions) { o.Access = func(string) broker.Access { return l } }
}

func TestAccessOfPublisher(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		w := at.connect("watcher")
		w.subscribe("#", 2)
		c := at.connect("c", within(allowing("a", "", "")))
		for _, m := range []*broker.Message{message("b", "x", 0), message("b", "x", 1), retain("b", "x", 1)} {
			if _, code := c.Publish(m, nil); code != packet.NotAuthorized {
				t.Errorf("publish: %v", code)
			}
		}
		if _, code := c.Receive(1, message("b", "x", 2), nil); code != packet.NotAuthorized {
			t.Errorf("receive: %v", code)
		}
		w.expect()
		c.publish("a", "x", 1)
		w.expect("a x q1")
	})
}

// A repeat of a message that was taken is that message, also when its topic has been closed since.
func TestAccessOfARepeat(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		l := allowing("a", "", "")
		c := at.connect("c", within(l))
		first, _ := c.Receive(1, message("a", "x", 2), nil)
		l.publish.Store("b")
		if again, code := c.Receive(1, message("a", "x", 2), nil); code.IsError() || again != first {
			t.Errorf("the repeat: %v", code)
		}
		if _, code := c.Receive(2, message("a", "x", 2), nil); code != packet.NotAuthorized {
			t.Errorf("the next one: %v", code)
		}
	})
}

func TestAccessOfSubscriber(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		p := at.connect("p")
		p.send(retain("a/kept", "x", 1))
		p.send(retain("b/kept", "x", 1))
		l := allowing("", "", "a")
		c := at.connect("c", keep(100), within(l))
		c.subscribeAs(broker.Subscription{TopicFilter: "#", QoS: 1}, broker.Subscription{TopicFilter: "+/live", QoS: 1}) // they overlap
		c.expect("a/kept x q1 retained")
		if code := p.send(message("b/live", "x", 1)); code != packet.NoMatchingSubscribers {
			t.Errorf("a message that nobody may read: %v", code)
		}
		p.publish("a/live", "x", 1)
		c.expect("a/live x q1")

		// While it is away the same holds, and new rules do at once.
		c.Disconnect(broker.DisconnectOptions{})
		p.publish("b/live", "away", 1)
		p.publish("a/live", "away", 1)
		l.read.Store("b")
		p.publish("a/live", "late", 1)
		p.publish("b/live", "late", 1)
		c = at.connect("c", keep(100)) // now without bounds
		c.expect("a/live away q1", "b/live late q1")
		p.publish("z/live", "x", 1)
		c.expect("z/live x q1")
	})
}

// A retained message goes to nobody while its publisher may not publish there, as with mosquitto; what is live is another matter.
func TestAccessOfRetained(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		l := allowing("a", "", "")
		other := at.connect("other")
		p := at.connect("p", within(l), with(func(o *broker.ConnectOptions) { o.Will = &broker.Will{Message: retain("a/will", "x", 1)} }))
		p.send(retain("a/mine", "x", 1))
		p.send(retain("a/both", "x", 1))
		other.send(retain("a/both", "y", 1))
		other.send(retain("a/other", "x", 1))
		p.lose()
		l.publish.Store("b")
		for _, expiry := range []uint32{0, 100} { // by either way to the queue
			s := at.connect("s", keep(expiry), clean)
			s.subscribe("a/#", 1)
			s.expectAnyOrder("a/both y q1 retained", "a/other x q1 retained")
			other.send(retain("a/other", "x", 1))
			s.expect("a/other x q1")
		}
		l.publish.Store("a")
		s := at.connect("s", clean)
		s.subscribe("a/+", 1)
		s.expectAnyOrder("a/both y q1 retained", "a/mine x q1 retained", "a/other x q1 retained", "a/will x q1 retained")
	})
}

func TestAccessOfSubscription(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		c := at.connect("c", within(allowing("", "a", "")))
		codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "a/#", QoS: 1}, {TopicFilter: "#"}, {TopicFilter: "a+"}}, nil)
		if codes[0] != 1 || codes[1] != packet.NotAuthorized || codes[2] != packet.TopicFilterInvalid {
			t.Errorf("codes %v", codes)
		}
		at.connect("p").publish("b", "x", 1)
		c.expect()
	})
}

func TestAccessOfWill(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		w := at.connect("watcher")
		w.subscribe("will", 1)
		if _, err := at.dial("c", will(0), within(allowing("a", "", ""))); !errors.Is(err, packet.NotAuthorized) {
			t.Errorf("a Will that is not allowed: %v", err)
		}
		l := allowing("will", "", "")
		c := at.connect("c", will(0), within(l))
		c.Disconnect(broker.DisconnectOptions{Will: true})
		w.expect("will c q1")
		c = at.connect("c", will(10), keep(100), within(l))
		c.Disconnect(broker.DisconnectOptions{Will: true})
		l.publish.Store("a")
		time.Sleep(time.Minute)
		w.expect()
	})
}

// The Access is that of the ClientID, also of one that was assigned.
func TestAccessOfClientID(t *testing.T) {
	run(t, func(t *testing.T, at *site) {
		var asked []string
		note := with(func(o *broker.ConnectOptions) {
			o.Access = func(id string) broker.Access { asked = append(asked, id); return nil }
		})
		at.connect("c", note)
		c := at.connect("", note)
		if len(asked) != 2 || asked[0] != "c" || asked[1] != c.Session.ClientID() || asked[1] == "" {
			t.Errorf("asked for %q", asked)
		}
		c.publish("a", "x", 1) // nil: no bounds
	})
}
