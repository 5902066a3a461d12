package server

import (
	"bytes"
	"encoding/binary"
	"testing"

	"skerry/queue"
)

// A Client that always has something under way never empties its queue: that must not make the queue grow.
func TestAckQueueStaysSmall(t *testing.T) {
	var q ackQueue
	var out, want []byte
	for n := range uint32(100_000) {
		encoded := binary.BigEndian.AppendUint32(nil, n)
		want = append(want, encoded...)
		q.add(ack{at: queue.Receipt(n), publishes: 1}, encoded)
		if n >= 3 {
			out, _ = q.take(out, queue.Receipt(n-3)) // the last three wait for the disk
		}
	}
	out, _ = q.take(out, 1<<20)
	if !bytes.Equal(out, want) {
		t.Error("the acknowledgements that came out are not those that went in")
	}
	if q.cost != 0 || !q.empty() {
		t.Errorf("cost %d, empty %t after all has left", q.cost, q.empty())
	}
	if cap(q.bytes) > 1<<10 || cap(q.fifo) > 1<<10 {
		t.Errorf("room for %d bytes and %d entries, of which never more than 16 and 4 were needed", cap(q.bytes), cap(q.fifo))
	}
}

// None leaves before what it confirms is durable, nor before those that were owed before it.
func TestAckQueueWaits(t *testing.T) {
	var q ackQueue
	for i, at := range []queue.Receipt{0, 3, 0, 3, 5, 4, 9, 0} {
		q.add(ack{at: at, publishes: 1}, []byte{'a' + byte(i)})
	}
	for _, step := range []struct {
		durable queue.Receipt
		want    string
	}{{2, "a"}, {2, ""}, {3, "bcd"}, {4, ""}, {5, "ef"}, {8, ""}, {9, "gh"}} {
		out, sum := q.take(nil, step.durable)
		if string(out) != step.want || int(sum.publishes) != len(step.want) {
			t.Errorf("durable %d: %q left, and %d exchanges ended, want %q", step.durable, out, sum.publishes, step.want)
		}
	}
}
