package slotlog_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

func openWith(t *testing.T, fsys vfs.FS, dir string, o slotlog.Options) *slotlog.Log {
	t.Helper()
	l, err := slotlog.Open(fsys, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	l.Replay(func(slotlog.Record) {})
	return l
}

// TestRoomIsWhatFits: what Left says fits, and no record of another kilobyte does.
func TestRoomIsWhatFits(t *testing.T) {
	disk := vfs.NewDisk()
	disk.SetCapacity(5*small.SlotSize + 1000)
	l := openWith(t, disk, "log", small)
	var g slotlog.Group
	g.Append(1, make([]byte, 500))
	size := int64(503) // with its frame
	for n := 0; ; n++ {
		_ = l.Prepare(1)
		left := l.Room().Left()
		err := l.Commit(&g)
		if left >= size+small.SlotSize && err != nil {
			t.Fatalf("%d bytes should have been left: %v", left, err)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, syscall.ENOSPC) || left >= 2*size || n < 5*25 {
			t.Errorf("after %d records, with %d bytes left: %v", n, left, err)
		}
		break
	}
	if l := openWith(t, disk, "log", small); l.Segments() != 5 { // a short file is not left behind
		t.Errorf("%d segments", l.Segments())
	}
	if free, _ := disk.Free("log"); free != 1000 {
		t.Errorf("%d bytes free", free)
	}
}

// TestLimitsAreForPrepare: no slot is made ready beyond them, but a commit that needs one gets it.
func TestLimitsAreForPrepare(t *testing.T) {
	const slots = 4
	for _, c := range []struct {
		name string
		o    slotlog.Options
	}{
		{"bytes of slots", slotlog.Options{MaxBytes: slots * small.SlotSize}},
		{"bytes to keep free", slotlog.Options{KeepFree: 100_000 - slots*small.SlotSize}},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := vfs.NewDisk()
			disk.SetCapacity(100_000)
			o := c.o
			o.SlotSize, o.BlockSize = small.SlotSize, small.BlockSize
			l := openWith(t, disk, "log", o)
			if r := l.Room(); r.Growth != slots || r.Slots != 0 || r.Left() != slots*r.Slot {
				t.Errorf("empty: %+v", r)
			}
			fill(t, l, slots-1)
			if err := l.Prepare(1); err != nil {
				t.Fatal(err)
			}
			if r := l.Room(); r.Growth != 0 || r.Spare != 1 || r.Slots != slots || r.Err != nil {
				t.Errorf("nearly full: %+v", r)
			}
			fill(t, l, slots)
			if err := l.Prepare(1); !errors.Is(err, slotlog.ErrFull) || !errors.Is(l.Room().Err, slotlog.ErrFull) {
				t.Errorf("full: %v, %+v", err, l.Room())
			}
			fill(t, l, slots+1)
			if r := l.Room(); r.Slots != slots+1 || r.Growth != 0 {
				t.Errorf("above: %+v", r)
			}
			if err := l.Free(1, 1, 2, 3); err != nil {
				t.Fatal(err)
			}
			if r := l.Room(); r.Growth != 1 {
				t.Errorf("before anybody has tried: %+v", r)
			}
			if err := l.Prepare(1); err != nil || l.Room().Err != nil || l.Room().Growth != 1 {
				t.Errorf("after a drain: %v, %+v", err, l.Room())
			}
		})
	}
}

// TestRoomAfterRestart: what the slot still takes is known before the first commit.
func TestRoomAfterRestart(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	commit(t, l, 1, 3)
	before := l.Room()
	l, _, _ = open(t, disk)
	after := l.Room()
	if lost := before.Current - after.Current; lost < 0 || lost > 4*1024 {
		t.Errorf("%d bytes before, %d after", before.Current, after.Current)
	}
	commit(t, l, 4, 4)
	if l.Segments() != 1 || after.Current-l.Room().Current > 1024 {
		t.Errorf("%d bytes were promised, %d are left after a small record", after.Current, l.Room().Current)
	}
}

// TestEndIsCopied: the slot of the end of the log cannot be synced when the log is opened. What is in it goes to another
// slot, and nothing is lost when the power goes after that.
func TestEndIsCopied(t *testing.T) {
	for ops := 1; ops <= 40; ops++ {
		disk := vfs.NewDisk()
		l, _, _ := open(t, disk)
		commit(t, l, 1, 5)
		commit(t, l, 6, 10)
		disk = disk.Killed()
		failed := false
		disk.Hook(func(op vfs.Op) error {
			if op.Kind == vfs.OpSync && op.Name == "log/slot-0000" {
				failed = true
				return syscall.EIO
			}
			return nil
		})
		disk.CutAt(disk.Ops() + ops)
		l, err := slotlog.Open(disk, "log", small)
		if err == nil {
			l.Replay(func(slotlog.Record) {})
			var g slotlog.Group
			g.Append(1, body(11))
			err = l.Commit(&g)
		}
		if err != nil && !errors.Is(err, vfs.ErrPower) || ops > 1 && !failed {
			t.Fatalf("power cut in operation %d: %v, failed %t", ops, err, failed)
		}
		want := uint64(10)
		if err == nil {
			want++
		}
		for _, seed := range []uint64{1, 2, 3} {
			_, last, rep := open(t, disk.Crash(newHistory(t, seed, small).r, vfs.Garbling))
			if last < want || rep.Damaged > 0 {
				t.Fatalf("power cut in operation %d: %d of %d records, %+v", ops, last, want, rep)
			}
		}
		if ops == 40 && err != nil {
			t.Errorf("copying takes more operations: %v", err)
		}
	}
}

// TestReadOnlyFileSystem: no log is opened that could not be written.
func TestReadOnlyFileSystem(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	commit(t, l, 1, 5)
	disk.SetReadOnly(true)
	var g slotlog.Group
	g.Append(1, body(6))
	if err := l.Commit(&g); !errors.Is(err, syscall.EROFS) {
		t.Errorf("commit: %v", err)
	}
	if _, err := slotlog.Open(disk, "log", small); !errors.Is(err, slotlog.ErrReadOnly) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("open: %v", err)
	}
	disk.SetReadOnly(false)
	if _, last, rep := open(t, disk); last < 5 || rep.Damaged > 0 {
		t.Errorf("%d records, %+v", last, rep)
	}
}

type forbidding struct{ vfs.FS }

func (forbidding) Open(name string) (vfs.File, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EACCES}
}

// TestForbiddenSlot: a file that belongs to somebody else is not damage.
func TestForbiddenSlot(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	commit(t, l, 1, 5)
	_, err := slotlog.Open(forbidding{disk}, "log", small)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), filepath.Join("log", "slot-0000")) {
		t.Errorf("open: %v", err)
	}
}
