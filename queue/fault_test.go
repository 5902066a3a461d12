package queue_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"syscall"
	"testing"

	"skerry/queue"
	"skerry/queue/vfs"
)

// failing makes the next n operations of a kind fail.
func failing(disk *vfs.Disk, kind vfs.Kind, n int, err error) {
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == kind && n > 0 {
			n--
			return err
		}
		return nil
	})
}

func TestFailedWriteMovesToNewSlot(t *testing.T) {
	for _, kind := range []vfs.Kind{vfs.OpWrite, vfs.OpSync} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			disk := vfs.NewDisk()
			s, _ := open(t, disk, small)
			x := create(t, s, queue.SessionOptions{})
			publish(t, s, message("before"), at(x, 1))
			commit(t, s)
			publish(t, s, message("failing"), at(x, 1))
			failed := ""
			disk.Hook(func(op vfs.Op) error {
				switch {
				case failed == "" && op.Kind == kind:
					failed = op.Name
					return syscall.EIO
				case op.Kind == vfs.OpWrite && op.Name == failed:
					t.Errorf("%s is written again", failed)
				}
				return nil
			})
			commit(t, s)
			publish(t, s, message("after"), at(x, 1))
			closeStore(t, s)
			if s.Stats().Moved != 1 {
				t.Errorf("%+v", s.Stats())
			}
			s, r := open(t, disk, small)
			if r.Report.Damaged != 0 {
				t.Errorf("report %+v", r.Report)
			}
			x = s.Session(x.Number())
			x.Resume(0)
			next(t, x)
			commit(t, s)
			next(t, x, "before", "failing", "after")
		})
	}
}

func TestStoreGoesDown(t *testing.T) {
	for _, c := range []struct {
		name string
		kind vfs.Kind
		err  error
	}{
		{"sync", vfs.OpSync, syscall.EIO},
		{"write", vfs.OpWrite, syscall.EIO},
		{"read-only", vfs.OpWrite, syscall.EROFS},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewDisk()
			s, _ := open(t, disk, small)
			x, v := create(t, s, queue.SessionOptions{}), s.NewVolatile(queue.SessionOptions{})
			publish(t, s, message("before"), at(x, 1))
			commit(t, s)
			x.Resume(0)
			v.Resume(0)
			r := publish(t, s, message("lost"), at(x, 2))
			a := newAlarm()
			s.Notify(r, a)
			next(t, x, "before")
			failing(disk, c.kind, 1000, c.err)
			if err := s.Commit(); !errors.Is(err, c.err) || !errors.Is(s.Err(), c.err) {
				t.Errorf("commit: %v, err: %v", err, s.Err())
			}
			if a.n.Load() != 1 || s.Durable() >= r {
				t.Errorf("woken %d times, durable %d of %d", a.n.Load(), s.Durable(), r)
			}
			s.Notify(r, a)
			if err := s.Wait(t.Context(), r); a.n.Load() != 2 || !errors.Is(err, c.err) {
				t.Errorf("woken %d times; wait: %v", a.n.Load(), err)
			}
			if _, err := s.Publish(message("x"), []queue.Target{at(x, 1)}); !errors.Is(err, c.err) {
				t.Errorf("publish: %v", err)
			}
			publish(t, s, &queue.Message{TopicName: "q0", Payload: []byte("flows"), Retain: true}, at(v, 0), at(x, 0))
			next(t, v, "flows")
			next(t, x) // behind the QoS 2 message that is not durable
			if err := s.Close(); err == nil {
				t.Error("Close hides that something is not durable")
			}
			if err := s.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// TestSyncFailsWhileOpening: what the last process wrote cannot be made durable where it is, and goes to another slot.
// Only if that fails too, nothing may be promised on top of it.
func TestSyncFailsWhileOpening(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	commit(t, s)
	create(t, s, queue.SessionOptions{})
	commit(t, s)
	disk = disk.Killed()
	failing(disk, vfs.OpSync, 1000, syscall.EIO)
	if _, _, err := queue.Open(disk, "q", small); !errors.Is(err, syscall.EIO) {
		t.Errorf("open: %v", err)
	}
	failing(disk, vfs.OpSync, 1, syscall.EIO)
	s, _ = open(t, disk, small)
	if s.Session(1) == nil {
		t.Error("the session is lost")
	}
	closeStore(t, s)
}

func TestFullDisk(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	commit(t, s)
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	})
	kept := 0
	for s.Err() == nil {
		publish(t, s, message("%1000d", kept), at(x, 1))
		if s.Commit() == nil {
			kept++
		}
	}
	if !errors.Is(s.Err(), syscall.ENOSPC) || kept < 20 {
		t.Fatalf("%d kept, %v", kept, s.Err())
	}
	_ = s.Close()
	disk.Hook(nil)
	s, _ = open(t, disk, small)
	run(t, s)
	x = s.Session(x.Number())
	x.Resume(0)
	drain(t, x, kept, func(queue.Delivery) {})
}

func TestLock(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	if _, _, err := queue.Open(disk, "q", small); !errors.Is(err, queue.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	closeStore(t, s)
	s, _ = open(t, disk, small)
	closeStore(t, s)
}

// slots of a store, with what is in them.
func slots(t *testing.T, disk *vfs.Disk) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range disk.Files() {
		f, err := disk.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, _ := f.Size()
		all[name] = make([]byte, size)
		_, _ = f.ReadAt(all[name], 0)
	}
	return all
}

