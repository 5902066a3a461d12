package slotlog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

func numbers(all []slotlog.Extent) (n []uint64) {
	for _, e := range all {
		n = append(n, e.Segment)
	}
	return n
}

// TestStaleSlot: what is left of a freed segment, whole, is a spare: because the checkpoint says so, or a later header.
func TestStaleSlot(t *testing.T) {
	for _, known := range []string{"checkpoint", "header"} {
		t.Run(known, func(t *testing.T) {
			disk := vfs.NewDisk()
			l, _, _ := open(t, disk)
			fill(t, l, 6)
			o := small
			c := slotlog.Checkpoint{UUID: l.UUID(), Covered: l.Sealed()[4], Known: l.Sealed()[3:]}
			o.Checkpoint = func(_ slotlog.UUID, there []uint64) slotlog.Checkpoint {
				if !slices.Equal(there, []uint64{1, 2, 3, 4, 5, 6}) {
					t.Errorf("found %d", there)
				}
				return c
			}
			if known == "header" {
				disk.Hook(func(op vfs.Op) error {
					if op.Kind == vfs.OpRemove {
						return syscall.EIO
					}
					return nil
				})
				if err := l.Free(1, 2, 3, 1); !errors.Is(err, syscall.EIO) { // 2 stays as the spare
					t.Errorf("free: %v", err)
				}
				fill(t, l, 4)
				disk.Hook(nil)
				o.Checkpoint = nil
			}
			l, err := slotlog.Open(disk.Killed(), "log", o)
			if err != nil {
				t.Fatal(err)
			}
			rep := l.ReplayFrom(0, func(r slotlog.Record) {
				if r.Segment < 4 {
					t.Fatalf("segment %d was freed", r.Segment)
				}
			})
			want := map[string][]uint64{"checkpoint": {4, 5}, "header": {4, 5, 6}}[known]
			if got := numbers(l.Sealed()); !slices.Equal(got, want) || l.Spares() != 2 || rep.Damaged > 0 || l.Stats().Slots != len(want)+3 {
				t.Errorf("sealed %d, %d spares, %d slots, %+v", got, l.Spares(), l.Stats().Slots, rep)
			}
		})
	}
}

// TestHeaderHalfWritten: the power went while a spare got its header. The copy that is there counts, whichever it is,
// and the slot is not trusted with more.
func TestHeaderHalfWritten(t *testing.T) {
	for _, lost := range []int64{0, 512} {
		for _, left := range []string{"old", "rubbish"} {
			t.Run(fmt.Sprint(left, lost), func(t *testing.T) {
				disk := vfs.NewDisk()
				l, _, _ := open(t, disk)
				fill(t, l, 3)
				c := slotlog.Checkpoint{UUID: l.UUID(), Covered: l.Sealed()[1], Known: l.Sealed()[1:]}
				_ = l.Free(1, 1)
				before := copyOf(disk)
				fill(t, l, 3)
				after := copyOf(disk)
				half := slices.Repeat([]byte{0x5a}, 512)
				if left == "old" {
					f, _ := before.Open("log/slot-0000")
					_, _ = f.ReadAt(half, lost)
				}
				f, _ := after.Open("log/slot-0000")
				_, _ = f.WriteAt(half, lost)
				o := small
				o.Checkpoint = func(slotlog.UUID, []uint64) slotlog.Checkpoint { return c }
				for boot := range 2 {
					l, err := slotlog.Open(after, "log", o)
					if err != nil {
						t.Fatal(err)
					}
					rep := l.ReplayFrom(3, func(slotlog.Record) {})
					if got := numbers(l.Sealed()); !slices.Equal(got, []uint64{2, 3, 4}[:2+boot]) || rep.Damaged > 0 || rep.Records == 0 {
						t.Fatalf("boot %d: sealed %d, %+v", boot, got, rep)
					}
					var g slotlog.Group
					g.Append(1, []byte("x"))
					if err := l.Commit(&g); err != nil || l.Segments() != 4 {
						t.Errorf("boot %d: %d segments, %v", boot, l.Segments(), err)
					}
				}
			})
		}
	}
}

