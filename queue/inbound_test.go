package queue_test

import (
	"math/rand/v2"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

func receive(t *testing.T, x *queue.Session, id uint16, text string, to ...queue.Target) queue.Receipt {
	t.Helper()
	m := message("%s", text)
	m.QoS = 2
	r, err := x.Receive(id, m, to)
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	return r
}

func TestHeldPacketIDs(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	from, to := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	to.Resume(0)
	first := receive(t, from, 5, "a", at(to, 2))
	if again := receive(t, from, 5, "a", at(to, 2)); again != first || first == 0 {
		t.Errorf("receipts %d and %d for one message", first, again)
	}
	receive(t, from, 6, "b", at(to, 1))
	commit(t, s)
	released, ok := from.Release(5)
	if !ok || released <= s.Durable() {
		t.Errorf("receipt %d of the release", released)
	}
	if again, ok := from.Release(5); !ok || again != released {
		t.Errorf("PUBREL again before it is durable: receipt %d, %t", again, ok)
	}
	if _, held := from.Held(5); held {
		t.Error("still held")
	}
	commit(t, s)
	if _, ok := from.Release(5); ok {
		t.Error("released twice")
	}
	closeStore(t, s)

	s, _ = open(t, disk, small)
	from = s.Session(from.Number())
	if _, held := from.Held(5); held {
		t.Error("a released id is held after a restart")
	}
	if r, held := from.Held(6); !held || r > s.Durable() {
		t.Error("a held id was forgotten")
	}
	if r := from.ForgetHeld(); r == 0 {
		t.Error("nothing to forget")
	}
	closeStore(t, s)
	s, _ = open(t, disk, small)
	if _, held := s.Session(from.Number()).Held(6); held {
		t.Error("held after ForgetHeld")
	}
	if s.Session(from.Number()).ForgetHeld() != 0 {
		t.Error("nothing is held, but something was written")
	}
	closeStore(t, s)
}

// TestHeldInMemory covers the cases in which nobody could get the message twice after a power cut.
func TestHeldInMemory(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	durable, volatile := create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
	commit(t, s)
	volatile.Resume(0)
	if r := receive(t, durable, 1, "a", at(volatile, 2)); r != 0 {
		t.Errorf("receipt %d for a message that is owed to nobody durable", r)
	}
	receive(t, durable, 1, "a", at(volatile, 2))
	if r := receive(t, volatile, 1, "b", at(durable, 2)); r == 0 {
		t.Error("no receipt for a message to a durable session")
	}
	receive(t, volatile, 1, "b", at(durable, 2))
	next(t, volatile, "a")
	for _, x := range []*queue.Session{durable, volatile} {
		if r, ok := x.Release(1); r != 0 || !ok {
			t.Errorf("release: %d, %t", r, ok)
		}
		if _, ok := x.Release(1); ok {
			t.Error("released twice")
		}
	}
	commit(t, s)
	durable.Resume(0)
	next(t, durable, "b")
}

// TestHeldIDIsWritten: the message of a held packet id is written, though all its receivers have acknowledged it before: a
// restart must know the id, or the publisher's next try is published again.
func TestHeldIDIsWritten(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	from, to := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	to.Resume(0)
	r := receive(t, from, 5, "a", at(to, 1))
	ack(t, to, next(t, to, "a")...)
	commit(t, s)
	if s.Durable() < r || s.Stats().Elided != 0 {
		t.Errorf("%+v", s.Stats())
	}
	s, _ = open(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Honest), small)
	from, to = s.Session(from.Number()), s.Session(to.Number())
	if _, held := from.Held(5); !held {
		t.Error("the packet id is free after a loss of power")
	}
	to.Resume(0)
	receive(t, from, 5, "a", at(to, 1))
	commit(t, s)
	next(t, to)
}
