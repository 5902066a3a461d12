package uplink_test

import (
	"fmt"
	"testing"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink/budget"
)

// thinned gives the live stream of a limited station an interval, and has its budget become tight.
func (at *station) thinned(streams ...config.Stream) {
	at.t.Helper()
	at.limit(1_000_000)
	if len(streams) > 0 {
		at.streams = streams
	}
	at.streams[0].WhenTight = &config.WhenTight{Every: 10 * time.Minute}
	at.start()
	at.online()
	at.fill("t/0", 1000, 1)
	at.until("the rung", func() bool { return at.budget().Rung == budget.Reduced })
	time.Sleep(2 * time.Minute)
}

// perMinute publishes numbered messages, n in as many minutes on each of two live topics, and alarms and states. The budget is tight all the time.
func (at *station) perMinute(n int) {
	at.t.Helper()
	for i := range n {
		for _, topic := range []string{"t/1", "t/2"} {
			at.publish(&broker.Message{TopicName: topic, Payload: fmt.Append(nil, i), QoS: byte(1 + i%2)})
		}
		at.publish(&broker.Message{TopicName: "s/x", Payload: fmt.Append(nil, i), QoS: 1})
		at.publish(&broker.Message{TopicName: "a/x", Payload: fmt.Append(nil, i), QoS: 1})
		time.Sleep(time.Minute)
		if r := at.budget().Rung; r != budget.Reduced {
			at.t.Fatalf("rung %v after %d minutes", r, i)
		}
	}
}

// TestBudgetThinned: on the rung reduced a live stream that says how is thinned out; alarms and states are not. What is left out is counted and
// said, and the backlog is empty.
func TestBudgetThinned(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.thinned()
		at.perMinute(40)
		time.Sleep(2 * time.Minute)
		for _, topic := range []string{"t/1", "t/2"} {
			if got := at.server.payloads("farm/" + topic); fmt.Sprint(got) != "[0 10 20 30]" {
				t.Errorf("%s: %v arrived", topic, got)
			}
		}
		if a, s := len(at.server.payloads("farm/a/x")), len(at.server.payloads("farm/s/x")); a != 40 || s != 40 {
			t.Errorf("%d alarms and %d states arrived, want 40 and 40", a, s)
		}
		s := at.uplink.Status()
		if b := s.Links[0].Budget; s.Thinned != 72 || b.Dropped[budget.Live] != 72 || b.Dropped.Sum() != 72 || b.Held.Sum() != 0 {
			t.Errorf("%d thinned, dropped %v, held %v: want 72, 72 live and none", s.Thinned, b.Dropped, b.Held)
		}
		if n := s.Streams[0].Thinned; n != 72 || s.Backlog["now"] != 0 {
			t.Errorf("stream: %d thinned, %d wait", n, s.Backlog["now"])
		}
		if lines := at.log.matching("is thinned out"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		for at.budget().Rung >= budget.Reduced {
			time.Sleep(time.Minute)
		}
		time.Sleep(2 * time.Minute)
		if lines := at.log.matching("not thinned out any more"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		at.fill("t/1", 5, 1)
		at.until("all of it leaves again", func() bool { return len(at.server.payloads("farm/t/1")) == 4+5 })
		if n := at.uplink.Status().Thinned; n != 72 {
			t.Errorf("%d thinned", n)
		}
	})
}

// TestBudgetThinnedBacklog: of what has waited as much is left as of what has not: what decides is when it was published.
func TestBudgetThinnedBacklog(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.thinned()
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		at.perMinute(35)
		at.server.with(func() { at.server.down = false })
		at.until("alarms are upstream", func() bool { return len(at.server.payloads("farm/a/x")) == 35 })
		time.Sleep(time.Minute)
		if got := at.server.payloads("farm/t/1"); fmt.Sprint(got) != "[0 10 20 30]" {
			t.Errorf("%v arrived", got)
		}
		if n := at.uplink.Status().Backlog["now"]; n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// TestBudgetThinnedPair: of a pair what is left out goes into the backlog: nothing is dropped, lost or twice.
func TestBudgetThinnedPair(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.thinned(classed("now", config.LiveClass, "t/#"), classed("old", config.BackfillClass, "t/#"),
			classed("alarms", config.AlarmClass, "a/#"), classed("states", config.StateClass, "s/#"))
		for i := range 40 {
			at.publish(&broker.Message{TopicName: "t/1", Payload: fmt.Append(nil, i), QoS: 1})
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour) // they share a connection
		if got := at.server.payloads("farm/t/1"); at.budget().Rung != budget.Reduced || fmt.Sprint(got) != "[0 10 20 30]" {
			t.Errorf("%v arrived; %v", got, at.budget())
		}
		s := at.uplink.Status()
		if b := s.Links[0].Budget; s.Thinned != 0 || b.Dropped.Sum() != 0 || s.Streams[0].Thinned != 36 || s.Backlog["old"] != 36 || b.Held[budget.Backfill] != 36 {
			t.Errorf("%d thinned, %d of it into the backlog, dropped %v, held %v, %v", s.Thinned, s.Streams[0].Thinned, b.Dropped, b.Held, s.Backlog)
		}
		if lines := at.log.matching("goes into the backlog"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		time.Sleep(72 * time.Hour)
		seen := map[string]int{}
		for _, p := range at.server.payloads("farm/t/1") {
			seen[p]++
		}
		for i := range 40 {
			if seen[fmt.Sprint(i)] != 1 {
				t.Errorf("message %d arrived %d times", i, seen[fmt.Sprint(i)])
			}
		}
	})
}

// TestBudgetThinnedRemoval: while a stream is thinned out the removal of a retained message leaves.
func TestBudgetThinnedRemoval(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.thinned()
		for _, payload := range []string{"1", "2", ""} {
			at.publish(&broker.Message{TopicName: "t/1", Payload: []byte(payload), QoS: 1, Retain: true})
		}
		at.publish(&broker.Message{TopicName: "a/x", Payload: []byte("x"), QoS: 1}) // it has the link connect
		time.Sleep(10 * time.Minute)
		if got := at.server.payloads("farm/t/1"); len(got) != 2 || got[1] != "" {
			t.Errorf("%q arrived, %+v", got, at.uplink.Status())
		}
	})
}
