package queue

import (
	"testing"
	"time"

	"skerry/queue/vfs"
)

// TestBothCheckpointsCover: a segment is free when both files cover it. A file that cannot be read covers nothing, whatever it
// did before.
func TestBothCheckpointsCover(t *testing.T) {
	for _, c := range []struct {
		a, b checkpointFile
		want uint64
	}{
		{checkpointFile{good: true, covered: 7}, checkpointFile{good: true, covered: 9}, 7},
		{checkpointFile{good: true, covered: 9}, checkpointFile{good: true, covered: 7}, 7},
		{checkpointFile{good: false, covered: 9}, checkpointFile{good: true, covered: 9}, 0},
		{checkpointFile{good: true, covered: 9}, checkpointFile{good: false, covered: 9}, 0},
		{checkpointFile{}, checkpointFile{}, 0},
	} {
		if got := (&checkpointer{files: [2]checkpointFile{c.a, c.b}}).covered(); got != c.want {
			t.Errorf("%+v and %+v cover %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestNeededUntilDurable: a message is needed until the record is durable that says that it is not. What waits for the next group,
// or is being written with this one, is not.
func TestNeededUntilDurable(t *testing.T) {
	x := newSession(&Store{}, 1, true, SessionOptions{})
	x.next, x.pulled = 4, 4
	x.flight.push(entry{ordinal: 1, qos: 2, state: received, rec: 5})
	x.flight.push(entry{ordinal: 2, qos: 1, state: done})
	x.flight.push(entry{ordinal: 3, qos: 1})
	needed := func(ordinal uint64, c *cleared) bool {
		return (&mark{segment: 1, lowest: ordinal, highest: ordinal}).needed(c)
	}
	_, before := x.snapshot(4)
	_, with := x.snapshot(5)
	if !x.Ack(3) {
		t.Fatal("packet id 3 is not in flight")
	}
	for _, c := range []struct {
		what string
		in   *cleared
		want [3]bool
	}{
		{"in memory only", &x.cleared, [3]bool{true, true, true}},
		{"in the group before PUBREC", &before.cleared, [3]bool{true, false, true}},
		{"in the group with PUBREC", &with.cleared, [3]bool{false, false, true}},
	} {
		for i, want := range c.want {
			if got := needed(uint64(i+1), c.in); got != want {
				t.Errorf("%s: ordinal %d needed %t, want %t", c.what, i+1, got, want)
			}
		}
	}
}

// TestSettling: the older file is left alone until the newer one has stood for a while, or for some flushes.
func TestSettling(t *testing.T) {
	s, _, err := Open(vfs.NewDisk(), "q", Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, c := range []struct {
		what  string
		newer checkpointFile
		waits bool
	}{
		{"just written", checkpointFile{written: now}, true},
		{"long ago", checkpointFile{written: now.Add(-settleTime)}, false},
		{"many flushes ago", checkpointFile{written: now, flushes: ^uint64(settleFlushes - 1)}, false},
		{"none", checkpointFile{}, false},
	} {
		if got := s.checkpointer.settling(&c.newer) > 0; got != c.waits {
			t.Errorf("%s: waits %t", c.what, got)
		}
	}
}
