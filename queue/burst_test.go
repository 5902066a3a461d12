package queue_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestBurst: a commit takes all of what a publisher hands over in a row, however long it is about it. Without that the first
// message has a flush of its own.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flush = 4 * time.Millisecond
		s, _ := open(t, card{vfs.NewDisk(), flush}, queue.Options{})
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{RingMessages: 64})
		synctest.Wait()
		time.Sleep(time.Second)
		before := s.Stats()
		began := time.Now()
		s.BeginBurst()
		var r queue.Receipt
		for i := range 20 {
			r = publish(t, s, message("%d", i), at(x, 1))
			time.Sleep(50 * time.Microsecond)
		}
		s.EndBurst()
		if err := s.Wait(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if n := s.Stats().Groups - before.Groups; n != 1 || time.Since(began) != flush+time.Millisecond {
			t.Errorf("%d groups in %v", n, time.Since(began))
		}
		stop()
		closeStore(t, s)
	})
}

// TestBurstThatDoesNotEnd: a publisher who was stopped in the middle holds up nobody for long, himself neither.
func TestBurstThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flush = 4 * time.Millisecond
		s, _ := open(t, card{vfs.NewDisk(), flush}, queue.Options{})
		stop := run(t, s)
		x := create(t, s, queue.SessionOptions{RingMessages: 64})
		if err := s.Wait(t.Context(), publish(t, s, message("first"), at(x, 1))); err != nil {
			t.Fatal(err)
		}
		s.BeginBurst()
		for i := range 20 {
			began := time.Now()
			if err := s.Wait(t.Context(), publish(t, s, message("%d", i), at(x, 1))); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 2*flush {
				t.Errorf("message %d took %v", i, took)
			}
		}
		s.EndBurst()
		stop()
		closeStore(t, s)
	})
}

// TestClockOfABurst: the clock is read once for a burst, and for each message outside of one: who comes after a sleep of the machine is
// not older by it.
func TestClockOfABurst(t *testing.T) {
	slept, read := time.Duration(0), 0
	began := time.Now()
	boot := queue.Boot{Clock: func() time.Duration { read++; return time.Since(began) + slept }}
	s, _ := open(t, vfs.NewDisk(), queue.Options{Boot: boot})
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{RingMessages: 64})
	stamp := func() time.Duration {
		m := message("x")
		publish(t, s, m, at(x, 1))
		return m.Stamp.At
	}
	count := func(n int) int {
		before := read
		for range n {
			stamp()
		}
		return read - before
	}
	if n := count(5); n != 5 {
		t.Errorf("outside of a burst: read %d times for 5 messages", n)
	}
	s.BeginBurst()
	if n := count(5); n != 1 {
		t.Errorf("in a burst: read %d times for 5 messages", n)
	}
	s.EndBurst()
	slept = time.Hour
	if at := stamp(); at < time.Hour {
		t.Errorf("after a sleep of an hour the stamp is %v", at)
	}
	slept = 2 * time.Hour
	s.BeginBurst()
	if at := stamp(); at < 2*time.Hour {
		t.Errorf("in the next burst the stamp is %v", at)
	}
	s.EndBurst()
}
