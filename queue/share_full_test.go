package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// TestFullShareDrains: a share that alone keeps a store full hands everything out at QoS 2, though each delivery is written once more
// for its member.
func TestFullShareDrains(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		for _, size := range []int{10, 1000, 8000} {
			t.Run(fmt.Sprintf("%s, %d bytes", policy, size), func(t *testing.T) {
				o := small
				o.Limits = queue.Limits{Bytes: 8 * uint64(small.SlotSize), WhenFull: policy}
				s, _ := open(t, vfs.NewDisk(), o)
				defer closeStore(t, s)
				x := create(t, s, queue.SessionOptions{Shared: true, PacketIDs: queue.Range{First: 1, Count: 1}})
				member := create(t, s, queue.SessionOptions{})
				fillAt2(t, s, x, size)
				waits := x.Stats().Messages
				if got := drawAll(t, s, x, member); got != waits || waits < 20 {
					t.Errorf("%d deliveries of %d came, %d are left", got, waits, x.Stats().Messages)
				}
			})
		}
	}
}

// fillAt2 publishes at QoS 2 until the store is full.
func fillAt2(t *testing.T, s *queue.Store, x *queue.Session, size int) {
	t.Helper()
	for n := 0; ; n++ {
		m := message("%s", strings.Repeat(".", size))
		m.QoS = 2
		_, err := s.Publish(m, []queue.Target{at(x, 1)})
		for tries := 0; errors.Is(err, queue.ErrBusy) && tries < 20; tries++ {
			commit(t, s)
			_, err = s.Publish(m, []queue.Target{at(x, 1)})
		}
		st := x.Stats()
		if st.Dropped.Total() > 0 || errors.Is(err, queue.ErrFull) {
			commit(t, s)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%8 == 7 {
			commit(t, s)
		}
	}
}

// drawAll gives a member what the share has, until nothing more comes.
func drawAll(t *testing.T, s *queue.Store, x, member *queue.Session) (got uint64) {
	t.Helper()
	x.Resume(0)
	member.Resume(0)
	for idle := 0; idle < 20; idle++ {
		for x.Give(member, &queue.Share{QoS: 2}) == queue.Gave {
			got++
			idle = 0
		}
		commit(t, s)
		ds := member.Next(nil, 1000)
		for _, d := range ds {
			if _, ok := member.Received(d.PacketID); !ok {
				t.Fatal("not in flight")
			}
		}
		commit(t, s)
		ack(t, member, ds...)
	}
	return got
}
