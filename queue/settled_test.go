package queue_test

import (
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestSettled: a session is settled when its acknowledgements are on the disk, and woken then if somebody has asked.
func TestSettled(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	other := create(t, s, queue.SessionOptions{})
	publish(t, s, message("1"), at(x, 1), at(other, 1))
	publish(t, s, message("2"), at(x, 2), at(other, 1))
	commit(t, s)
	if !x.Settled() {
		t.Error("a session without an acknowledgement is not settled")
	}
	x.Resume(0)
	other.Resume(0)
	woken := newAlarm()
	x.SetWaker(woken)
	ds := next(t, x, "1", "2")
	ack(t, other, next(t, other, "1", "2")...)
	if !x.Settled() {
		t.Error("the acknowledgements of another session count")
	}
	ack(t, x, ds[0])
	if x.Settled() {
		t.Error("an acknowledgement is settled that is not on the disk")
	}
	stop := run(t, s)
	woken.wait(t) // long before LazyAck is over
	if !x.Settled() {
		t.Error("the session was woken, and is not settled")
	}
	stop()
	closeStore(t, s)
	s, _ = open(t, disk, small)
	defer closeStore(t, s)
	for y := range s.Sessions() {
		if y.Number() == x.Number() {
			y.Resume(0)
			commit(t, s) // reads on
			next(t, y, "2")
		}
	}
	if v := s.NewVolatile(queue.SessionOptions{}); !v.Settled() {
		t.Error("a session in memory has nothing to write")
	}
}
