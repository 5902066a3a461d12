package queue_test

import (
	"bytes"
	"fmt"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// keeping makes a session that keeps what was received, and a connection for it.
func keeping(t *testing.T, s *queue.Store, o queue.SessionOptions) *queue.Session {
	t.Helper()
	x := create(t, s, o)
	x.KeepReceived(true)
	x.Resume(0)
	return x
}

// receivedAll notes PUBREC for deliveries.
func receivedAll(t *testing.T, x *queue.Session, ds ...queue.Delivery) {
	t.Helper()
	for _, d := range ds {
		if _, ok := x.Received(d.PacketID); !ok {
			t.Fatalf("packet id %d is not in flight", d.PacketID)
		}
	}
}

func confirmed(t *testing.T, x *queue.Session, kept, bare uint64) {
	t.Helper()
	if k, b := x.Confirmed(); k != kept || b != bare {
		t.Fatalf("%d kept and %d bare deliveries, want %d and %d", k, b, kept, bare)
	}
}

// pull takes what may go, as the log is read on.
func pull(t *testing.T, s *queue.Store, x *queue.Session) (ds []queue.Delivery) {
	t.Helper()
	for range 5 {
		ds = x.Next(ds, 1000)
		commit(t, s)
	}
	return ds
}

// TestRepublish: what was between PUBREC and PUBCOMP comes anew, in its place before what is newer, under the same packet ids, as often as the
// receiver loses its session; on one connection, after a disconnect that leaves nothing in memory, and after a restart.
func TestRepublish(t *testing.T) {
	for _, memory := range []int{0, 1} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("memory %d restart %t", memory, restart), func(t *testing.T) {
				o := small
				o.OfflineBytes = memory
				disk := vfs.NewDisk()
				s, _ := open(t, disk, o)
				x := keeping(t, s, queue.SessionOptions{})
				for i := range 6 {
					publish(t, s, message("%d", i), at(x, 2))
				}
				commit(t, s)
				ds := next(t, x, "0", "1", "2", "3", "4", "5")
				receivedAll(t, x, ds[0], ds[2], ds[3], ds[4])
				commit(t, s)
				ack(t, x, ds[2])
				for range 2 {
					x.Suspend()
					commit(t, s)
					if restart {
						closeStore(t, s)
						s, _ = open(t, disk, o)
						x = s.Session(x.Number())
						x.KeepReceived(true)
					}
					x.Resume(0)
					if got := texts(pull(t, s, x)); fmt.Sprint(got) != "[release 1 release release 5]" {
						t.Fatalf("in the session that is there: %q", got)
					}
					x.Suspend()
					commit(t, s)
					confirmed(t, x, 3, 0)
					r := x.Republish()
					if r == 0 || x.Republish() != 0 {
						t.Fatal("no receipt, or something to publish anew twice")
					}
					confirmed(t, x, 0, 0)
					x.Resume(0)
					if got := x.Next(nil, 10); len(got) > 0 {
						t.Fatalf("%q before that is durable", texts(got))
					}
					got := pull(t, s, x)
					if fmt.Sprint(texts(got)) != "[0 1 3 4 5]" || got[0].PacketID != ds[0].PacketID || got[2].PacketID != ds[3].PacketID {
						t.Fatalf("anew: %+v", got)
					}
					receivedAll(t, x, got[0], got[2], got[3])
					commit(t, s)
				}
				for _, id := range []int{0, 1, 3, 4, 5} {
					ack(t, x, ds[id])
				}
				if st := x.Stats(); st.Messages != 0 || st.Bytes != 0 || x.Unfinished() != 0 {
					t.Errorf("owed: %+v", st)
				}
				closeStore(t, s)
			})
		}
	}
}

// TestRepublishOne: one exchange that the receiver knows nothing of begins anew with the next connection.
func TestRepublishOne(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := keeping(t, s, queue.SessionOptions{})
	for i := range 3 {
		publish(t, s, message("%d", i), at(x, 2))
	}
	commit(t, s)
	ds := next(t, x, "0", "1", "2")
	receivedAll(t, x, ds...)
	commit(t, s)
	if r, ok := x.RepublishOne(ds[1].PacketID); !ok || r == 0 {
		t.Fatal("it is not kept")
	}
	if _, ok := x.RepublishOne(ds[1].PacketID); ok {
		t.Fatal("it is still between PUBREC and PUBCOMP")
	}
	commit(t, s)
	next(t, x)
	x.Suspend()
	x.Resume(0)
	next(t, x, "release", "1", "release")
	closeStore(t, s)
}

// TestKeptHoldsItsSegment: a message between PUBREC and PUBCOMP keeps its segment, also when all else in it is complete; then that is freed.
func TestKeptHoldsItsSegment(t *testing.T) {
	for _, keep := range []bool{true, false} {
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		x := keeping(t, s, queue.SessionOptions{})
		x.KeepReceived(keep)
		publish(t, s, message("kept"), at(x, 2))
		commit(t, s)
		kept := next(t, x, "kept")[0]
		receivedAll(t, x, kept)
		fill := bytes.Repeat([]byte{'.'}, 4000)
		for range 200 {
			publish(t, s, message("%s", fill), at(x, 1))
			commit(t, s)
			ack(t, x, x.Next(nil, 1)...)
			commit(t, s)
		}
		if s.Stats().Freed == 0 {
			t.Fatal("no segment was freed")
		}
		closeStore(t, s)
		s, _ = open(t, disk, small)
		x = s.Session(x.Number())
		if !keep {
			confirmed(t, x, 0, 1)
			closeStore(t, s)
			continue
		}
		confirmed(t, x, 1, 0)
		x.Republish()
		x.Resume(0)
		got := pull(t, s, x)
		if len(got) != 1 || string(got[0].Message.Payload) != "kept" || got[0].PacketID != kept.PacketID {
			t.Fatalf("%q came", texts(got))
		}
		freed := s.Stats().Freed
		ack(t, x, got...)
		for range 60 {
			publish(t, s, message("%s", fill), at(x, 1))
			commit(t, s)
			ack(t, x, x.Next(nil, 1)...)
			commit(t, s)
		}
		if segments := s.Stats().Segments; s.Stats().Freed == freed || segments > 3 {
			t.Errorf("%d segments are left", segments)
		}
		closeStore(t, s)
	}
}

// TestLimitTakesKept: a limit may take what is kept, which is not counted as dropped, and nothing comes anew then; PUBREL does.
func TestLimitTakesKept(t *testing.T) {
	for _, memory := range []int{0, 1} {
		o := small
		o.OfflineBytes = memory
		s, _ := open(t, vfs.NewDisk(), o)
		x := keeping(t, s, queue.SessionOptions{Limits: queue.Limits{Messages: 3}})
		publish(t, s, message("0"), at(x, 2))
		publish(t, s, message("1"), at(x, 2))
		commit(t, s)
		receivedAll(t, x, next(t, x, "0", "1")...)
		commit(t, s)
		x.Suspend()
		commit(t, s)
		for i := 2; i < 4; i++ {
			publish(t, s, message("%d", i), at(x, 2))
		}
		commit(t, s)
		confirmed(t, x, 1, 1)
		if st := x.Stats(); st.Messages != 3 || st.Dropped.Total() != 0 {
			t.Errorf("%+v", st)
		}
		x.Republish()
		x.Resume(0)
		if got := texts(pull(t, s, x)); fmt.Sprint(got) != "[release 1 2 3]" {
			t.Errorf("%q", got)
		}
		closeStore(t, s)
	}
}
