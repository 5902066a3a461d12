package queue_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// forms of one message: as it is for the first target, and as "F/..." for the others.
func forms(m *queue.Message, to queue.Target, others ...queue.Target) []queue.Form {
	all := []queue.Form{{Message: m, To: []queue.Target{to}}}
	for _, o := range others {
		other := *m
		other.TopicName, other.Retain = "F/"+m.TopicName, false
		all = append(all, queue.Form{Message: &other, To: []queue.Target{o}})
	}
	return all
}

func topics(ds []queue.Delivery) string {
	var all []string
	for _, d := range ds {
		all = append(all, fmt.Sprintf("%s q%d", d.Message.TopicName, d.QoS))
	}
	return strings.Join(all, ", ")
}

// TestForms: each receiver gets its form, also one that gets both; what is owed to durable sessions survives.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name    string
		qos     byte
		publish func(s *queue.Store, from *queue.Session, f []queue.Form) (queue.Receipt, error)
	}{
		{"published", 1, func(s *queue.Store, _ *queue.Session, f []queue.Form) (queue.Receipt, error) {
			return s.PublishForms(f)
		}},
		{"received", 2, func(_ *queue.Store, from *queue.Session, f []queue.Form) (queue.Receipt, error) {
			return from.ReceiveForms(7, f)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewDisk()
			s, _ := open(t, disk, small)
			x, y, from := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
			volatile := s.NewVolatile(queue.SessionOptions{})
			volatile.Resume(0)
			m := retain(message("one"))
			m.QoS = c.qos
			r, err := c.publish(s, from, forms(m, at(x, c.qos), at(x, c.qos), at(y, 1), at(volatile, 1)))
			if err != nil || r == 0 {
				t.Fatalf("receipt %d, %v", r, err)
			}
			if got := topics(volatile.Next(nil, 9)); got != "F/a/b q1" {
				t.Errorf("volatile session got %q", got)
			}
			commit(t, s)
			if s.Durable() < r {
				t.Error("a commit does not resolve the receipt")
			}
			closeStore(t, s)
			s, rec := open(t, disk, small)
			for session, want := range map[*queue.Session]string{x: fmt.Sprintf("a/b q%d, F/a/b q%d", c.qos, c.qos), y: "F/a/b q1"} {
				again := s.Session(session.Number())
				again.Resume(0)
				commit(t, s)
				if got := topics(again.Next(nil, 9)); got != want {
					t.Errorf("after a restart session %d got %q, want %q", session.Number(), got, want)
				}
			}
			if len(rec.Retained) != 1 || rec.Retained[0].TopicName != "a/b" {
				t.Errorf("retained: %v", rec.Retained)
			}
			if _, held := s.Session(from.Number()).Held(7); held != (c.qos == 2) {
				t.Errorf("held: %v", held)
			}
			closeStore(t, s)
		})
	}
}

// TestFormsHeldByAnother: the packet id is held also if only another form than the message itself is owed to anybody, and a
// repeat publishes nothing.
func TestFormsHeldByAnother(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x, from, volatile := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
	m := message("one")
	m.QoS = 2
	f := forms(m, at(volatile, 0), at(x, 2))
	first, err := from.ReceiveForms(3, f)
	again, errAgain := from.ReceiveForms(3, f)
	if err != nil || errAgain != nil || first != again || first == 0 {
		t.Fatalf("receipts %d and %d, %v, %v", first, again, err, errAgain)
	}
	commit(t, s)
	closeStore(t, s)
	s, _ = open(t, disk, small)
	if _, held := s.Session(from.Number()).Held(3); !held {
		t.Error("the packet id is not held after a restart")
	}
	x = s.Session(x.Number())
	x.Resume(0)
	commit(t, s)
	if got := topics(x.Next(nil, 9)); got != "F/a/b q2" {
		t.Errorf("got %q", got)
	}
	closeStore(t, s)
}

