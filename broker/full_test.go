package broker_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// rejecting is a broker whose sessions hold two messages.
func rejecting() broker.Options {
	return broker.Options{Queue: queue.SessionOptions{Limits: queue.Limits{Messages: 2, WhenFull: queue.Reject}}}
}

// The limits of a session are those of the broker, not of the store: also after a restart.
func TestLimitsAfterRestart(t *testing.T) {
	runWith(t, rejecting(), func(t *testing.T, at *site) {
		c := at.connect("a", keep(broker.Never))
		c.subscribe("a", 1)
		c.leave()
		p := at.connect("p")
		p.publish("a", "1", 1)
		at.restart()
		p = at.connect("p")
		p.publish("a", "2", 1)
		_, code := p.Publish(message("a", "3", 1), nil)
		wantCode(t, "the third", code, packet.QuotaExceeded)
		if why := p.Refusal(); why == nil || !strings.Contains(why.Error(), "client a (session 1) is full: it may hold 2 messages") {
			t.Errorf("Refusal: %v", why)
		}
		at.connect("a", keep(broker.Never)).expect("a 1 q1 dup", "a 2 q1")
		p.publish("a", "4", 1)
		if why := p.Refusal(); why != nil {
			t.Errorf("Refusal of what was taken: %v", why)
		}
	})
}

// The line about a full queue names the client, also after a restart.
func TestFullQueueIsNamed(t *testing.T) {
	var text bytes.Buffer
	o := rejecting()
	o.Log = slog.New(slog.NewTextHandler(&text, nil))
	runWith(t, o, func(t *testing.T, at *site) {
		c := at.connect("pager", keep(broker.Never))
		c.subscribe("a", 1)
		c.leave()
		for n := range 2 {
			p := at.connect("p")
			for range 3 {
				_, _ = p.Publish(message("a", "1", 1), nil)
			}
			at.quiet()
			at.quiet()
			at.restart()
			if got := strings.Count(text.String(), "the queue of a session is full\" session=1 name=pager"); got != n+1 {
				t.Fatalf("%d lines after start %d:\n%s", got, n+1, text.String())
			}
		}
	})
}

// Sessions of the program itself have the limits of the store only.
func TestNoLimitForInternal(t *testing.T) {
	runWith(t, rejecting(), func(t *testing.T, at *site) {
		internal := with(func(o *broker.ConnectOptions) { o.Internal = true })
		c := at.connect("up", internal, keep(broker.Never))
		c.subscribe("a", 1)
		c.leave()
		p := at.connect("p")
		for i := range 3 {
			p.publish("a", fmt.Sprint(i), 1)
		}
		at.restart()
		p = at.connect("p")
		p.publish("a", "3", 1)
	})
}

// A subscription is not refused because there is no room for all retained messages: they follow.
func TestRetainedWhenFull(t *testing.T) {
	runWith(t, rejecting(), func(t *testing.T, at *site) {
		p := at.connect("p")
		for i := range 5 {
			p.send(retain(fmt.Sprint("a/", i), "kept", 1))
		}
		c := at.connect("c", keep(broker.Never))
		c.subscribe("a/#", 1)
		got := map[string]bool{}
		for range 20 {
			ds := c.take(1)
			c.ack(ds)
			for _, d := range ds {
				got[d.Message.TopicName] = true
			}
			at.quiet()
		}
		if len(got) != 5 {
			t.Errorf("got %v", got)
		}
	})
}