func overwrite(t *testing.T, disk *vfs.Disk, name string, at int64, b []byte) {
	t.Helper()
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestDamage destroys blocks in the middle of a log: the rest is delivered, in order, and the loss is counted.
func TestDamage(t *testing.T) {
	const n, perGroup = 400, 10
	for _, c := range []struct {
		name   string
		at     int64 // of the first slot
		length int
		lost   [2]int // at least, at most
	}{
		{"a block", 10 * 1024, 1024, [2]int{7, 12}},
		{"a sector", 10*1024 + 512, 512, [2]int{7, 12}},
		{"some blocks", 10 * 1024, 5 * 1024, [2]int{35, 60}},
		{"one header", 0, 512, [2]int{0, 0}},
		{"both headers", 0, 1024, [2]int{0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewDisk()
			s, _ := open(t, disk, small)
			x := create(t, s, queue.SessionOptions{})
			commit(t, s)
			for i := range n {
				publish(t, s, message("%100d", i), at(x, 2))
				if i%perGroup == 0 {
					commit(t, s)
				}
			}
			closeStore(t, s)
			s, _ = open(t, disk, small) // a second segment, so that not all headers can be damaged
			publish(t, s, message("%d", n), at(x, 2))
			publish(t, s, retain(message("kept")))
			closeStore(t, s)

			overwrite(t, disk, "q/log/slot-0000", c.at, slices.Repeat([]byte{0xa5}, c.length))
			s, r := open(t, disk, small)
			x = s.Session(x.Number())
			if x == nil || len(r.Retained) != 1 {
				t.Fatalf("session %v, report %+v", x, r.Report)
			}
			run(t, s)
			x.Resume(0)
			want := n + 1 - int(r.Report.LostRecords)
			last := -1
			drain(t, x, want, func(d queue.Delivery) {
				var i int
				fmt.Sscan(string(d.Message.Payload), &i)
				if i <= last {
					t.Fatalf("%d after %d", i, last)
				}
				last = i
			})
			if last != n {
				t.Errorf("the last one was %d", last)
			}
			lost := int(r.Report.LostRecords)
			if lost < c.lost[0] || lost > c.lost[1] || (r.Report.Damaged > 0) != (len(r.Report.Quarantined) == 1) {
				t.Errorf("report %+v", r.Report)
			}
		})
	}
}

// TestLostSessionRecord: the number of a session that damage has taken is not given to another, which would get its
// messages.
func TestLostSessionRecord(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	var x *queue.Session
	for range 5 {
		x = create(t, s, queue.SessionOptions{})
	}
	publish(t, s, message("%4000d", 1), at(x, 1)) // its record is not in the block of the sessions
	commit(t, s)
	publish(t, s, message("not yours"), at(x, 1))
	closeStore(t, s)
	s, _ = open(t, disk, small)
	publish(t, s, retain(message("kept")))
	closeStore(t, s)
	overwrite(t, disk, "q/log/slot-0000", 1024, slices.Repeat([]byte{1}, 1024))
	s, r := open(t, disk, small)
	if r.Report.Damaged == 0 || s.Session(x.Number()) != nil {
		t.Fatalf("report %+v", r.Report)
	}
	y := create(t, s, queue.SessionOptions{})
	if y.Number() <= x.Number() {
		t.Errorf("number %d again", y.Number())
	}
}

func TestNewerFormatIsRefusedUntouched(t *testing.T) {
	disk := vfs.NewDisk()
	s, _ := open(t, disk, small)
	x := create(t, s, queue.SessionOptions{})
	publish(t, s, message("a"), at(x, 1))
	closeStore(t, s)
	for _, c := range []struct {
		name string
		at   int
	}{{"version", 8}, {"incompatible feature", 12}, {"feature that must be kept when writing", 16}} {
		t.Run(c.name, func(t *testing.T) {
			d := disk.Killed()
			header := slices.Clone(slots(t, d)["q/log/slot-0000"][:512])
			header[c.at] ^= 2
			overwrite(t, d, "q/log/slot-0000", 0, checksummed(header))
			ops, before := d.Ops(), slots(t, d)
			if _, _, err := queue.Open(d, "q", small); !errors.Is(err, queue.ErrFormat) {
				t.Fatalf("open: %v", err)
			}
			for name, b := range slots(t, d) {
				if !slices.Equal(b, before[name]) {
					t.Errorf("%s was touched", name)
				}
			}
			if d.Ops() != ops {
				t.Error("something was written")
			}
			if l, err := d.Lock("q/lock"); err != nil {
				t.Error("the lock was kept")
			} else {
				l.Close()
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	s, _ := open(t, vfs.NewDisk(), small)
	x := create(t, s, queue.SessionOptions{})
	x.Resume(0)
	m := message("%*d", s.MaxMessage()-100, 1)
	publish(t, s, m, at(x, 1))
	commit(t, s)
	if _, err := s.Publish(message("%*d", 16<<10, 1), []queue.Target{at(x, 1)}); !errors.Is(err, queue.ErrTooLarge) {
		t.Errorf("publish: %v", err)
	}
	next(t, x, string(m.Payload))
}
func checksummed(sector []byte) []byte {
	binary.LittleEndian.PutUint32(sector[508:], crc32.Checksum(sector[:508], crc32.MakeTable(crc32.Castagnoli)))
	return sector
}
