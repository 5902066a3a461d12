package queue_test

import (
	"fmt"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestAhead: what waits is looked through, from memory and from the log, and nothing is delivered by that.
func TestAhead(t *testing.T) {
	const n = 3000
	s, _ := open(t, vfs.NewDisk(), small)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 50})
	x.Resume(0)
	for i := range n {
		publish(t, s, message("%d", i), at(x, byte(1+i%2)))
		if i%100 == 0 {
			commit(t, s)
		}
	}
	commit(t, s)
	next := 0
	x.Ahead(func(ordinal uint64, m *queue.Message, retain bool) bool {
		if string(m.Payload) != fmt.Sprint(next) || retain {
			t.Fatalf("ordinal %d: %s, want %d", ordinal, m.Payload, next)
		}
		next++
		return true
	})
	if next < n*9/10 { // the last may be in a group that is pending
		t.Errorf("%d of %d", next, n)
	}
	seen := 0
	x.Ahead(func(uint64, *queue.Message, bool) bool { seen++; return seen < 70 })
	if seen != 70 {
		t.Errorf("%d were yielded after it was to stop", seen)
	}
	i := 0
	drain(t, x, n, func(d queue.Delivery) {
		if string(d.Message.Payload) != fmt.Sprint(i) || d.Dup {
			t.Fatalf("got %s, want %d", d.Message.Payload, i)
		}
		i++
	})
	stop()
	closeStore(t, s)
}
