package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// sharing is a store with a share and two members.
type sharing struct {
	t    *testing.T
	s    *queue.Store
	x    *queue.Session
	a, b *queue.Session
}

func newSharing(t *testing.T, durable bool, o queue.SessionOptions) *sharing {
	t.Helper()
	s, _ := open(t, vfs.NewDisk(), small)
	t.Cleanup(func() { closeStore(t, s) })
	h := &sharing{t: t, s: s}
	shared := o
	shared.Shared = true
	if durable {
		h.x, h.a, h.b = create(t, s, shared), create(t, s, o), create(t, s, o)
		commit(t, s)
	} else {
		h.x, h.a, h.b = s.NewVolatile(shared), s.NewVolatile(o), s.NewVolatile(o)
	}
	for _, x := range []*queue.Session{h.x, h.a, h.b} {
		x.Resume(0)
	}
	return h
}

// publish puts messages of a QoS into the share.
func (h *sharing) publish(qos byte, texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		m := message("%s", text)
		m.QoS = qos
		publish(h.t, h.s, m, at(h.x, 1))
	}
}

// give hands so many deliveries to a member and fails unless it came to what is wanted.
func (h *sharing) give(x *queue.Session, n int, qos byte, want queue.Given) {
	h.t.Helper()
	got := queue.Gave
	for ; n > 0 && got == queue.Gave; n-- {
		got = h.x.Give(x, &queue.Share{QoS: qos})
	}
	if got != want {
		h.t.Fatalf("Give: %d, want %d", got, want)
	}
}

func bothKinds(t *testing.T, o queue.SessionOptions, play func(t *testing.T, h *sharing)) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable %v", durable), func(t *testing.T) { play(t, newSharing(t, durable, o)) })
	}
}

// What comes back goes first, in its old order, to whoever is next.
func TestShareTakesBackInOrder(t *testing.T) {
	bothKinds(t, queue.SessionOptions{}, func(t *testing.T, h *sharing) {
		h.publish(1, "0", "1", "2", "3", "4", "5")
		h.give(h.a, 2, 1, queue.Gave)
		h.give(h.b, 1, 1, queue.Gave)
		h.give(h.a, 1, 1, queue.Gave)
		ds := next(t, h.a, "0", "1", "3")
		ack(t, h.a, ds[1])
		h.a.Suspend()
		h.give(h.a, 1, 1, queue.NoRoom)
		h.give(h.b, 9, 1, queue.GaveNothing)
		ds = next(t, h.b, "2", "0", "3", "4", "5")
		if slices.ContainsFunc(ds, func(d queue.Delivery) bool { return d.Dup }) {
			t.Error("DUP is set to one who never had it")
		}
		ack(t, h.b, ds...)
		if n := h.x.Unfinished(); n != 0 {
			t.Errorf("%d unfinished", n)
		}
	})
}

