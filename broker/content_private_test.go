package broker_test

import (
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
)

// internal makes a session one of the program's own.
func internal(o *broker.ConnectOptions) { o.Internal = true }

// runPrivate has a filter for the program's own sessions, "$high" for numbers over 30 below a/, before a public one of the same content.
func runPrivate(t *testing.T, play func(t *testing.T, at *site, high when)) {
	t.Helper()
	o, hot, _ := filters(t)
	high := condition(t, "value > 30")
	o.Filters = []broker.Filter{
		{Name: "hot", Match: []string{"#"}, Condition: hot},
		{Name: "$high", Match: []string{"a/#"}, Condition: high, Private: true},
	}
	runWith(t, o, func(t *testing.T, at *site) { play(t, at, high) })
}

// What passes a private filter goes to the program's own sessions under the name it was published to, beside those who get it by other ways.
func TestPrivateFilter(t *testing.T) {
	runPrivate(t, func(t *testing.T, at *site, high when) {
		own := at.connect("own", keep(3600), internal)
		own.subscribe("$filter/$high/#", 2)
		plain := at.connect("plain", keep(3600))
		plain.subscribe("#", 1)
		behind := at.connect("behind", keep(3600))
		behind.subscribe("$filter/hot/#", 1)
		p := at.connect("p")
		p.publish("a/1", "31", 1)
		p.publish("a/1", "29", 1)
		p.publish("b/1", "32", 1)
		p.publish("a/2", "33", 2)
		own.expect("a/1 31 q1", "a/2 33 q2")
		plain.expect("a/1 31 q1", "a/1 29 q1", "b/1 32 q1", "a/2 33 q1")
		behind.expect("$filter/hot/a/1 31 q1", "$filter/hot/b/1 32 q1", "$filter/hot/a/2 33 q1")
		if n := high.asked.Load(); n != 3 {
			t.Errorf("the condition was asked %d times about 3 messages", n)
		}
	})
}

// What waits for a private filter's subscriber survives a power cut, as do its subscriptions.
func TestPrivateFilterLasts(t *testing.T) {
	runPrivate(t, func(t *testing.T, at *site, _ when) {
		own := at.connect("own", keep(3600), internal)
		own.subscribe("$filter/$high/#", 2)
		own.Disconnect(broker.DisconnectOptions{})
		p := at.connect("p")
		p.publish("a/1", "31", 1)
		p.publish("a/1", "29", 1)
		at.reboot(0)
		p = at.connect("p")
		p.publish("a/1", "34", 2)
		own = at.connect("own", keep(3600), internal)
		own.expect("a/1 31 q1 dup", "a/1 34 q2")
	})
}

// A new subscription behind a private filter gets the retained messages that pass, under their own names.
func TestPrivateFilterRetained(t *testing.T) {
	runPrivate(t, func(t *testing.T, at *site, _ when) {
		p := at.connect("p")
		p.send(retain("a/1", "31", 1))
		p.send(retain("a/2", "29", 1))
		own := at.connect("own", keep(3600), internal)
		own.subscribe("$filter/$high/#", 1)
		own.expect("a/1 31 q1 retained")
	})
}

// A private filter is not for clients, whatever they may read.
func TestPrivateFilterIsPrivate(t *testing.T) {
	runPrivate(t, func(t *testing.T, at *site, _ when) {
		c := at.connect("c")
		codes, _ := c.Subscribe([]broker.Subscription{{TopicFilter: "$filter/$high/#"}}, nil)
		if codes[0] != packet.TopicFilterInvalid {
			t.Errorf("subscribe: %v", codes[0])
		}
		codes, _ = c.Subscribe([]broker.Subscription{{TopicFilter: "$share/g/$filter/$high/#"}}, nil)
		if !codes[0].IsError() {
			t.Errorf("subscribe to a share: %v", codes[0])
		}
	})
}
