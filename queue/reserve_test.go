package queue_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// fillUp lets other programs take all that is left of a disk but a few blocks.
func fillUp(t *testing.T, disk *vfs.Disk) {
	t.Helper()
	used := int64(0)
	for _, name := range disk.Files() {
		f, err := disk.Open(name)
		must(t, err)
		n, err := f.Size()
		must(t, err)
		must(t, f.Close())
		used += n
	}
	disk.SetCapacity(used + 4<<10)
}

// keepSome publishes n messages of QoS 2 to x, and one in a hundred to somebody who keeps them.
func keepSome(t *testing.T, s *queue.Store, x, keeper *queue.Session, n int) {
	t.Helper()
	for i := range n {
		to := []queue.Target{at(x, 2)}
		if i%100 == 0 {
			to = append(to, at(keeper, 1))
		}
		publish(t, s, message("%0200d", i), to...)
		synctest.Wait()
	}
	time.Sleep(time.Minute) // spares are made, checkpoints written
}

// TestFullDiskDrainsForEver: other programs fill the disk while messages wait, of which some stay. What is small goes round in the
// reserve: every message is taken, with commits of its own, though that is many slots' worth of them.
func TestFullDiskDrainsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2000
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		stop := run(t, s)
		x, keeper := create(t, s, queue.SessionOptions{Window: 1}), create(t, s, queue.SessionOptions{})
		keepSome(t, s, x, keeper, n)
		fillUp(t, disk)
		x.Resume(0)
		for taken := 0; taken < n; {
			for _, d := range x.Next(nil, 1) {
				r, _ := x.Received(d.PacketID)
				must(t, s.Wait(t.Context(), r))
				x.Ack(d.PacketID)
				taken++
			}
			synctest.Wait()
		}
		must(t, s.Err())
		if n := keeper.Stats().Messages; n != 20 {
			t.Errorf("%d messages are kept, want 20", n)
		}
		stop()
		closeStore(t, s)
	})
}

// TestRestartsOnFullDisk starts a station again and again on a full disk; each time it takes one message. A start costs some
// blocks: they go round in the reserve too.
func TestRestartsOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, starts := 1000, rounds(500)
		disk := vfs.NewDisk()
		s, _ := open(t, disk, small)
		stop := run(t, s)
		x, keeper := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		keepSome(t, s, x, keeper, n)
		stop()
		closeStore(t, s)
		fillUp(t, disk)
		for range starts {
			s, _ := open(t, disk, small)
			stop := run(t, s)
			x := s.Session(x.Number())
			x.Resume(0)
			synctest.Wait()
			ds := x.Next(nil, 1)
			if len(ds) != 1 {
				t.Fatalf("%d messages are there", len(ds))
			}
			r, _ := x.Received(ds[0].PacketID)
			must(t, s.Wait(t.Context(), r))
			x.Ack(ds[0].PacketID)
			stop()
			closeStore(t, s)
		}
		s, _ = open(t, disk, small)
		defer closeStore(t, s)
		if left := s.Session(x.Number()).Stats().Messages; left != uint64(n-starts) {
			t.Errorf("%d messages are left, want %d", left, n-starts)
		}
	})
}

// TestFlappingOnFullDisk: a client that begins a new session at each connection does not use up what others need to be drained.
func TestFlappingOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewDisk()
		o := small
		o.Limits.WhenFull = queue.Reject
		s, _ := open(t, disk, o)
		stop := run(t, s)
		x, keeper := create(t, s, queue.SessionOptions{}), create(t, s, queue.SessionOptions{})
		keepSome(t, s, x, keeper, 1000)
		fillUp(t, disk)
		flapping := create(t, s, queue.SessionOptions{})
		refused := 0
		for range 3000 {
			b := s.NewBatch()
			b.End(flapping)
			fresh := b.Create(queue.SessionOptions{})
			r, err := s.Apply(b)
			if errors.Is(err, queue.ErrFull) {
				refused++
				time.Sleep(time.Second)
				continue
			}
			must(t, err)
			must(t, s.Wait(t.Context(), r))
			flapping = fresh
		}
		t.Logf("%d of 3000 refused", refused)
		x.Resume(0)
		for taken := 0; taken < 1000; synctest.Wait() {
			for _, d := range x.Next(nil, 10) {
				x.Received(d.PacketID)
				x.Ack(d.PacketID)
				taken++
			}
		}
		must(t, s.Err())
		stop()
		closeStore(t, s)
	})
}

// TestCheckpointsFindRoom: other programs fill the disk before there are checkpoints, or before one that has to grow. The ballast makes
// room for them: when what waited has been taken, messages are taken again.
func TestCheckpointsFindRoom(t *testing.T) {
	for _, c := range []struct {
		name     string
		retained int // messages to be retained, which checkpoints have to hold, after the first ones were written
		waiting  int
	}{
		{"the first checkpoints", 0, 120},
		{"larger checkpoints", 100, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkpointsFindRoom(t, c.retained, c.waiting) })
		})
	}
}

func checkpointsFindRoom(t *testing.T, retained, waiting int) {
	disk := vfs.NewDisk()
	o := small
	o.SlotSize, o.Limits.WhenFull = 1<<20, queue.Reject
	s, _ := open(t, disk, o)
	stop := run(t, s)
	x := create(t, s, queue.SessionOptions{})
	if retained > 0 { // checkpoints are made
		keeper := create(t, s, queue.SessionOptions{})
		keepSome(t, s, x, keeper, 5000)
		emptyIt(t, s, x)
		emptyIt(t, s, keeper)
	}
	for i := range retained {
		m := retain(message("%0900d", i))
		m.TopicName = fmt.Sprint("retained/", i)
		publish(t, s, m)
	}
	time.Sleep(time.Minute)
	fillUp(t, disk)
	taken := 0
	for ; taken < 3000; taken++ {
		_, err := s.Publish(message("%09000d", taken), []queue.Target{at(x, 1)})
		if errors.Is(err, queue.ErrFull) {
			break
		}
		must(t, err)
		synctest.Wait()
	}
	if taken == 3000 {
		t.Fatal("the disk is full, and everything is taken")
	}
	emptyIt(t, s, x)
	time.Sleep(time.Minute)
	for i := range 400 { // several slots' worth
		publish(t, s, message("%09000d", i), at(x, 1))
		emptyIt(t, s, x)
		time.Sleep(10 * time.Second)
	}
	if st := s.Stats(); st.CheckpointFailures > 1 {
		t.Errorf("%d checkpoints could not be written", st.CheckpointFailures)
	}
	stop()
	closeStore(t, s)
}

// emptyIt takes everything that waits for a session.
func emptyIt(t *testing.T, s *queue.Store, x *queue.Session) {
	t.Helper()
	x.Resume(0)
	for turns := 0; x.Unfinished() > 0; turns++ {
		if turns == 100_000 {
			t.Fatalf("%d deliveries are owed, and nothing comes", x.Unfinished())
		}
		for _, d := range x.Next(nil, 100) {
			if d.QoS == 2 && !d.Release {
				x.Received(d.PacketID)
			}
			x.Ack(d.PacketID)
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
	}
	x.Suspend()
}