// A member that keeps the first message for long does not keep the memory of all that come after it.
func TestShareForgetsBehindASlowMember(t *testing.T) {
	bothKinds(t, queue.SessionOptions{RingMessages: 16}, func(t *testing.T, h *sharing) {
		h.publish(1, "slow")
		h.give(h.a, 1, 1, queue.Gave)
		slow := next(t, h.a, "slow")
		for i := range 5000 {
			h.publish(1, fmt.Sprint(i))
			h.give(h.b, 1, 1, queue.Gave)
			ack(t, h.b, next(t, h.b, fmt.Sprint(i))...)
		}
		if st := h.x.Stats(); st.Messages != 1 || st.InFlight != 1 {
			t.Errorf("%+v", st)
		}
		ack(t, h.a, slow...)
		if st := h.x.Stats(); st.Messages != 0 || st.InFlight != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// The window and Receive Maximum of a member bound what it is given.
func TestShareObeysTheRoomOfAMember(t *testing.T) {
	bothKinds(t, queue.SessionOptions{Window: 4}, func(t *testing.T, h *sharing) {
		h.publish(1, "0", "1", "2", "3", "4", "5", "6")
		h.give(h.a, 9, 1, queue.NoRoom)
		ds := next(t, h.a, "0", "1", "2", "3")
		h.b.Resume(2)
		h.give(h.b, 9, 1, queue.NoRoom)
		ack(t, h.a, ds[0])
		next(t, h.b, "4", "5")
		h.give(h.a, 9, 1, queue.GaveNothing)
		next(t, h.a, "6")
	})
}

// What is lent is neither counted nor dropped by the limits of a member.
func TestLimitsOfAMemberSpareWhatIsLent(t *testing.T) {
	h := newSharing(t, true, queue.SessionOptions{})
	h.a.SetLimits(queue.Limits{Messages: 1})
	h.publish(1, "shared")
	h.give(h.a, 1, 1, queue.Gave)
	for _, text := range []string{"0", "1", "2"} {
		publish(t, h.s, message("%s", text), at(h.a, 1))
	}
	next(t, h.a, "shared", "2")
	if st := h.a.Stats(); st.Messages != 1 || st.Dropped[queue.DroppedMessages] != 2 {
		t.Errorf("%+v", st)
	}
}

// A QoS 2 message that is still to be written is written once, for the member; another one gets a copy, and the share is told.
func TestShareBindsBeforeItSends(t *testing.T) {
	h := newSharing(t, true, queue.SessionOptions{})
	for _, early := range []bool{true, false} {
		h.publish(2, "m")
		if !early {
			commit(t, h.s)
		}
		before := h.s.Stats().Messages
		h.give(h.a, 1, 2, queue.Gave)
		next(t, h.a)
		if st := h.x.Stats(); st.Messages != 0 {
			t.Errorf("the share is owed %+v", st)
		}
		commit(t, h.s)
		if n := h.s.Stats().Messages - before; n != 1 {
			t.Errorf("%d messages were written", n)
		}
		ds := next(t, h.a, "m")
		if _, ok := h.a.Received(ds[0].PacketID); !ok {
			t.Error("not in flight")
		}
		commit(t, h.s)
		ack(t, h.a, next(t, h.a)...)
		ack(t, h.a, ds...)
	}
}

// Whatever has expired is dropped on the way, also what came back.
func TestShareDropsWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, began := small, time.Now()
		o.Boot = queue.Boot{Clock: func() time.Duration { return time.Since(began) }}
		s, _ := open(t, vfs.NewDisk(), o)
		defer closeStore(t, s)
		x, a := create(t, s, queue.SessionOptions{Shared: true}), create(t, s, queue.SessionOptions{})
		x.Resume(0)
		a.Resume(0)
		for _, text := range []string{"had", "waits"} {
			m := message("%s", text)
			m.Expiry, m.HasExpiry = 10, true
			publish(t, s, m, at(x, 1))
		}
		x.Give(a, &queue.Share{QoS: 1})
		next(t, a, "had")
		a.Suspend()
		a.Resume(0)
		time.Sleep(time.Minute)
		if got := x.Give(a, &queue.Share{QoS: 1}); got != queue.GaveNothing {
			t.Errorf("Give: %d", got)
		}
		if st := x.Stats(); st.Messages != 0 || st.Dropped[queue.DroppedExpired] != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// What a member in memory has drawn from a share, and what expires before it is sent, leaves nothing behind: whoever may have had the
// message before a restart, this member has not, and is sent no PUBREL.
func TestMemberInMemoryDropsWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, o, began := vfs.NewDisk(), small, time.Now()
		o.Boot = queue.Boot{Clock: func() time.Duration { return time.Since(began) }}
		s, _ := open(t, disk, o)
		number := create(t, s, queue.SessionOptions{Shared: true}).Number()
		m := message("old")
		m.QoS, m.Expiry, m.HasExpiry = 2, 10, true
		publish(t, s, m, at(s.Session(number), 2))
		commit(t, s)
		closeStore(t, s)

		s, _ = open(t, disk, o)
		defer closeStore(t, s)
		defer run(t, s)()
		x, a := s.Session(number), s.NewVolatile(queue.SessionOptions{})
		x.SetShared()
		x.Resume(0)
		a.Resume(0)
		synctest.Wait()
		if got := x.Give(a, &queue.Share{QoS: 2}); got != queue.Gave {
			t.Fatalf("Give: %d", got)
		}
		time.Sleep(time.Minute)
		next(t, a)
		if st := a.Stats(); st.InFlight != 0 || st.Dropped[queue.DroppedExpired] != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// What waits in a share can be looked at and purged; what members have is theirs.
func TestPeekAndPurgeOfAShare(t *testing.T) {
	h := newSharing(t, true, queue.SessionOptions{})
	h.publish(1, "0", "1", "2")
	h.give(h.a, 1, 1, queue.Gave)
	var seen []string
	for w := range h.x.Peek() {
		seen = append(seen, fmt.Sprintf("%s %v %d", w.Message.Payload, w.InFlight, w.PacketID))
	}
	if want := []string{"0 true 0", "1 false 0", "2 false 0"}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	if n, _, _, err := h.x.Purge(); n != 2 || err != nil {
		t.Errorf("%d purged, %v", n, err)
	}
	ack(t, h.a, next(t, h.a, "0")...)
	if st := h.x.Stats(); st.Messages != 0 {
		t.Errorf("%+v", st)
	}
}
