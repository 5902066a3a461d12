package slotlog_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

func commit(t *testing.T, l *slotlog.Log, from, to uint64) {
	t.Helper()
	var g slotlog.Group
	for n := from; n <= to; n++ {
		g.Append(1, body(n))
	}
	if err := l.Commit(&g); err != nil {
		t.Fatalf("commit: %v", err)
	}
}

// TestOneWriteOneSync counts what a commit costs: one write, or two where the tail alternates, and one sync.
func TestOneWriteOneSync(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	var g slotlog.Group
	g.Append(1, make([]byte, 100))
	for i := range 60 {
		before, segments := disk.Ops(), l.Segments()
		if err := l.Commit(&g); err != nil {
			t.Fatal(err)
		}
		if ops := disk.Ops() - before; l.Segments() == segments && (ops < 2 || ops > 3) {
			t.Errorf("commit %d took %d operations", i, ops)
		}
	}
}

// TestGroupOfManySlots commits more than a slot holds at once.
func TestGroupOfManySlots(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	commit(t, l, 1, 2000)
	if _, last, rep := open(t, disk.Killed()); last != 2000 || rep.Damaged != 0 {
		t.Errorf("%d of 2000 records, %+v", last, rep)
	}
}

func TestRecordTooLarge(t *testing.T) {
	l, _, _ := open(t, vfs.NewDisk())
	var g slotlog.Group
	g.Append(1, make([]byte, l.MaxRecord()))
	if err := l.Commit(&g); err != nil {
		t.Errorf("the largest record: %v", err)
	}
	g.Append(1, make([]byte, 2*l.MaxRecord()))
	if err := l.Commit(&g); !errors.Is(err, slotlog.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// TestReaderFollowsWriter reads from where it stopped after every commit, in pieces.
func TestReaderFollowsWriter(t *testing.T) {
	l, _, _ := open(t, vfs.NewDisk())
	r := l.NewReader()
	defer r.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	var pos slotlog.Position
	var written, seen uint64
	for range 300 {
		n := written + 1 + rnd.Uint64N(9)
		commit(t, l, written+1, n)
		written = n
		for seen < written {
			left := 1 + rnd.IntN(5)
			next := r.Read(pos, func(rec slotlog.Record) bool {
				if left == 0 {
					return false
				}
				if left--; string(rec.Body) != string(body(seen+1)) {
					t.Fatalf("record %d is wrong", seen+1)
				}
				seen++
				return true
			})
			if next == pos {
				t.Fatalf("stuck at %v, %d of %d", pos, seen, written)
			}
			pos = next
		}
	}
	if pos != l.End() || r.Damaged != 0 {
		t.Errorf("at %v of %v, %d damaged", pos, l.End(), r.Damaged)
	}
}

// TestDamagedAnywhere overwrites one block after the other of a closed log: all but a few records are found, none
// is invented.
func TestDamagedAnywhere(t *testing.T) {
	const n = 300
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	for i := uint64(1); i < n; i += 3 {
		commit(t, l, i, i+2)
	}
	l, _, _ = open(t, disk) // the end of the last segment is known by the next one's header
	commit(t, l, n+1, n+1)
	for _, name := range disk.Files() {
		f, _ := disk.Open(name)
		size, _ := f.Size()
		for at := int64(0); at < size; at += 512 * int64(sparse()) {
			damaged := disk.Killed().Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
			g, _ := damaged.Open(name)
			_, _ = g.WriteAt(slices.Repeat([]byte{0x5a}, 512), at)
			l, err := slotlog.Open(damaged, "log", small)
			if err != nil {
				t.Fatalf("%s at %d: %v", name, at, err)
			}
			var last, found uint64
			rep := l.Replay(func(r slotlog.Record) {
				k := number(r)
				if k <= last || string(r.Body) != string(body(k)) {
					t.Fatalf("%s at %d: record %d after %d", name, at, k, last)
				}
				last = k
				found++
			})
			lastSlot := name == disk.Files()[len(disk.Files())-1] // nothing says that its only record was acknowledged
			if last != n+1 && !lastSlot || found+rep.Lost != n+1 && !lastSlot || n+1-found > 60 {
				t.Fatalf("%s at %d: %d found, last %d, %+v", name, at, found, last, rep)
			}
		}
	}
}

func TestQuarantine(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	commit(t, l, 1, 50)
	for _, want := range []string{"quarantine/segment-1", ""} {
		if got, err := l.Quarantine(1, "quarantine"); got != want || err != nil {
			t.Errorf("copied to %q, %v; want %q", got, err, want)
		}
	}
	a, _ := disk.Open("log/slot-0000")
	b, _ := disk.Open(filepath.Join("quarantine", "segment-1"))
	x, y := make([]byte, small.SlotSize), make([]byte, small.SlotSize)
	_, _ = a.ReadAt(x, 0)
	_, _ = b.ReadAt(y, 0)
	if !slices.Equal(x, y) {
		t.Error("the copy differs")
	}
}

// TestQuarantineKeepsTheLast: of many damaged segments the copies of the last four are kept; those that gave way are not
// made again.
func TestQuarantineKeepsTheLast(t *testing.T) {
	disk := vfs.NewDisk()
	foreign, _ := disk.Create("quarantine/notes")
	_, _ = foreign.WriteAt([]byte("of somebody"), 0)
	l, _, _ := open(t, disk)
	fill(t, l, 7)
	made := 0
	for range 2 {
		for n := range uint64(6) {
			path, err := l.Quarantine(n+1, "quarantine")
			if err != nil {
				t.Fatal(err)
			}
			if path != "" {
				made++
			}
		}
	}
	names, _ := disk.List("quarantine")
	if want := []string{"notes", "segment-3", "segment-4", "segment-5", "segment-6"}; made != 6 || !slices.Equal(names, want) {
		t.Errorf("%d copies were made, %q are left, want %q", made, names, want)
	}
}

// TestQuarantineCutShort: the power goes while a slot is copied. The copy either has not its name, and is made at the next
// start, or is whole.
func TestQuarantineCutShort(t *testing.T) {
	redone := 0
	for cut := 1; ; cut++ {
		disk := vfs.NewDisk()
		l, _, _ := open(t, disk)
		commit(t, l, 1, 50)
		start := disk.Ops()
		disk.CutAt(start + cut)
		_, err := l.Quarantine(1, "quarantine")
		if err == nil {
			break
		}
		disk = disk.Crash(rand.New(rand.NewPCG(uint64(cut), 1)), vfs.Garbling)
		l, _, _ = open(t, disk)
		path, err := l.Quarantine(1, "quarantine")
		if err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		if path != "" {
			redone++
		}
		a, _ := disk.Open("log/slot-0000")
		b, err := disk.Open("quarantine/segment-1")
		if err != nil {
			t.Fatalf("cut %d: %v", cut, err)
		}
		x, y := make([]byte, small.SlotSize), make([]byte, small.SlotSize)
		_, _ = a.ReadAt(x, 0)
		_, _ = b.ReadAt(y, 0)
		if names, _ := disk.List("quarantine"); !slices.Equal(x, y) || len(names) != 1 {
			t.Fatalf("cut %d: the copy differs, or is not alone: %q", cut, names)
		}
	}
	if redone == 0 {
		t.Error("no copy was cut short")
	}
}

// TestForeignFiles: what is not ours is left alone.
func TestForeignFiles(t *testing.T) {
	disk := vfs.NewDisk()
	for _, name := range []string{"log/README", "log/slot-x", "log/slot-7", "log/slot-0003"} {
		f, _ := disk.Create(name)
		_, _ = f.WriteAt([]byte(strings.Repeat("foreign ", 500)), 0)
	}
	l, _, _ := open(t, disk)
	commit(t, l, 1, 500)
	if _, last, _ := open(t, disk.Killed()); last != 500 {
		t.Errorf("%d records", last)
	}
	for _, name := range []string{"log/README", "log/slot-x", "log/slot-7", "log/slot-0003"} {
		f, err := disk.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := f.Size(); size != 4000 {
			t.Errorf("%s has %d bytes", name, size)
		}
	}
}

func TestPrepare(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	if err := l.Prepare(1); err != nil || l.Spares() != 1 {
		t.Fatalf("%d spares, %v", l.Spares(), err)
	}
	disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate {
			t.Error("a slot was made although one was ready")
		}
		return nil
	})
	commit(t, l, 1, 1)
	disk.Hook(nil)
	_ = l.Prepare(1)
	if l, _, _ = open(t, disk.Killed()); l.Spares() != 1 {
		t.Errorf("%d spares after a restart", l.Spares())
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []slotlog.Options{{BlockSize: 1000}, {BlockSize: 64 << 10}, {SlotSize: 4097}, {SlotSize: 4096}} {
		if _, err := slotlog.Open(vfs.NewDisk(), "log", o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
