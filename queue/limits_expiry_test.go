package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// expiring is a message that lives for some seconds.
func expiring(seconds uint32, format string, args ...any) *queue.Message {
	m := message(format, args...)
	m.Expiry, m.HasExpiry = seconds, true
	return m
}

// moving are options whose clock the test moves.
func moving(m *machine) queue.Options {
	o := small
	o.Boot = m.boot()
	o.Boot.Clock = func() time.Duration { return m.clock }
	return o
}

// TestExpiredMakeRoom: what has expired does not keep out, nor drive out, what is still wanted; whether it waits in memory, in the
// segment being written, or in one that is sealed, and whether it is the oldest or not.
func TestExpiredMakeRoom(t *testing.T) {
	for _, policy := range []queue.Policy{queue.DropOldest, queue.DropNewest, queue.Reject} {
		for _, n := range []int{3, 60, 300} { // in the ring; spilled; more than a segment
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, %d messages, restarted %t", policy, n, restart), func(t *testing.T) {
					expiredMakeRoom(t, policy, n, restart)
				})
			}
		}
	}
}

func expiredMakeRoom(t *testing.T, policy queue.Policy, n int, restart bool) {
	station, disk := &machine{kernel: 1, clock: time.Hour}, vfs.NewDisk()
	s, _ := open(t, disk, moving(station))
	o := queue.SessionOptions{RingMessages: 10, Limits: queue.Limits{Messages: uint64(n) + 2, WhenFull: policy}}
	x := create(t, s, o)
	publish(t, s, message("first"), at(x, 1))
	for i := range n {
		publish(t, s, expiring(10, "%0500d", i), at(x, 1))
		if i%10 == 0 {
			commit(t, s)
		}
	}
	publish(t, s, message("second"), at(x, 1))
	commit(t, s)
	if restart {
		closeStore(t, s)
		s, _ = open(t, disk, moving(station))
		x = s.Session(x.Number())
		x.SetLimits(o.Limits)
	}
	station.clock += 9 * time.Second
	if policy == queue.Reject {
		if _, err := s.Publish(message("too early"), []queue.Target{at(x, 1)}); !errors.Is(err, queue.ErrFull) {
			t.Fatal("taken, though nothing has expired")
		}
	}
	station.clock += 2 * time.Second
	if restart && policy != queue.DropOldest { // what is in the log is looked at when there is no room, and found the next time
		_, _ = s.Publish(expiring(1, "while it is looked for"), []queue.Target{at(x, 1)})
		commit(t, s)
		station.clock += 2 * time.Second
	}
	publish(t, s, message("third"), at(x, 1))
	commit(t, s)
	x.Resume(0)
	var got []string
	for turn := 0; x.Unfinished() > 0 && turn < n+10; turn++ { // what has expired is passed over in turns of the ring
		ds := x.Next(nil, 100)
		ack(t, x, ds...)
		commit(t, s)
		got = append(got, texts(ds)...)
	}
	want := []string{"first", "second", "third"}
	if policy == queue.DropOldest && restart && len(got) == 2 { // not known yet: the oldest gave way
		want = want[1:]
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, dropped %s", got, dropped(x))
	}
}

// TestExpiredGiveSpaceBack: segments that hold nothing but expired messages are freed though their receiver never returns.
func TestExpiredGiveSpaceBack(t *testing.T) {
	station, disk := &machine{kernel: 1, clock: time.Hour}, vfs.NewDisk()
	s, _ := open(t, disk, moving(station))
	defer closeStore(t, s)
	x := create(t, s, queue.SessionOptions{})
	for i := range 1000 {
		publish(t, s, expiring(10, "%0500d", i), at(x, 1))
		if i%10 == 0 {
			commit(t, s)
		}
	}
	commit(t, s)
	before := s.Stats().Slots
	station.clock += 11 * time.Second
	for range 5 {
		publish(t, s, message("later"), at(x, 1))
		commit(t, s)
	}
	if after := s.Stats().Slots; before < 8 || after > 5 {
		t.Errorf("%d slots, then %d", before, after)
	}
	if d := x.Stats().Dropped[queue.DroppedExpired]; d < 850 {
		t.Errorf("%d dropped", d)
	}
}

// TestExpiredAfterItWasTaken: what expires in the hands of who was to send it is complete, and counted.
func TestExpiredAfterItWasTaken(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	defer closeStore(t, s)
	for _, x := range []*queue.Session{create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})} {
		x.Resume(0)
		for qos := range byte(3) {
			m := message("m")
			m.QoS = qos
			publish(t, s, m, at(x, qos))
		}
		commit(t, s)
		for _, d := range next(t, x, "m", "m", "m") {
			x.Expired(d.PacketID)
		}
		if st := x.Stats(); st.Dropped[queue.DroppedExpired] != 3 || x.Unfinished() != 0 {
			t.Errorf("%d are counted, and %d are owed", st.Dropped[queue.DroppedExpired], x.Unfinished())
		}
		x.Suspend()
		x.Resume(0)
		next(t, x)
	}
}
