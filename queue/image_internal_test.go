package queue

import (
	"testing"

	"skerry/queue/slotlog"
)

// TestReplayAllocatesNothing: a checkpoint reads everything that was published once more, beside the publishers.
func TestReplayAllocatesNothing(t *testing.T) {
	g := newImage(&contents{})
	g.sessions[1] = newSessionState(1, SessionOptions{})
	m := &Message{TopicName: "a/b", Payload: make([]byte, 100), QoS: 1, Stamp: Stamp{Boot: 1, At: 1}}
	to := []logTarget{{number: 1, ordinal: 1, qos: 1}}
	r := slotlog.Record{Boot: 1, Type: recMessage, Body: appendMessage(nil, m, from{}, to, 1)}
	if !g.apply(r) || g.sessions[1].next != 2 {
		t.Fatal("not replayed")
	}
	if n := testing.AllocsPerRun(100, func() { g.apply(r) }); n > 0 {
		t.Errorf("%v allocations for each message", n)
	}
}