// TestFailedHeaderCountsLess: the header of a slot that could not be synced may be on the disk after all, and the slot
// not be removable: the one written after it is the segment.
func TestFailedHeaderCountsLess(t *testing.T) {
	disk := vfs.NewDisk()
	failed := ""
	disk.Hook(func(op vfs.Op) error {
		switch {
		case op.Kind == vfs.OpWrite && op.Offset == 0 && op.Length == 1024 && failed == "":
			failed = op.Name
		case op.Kind == vfs.OpSync && op.Name == failed, op.Kind == vfs.OpRemove:
			return syscall.EIO
		}
		return nil
	})
	l, _, _ := open(t, disk)
	commit(t, l, 1, 5)
	if l, last, rep := open(t, disk.Killed()); last != 5 || rep.Damaged > 0 || l.Segments() != 1 {
		t.Errorf("%d records, %d segments, %+v", last, l.Segments(), rep)
	}
}

// TestBadSlotIsNotUsedAgain: a slot that a write failed in is kept until its segment is freed, and no longer; not even
// by the next process.
func TestBadSlotIsNotUsedAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		disk := vfs.NewDisk()
		l, _, _ := open(t, disk)
		commit(t, l, 1, 5)
		n := 0
		disk.Hook(func(op vfs.Op) error {
			if n++; n == 1 {
				return syscall.EIO
			}
			return nil
		})
		commit(t, l, 6, 10)
		if got := l.Stats(); got.Moved != 1 || l.Segments() != 2 {
			t.Fatalf("%+v", got)
		}
		if restart {
			l, _, _ = open(t, disk)
		}
		if err := l.Free(1, 1); err != nil {
			t.Fatal(err)
		}
		if got := disk.Files(); !slices.Equal(got, []string{"log/slot-0001"}) || l.Spares() != 0 {
			t.Errorf("restart %t: %q is left", restart, got)
		}
	}
}

// TestNoFreedFileStaysOpen: the space of a file that is open does not come back.
func TestNoFreedFileStaysOpen(t *testing.T) {
	dir := t.TempDir()
	l, err := slotlog.Open(vfs.OS{}, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Replay(func(slotlog.Record) {})
	fillWith(t, l, 5, 3000)
	r := l.NewReader()
	defer r.Close()
	r.Read(l.Start(), func(slotlog.Record) bool { return true })
	if err := l.Free(1, 1, 2, 3, 4); err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		path, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if strings.HasPrefix(path, dir) && strings.HasSuffix(path, "(deleted)") {
			t.Errorf("%s is still open", path)
		}
	}
}

// TestFreedWhileRead: the segment is freed and its slot written over between the look into its table and the read.
func TestFreedWhileRead(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	fill(t, l, 4)
	r := l.NewReader()
	defer r.Close()
	reads, done := 0, make(chan struct{})
	disk.HookReads(func(op vfs.Op) error {
		if reads++; op.Name != "log/slot-0000" || reads != 4 {
			return nil
		}
		go func() {
			defer close(done)
			_ = l.Free(1, 1)
		}()
		for l.Segments() > 3 {
			continue
		}
		rot(t, disk, op.Name, 0, int(small.SlotSize))
		return nil
	})
	n := 0
	r.Read(l.Start(), func(slotlog.Record) bool { n++; return true })
	<-done
	if n == 0 || r.Damaged > 0 || r.Lost > 0 {
		t.Errorf("%d records, %d damaged, %d lost", n, r.Damaged, r.Lost)
	}
}

// TestAllAtOnce commits, frees, prepares and reads at the same time.
func TestAllAtOnce(t *testing.T) {
	l, _, _ := open(t, vfs.NewDisk())
	stop := make(chan struct{})
	var side sync.WaitGroup
	each := func(f func()) {
		side.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	each(func() {
		sealed := l.Sealed()
		for i, e := range sealed {
			if i%3 == 1 || len(sealed) > 8 {
				_ = l.Free(1, e.Segment)
			}
		}
	})
	each(func() { _ = l.Prepare(1) })
	for range 2 {
		r := l.NewReader()
		defer r.Close()
		var pos slotlog.Position
		each(func() {
			pos = r.Read(pos, func(slotlog.Record) bool { return true })
			if r.Damaged > 0 || r.Lost > 0 {
				t.Errorf("%d damaged, %d lost", r.Damaged, r.Lost)
				r.Damaged, r.Lost = 0, 0
			}
			if e := l.Sealed(); len(e) > 0 {
				if rep := l.ReadSegments(e[0].Segment, e[0].Segment, func(slotlog.Record) {}); rep.Damaged > 0 {
					t.Errorf("%+v", rep)
				}
			}
		})
	}
	var g slotlog.Group
	g.Append(1, make([]byte, 300))
	for range 3000 {
		if err := l.Commit(&g); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	side.Wait()
	if l.Stats().Slots > l.Segments()+2 {
		t.Errorf("%d slots for %d segments", l.Stats().Slots, l.Segments())
	}
}