// TestFormsOwedToNobody: without a durable receiver the disk is not asked.
func TestFormsOwedToNobody(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	volatile, from := s.NewVolatile(queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	commit(t, s)
	volatile.Resume(0)
	f := forms(message("one"), at(volatile, 1), at(volatile, 1))
	if r, err := s.PublishForms(f); r != 0 || err != nil {
		t.Errorf("receipt %d, %v", r, err)
	}
	if r, err := from.ReceiveForms(1, forms(message("two"), at(volatile, 2), at(volatile, 2))); r != 0 || err != nil {
		t.Errorf("receipt %d, %v", r, err)
	}
	if got := topics(volatile.Next(nil, 9)); got != "a/b q1, F/a/b q1, a/b q2, F/a/b q2" {
		t.Errorf("got %q", got)
	}
	if _, held := from.Held(1); !held {
		t.Error("the packet id is not held")
	}
	closeStore(t, s)
}

// TestFormsAreRefusedTogether: a session that has room for one of two forms refuses both, for all.
func TestFormsAreRefusedTogether(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	full, other := create(t, s, limit(queue.Limits{Messages: 3, WhenFull: queue.Reject})), create(t, s, queue.SessionOptions{})
	publish(t, s, message("0"), at(full, 1))
	if _, err := s.PublishForms(forms(message("1"), at(full, 1), at(full, 1))); err != nil {
		t.Fatal(err)
	}
	full.Resume(0)
	commit(t, s)
	ack(t, full, full.Next(nil, 1)...)
	if _, err := s.PublishForms(forms(message("2"), at(other, 1), at(full, 1), at(full, 1))); !errors.Is(err, queue.ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	if _, err := s.PublishForms(forms(message("3"), at(other, 1), at(full, 1))); err != nil {
		t.Error(err)
	}
	other.Resume(0)
	commit(t, s)
	next(t, full, "1", "1", "3")
	next(t, other, "3")
	closeStore(t, s)
}

// TestFormsTooLarge: forms are one record only where they must be.
func TestFormsTooLarge(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x, from := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
	m := message("%s", strings.Repeat("x", 10<<10)) // a record has at most 16 KiB
	if _, err := s.PublishForms(forms(m, at(x, 1), at(x, 1))); err != nil {
		t.Error(err)
	}
	commit(t, s)
	m = message("%s", strings.Repeat("x", 10<<10))
	if _, err := from.ReceiveForms(1, forms(m, at(x, 1), at(x, 1))); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
	if _, held := from.Held(1); held {
		t.Error("the packet id of a refused message is held")
	}
	closeStore(t, s)
}

// TestFormsAllOrNothing cuts the power at each operation of the commit: the packet id is held and all forms are there, or
// none of it. A form is most of a block, so that some of the blocks may be left.
func TestFormsAllOrNothing(t *testing.T) {
	play := func(cut int) (disk *vfs.Disk, x, from uint64, began, ended int) {
		disk = vfs.NewDisk()
		s, _ := open(t, disk, small)
		sub, pub := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		commit(t, s)
		began = disk.Ops()
		if cut > 0 {
			disk.CutAt(cut)
		}
		m := message("%s", strings.Repeat("x", 700))
		m.QoS = 2
		if _, err := pub.ReceiveForms(9, forms(m, at(sub, 2), at(sub, 2), at(sub, 1))); err != nil {
			t.Fatal(err)
		}
		_ = s.Commit() // fails if the power goes
		return disk, sub.Number(), pub.Number(), began, disk.Ops()
	}
	whole, none := 0, 0
	_, _, _, began, ended := play(0)
	for cut := began; cut <= ended; cut++ {
		for seed := range uint64(40) {
			disk, x, from, _, _ := play(cut)
			s, _ := open(t, disk.Crash(rand.New(rand.NewPCG(seed, 1)), vfs.Garbling), small)
			_, held := s.Session(from).Held(9)
			sub := s.Session(x)
			sub.Resume(0)
			commit(t, s)
			got := 0
			for _, d := range sub.Next(nil, 9) {
				if !d.Release { // the power was lost: ids are swept
					got++
				}
			}
			switch {
			case held && got == 3:
				whole++
			case !held && got == 0:
				none++
			default:
				t.Errorf("cut %d, seed %d: held %v, %d forms", cut, seed, held, got)
			}
			closeStore(t, s)
		}
	}
	if whole == 0 || none == 0 {
		t.Errorf("%d whole, %d none: the test cuts nothing", whole, none)
	}
}
