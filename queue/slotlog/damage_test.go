package slotlog_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// manyBoots makes a slot that several boots wrote into, most of which ended in a torn group whose blocks are still
// there, and a second slot that says where it ends.
func manyBoots(t *testing.T, seed uint64) *history {
	t.Helper()
	h := newHistory(t, seed, slotlog.Options{SlotSize: 96 << 10, BlockSize: 1024})
	torn := 0
	for boot := range 8 {
		l, rep := h.open()
		torn += rep.Torn
		for range 1 + h.r.IntN(4) {
			_ = h.commit(l, 1+h.r.IntN(8))
		}
		if boot < 7 {
			h.disk.CutAt(h.disk.Ops() + 2) // the sync of a group
			_ = h.commit(l, 12)
			h.disk = h.disk.Crash(h.r, vfs.Fate{Torn: 1})
		}
	}
	l, _ := h.open()
	for l.Segments() == 1 {
		if err := h.commit(l, 6); err != nil {
			t.Fatal(err)
		}
	}
	if torn == 0 {
		t.Fatal("nothing was torn")
	}
	return h
}

// reread counts what is found of a damaged copy of the history. Nothing may be found that is not part of it.
func (h *history) reread(disk *vfs.Disk) (found int, rep slotlog.Replayed) {
	h.t.Helper()
	l, err := slotlog.Open(disk, "log", h.o)
	if err != nil {
		h.t.Fatal(err)
	}
	if l.Lied() {
		h.t.Fatal("what rots is no lie")
	}
	last := uint64(0)
	rep = l.Replay(func(r slotlog.Record) {
		number, attempt := binary.LittleEndian.Uint64(r.Body), binary.LittleEndian.Uint64(r.Body[8:])
		if number <= last || number > uint64(len(h.kept)) || h.kept[number-1] != attempt {
			h.t.Fatalf("record %d of attempt %d after %d", number, attempt, last)
		}
		if r.Gap != (number != last+1) {
			h.t.Fatalf("record %d after %d: gap %t", number, last, r.Gap)
		}
		last = number
		found++
	})
	return found, rep
}

// copyOf is what is on the disk, so that it can be damaged.
func copyOf(disk *vfs.Disk) *vfs.Disk {
	return disk.Killed().Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1})
}

func rot(t *testing.T, disk *vfs.Disk, name string, at int64, n int) {
	t.Helper()
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteAt(slices.Repeat([]byte{0x5a}, n), at)
}

// TestManyBootsOneDamagedSector: whichever sector of a slot rots, the marker of a boot included, what is lost is a
// block and is counted, and no block of a torn group comes back.
func TestManyBootsOneDamagedSector(t *testing.T) {
	for seed := range uint64(8 / sparse()) {
		h := manyBoots(t, seed)
		for at := int64(0); at < h.o.SlotSize; at += vfs.Sector {
			disk := copyOf(h.disk)
			rot(t, disk, "log/slot-0000", at, vfs.Sector)
			found, rep := h.reread(disk)
			if found+int(rep.Lost) != len(h.kept) || len(h.kept)-found > 40 || (rep.Damaged > 0) != (found < len(h.kept)) {
				t.Fatalf("seed %d, sector at %d: %d of %d found, %+v", seed, at, found, len(h.kept), rep)
			}
			if at/512 > 1 && disk.Ops() == 0 {
				t.Fatal("nothing was damaged")
			}
		}
	}
}

// TestBothMarkersLost: the blocks of the boot itself say where it began.
func TestBothMarkersLost(t *testing.T) {
	pairs := 0
	for seed := range uint64(20) {
		h := manyBoots(t, seed)
		for at := int64(1024); at < h.o.SlotSize-1024; at += 1024 {
			if !isMarker(t, h.disk, at) || !isMarker(t, h.disk, at+1024) {
				continue
			}
			pairs++
			disk := copyOf(h.disk)
			rot(t, disk, "log/slot-0000", at, 2048)
			if found, rep := h.reread(disk); found != len(h.kept) || rep.Damaged > 0 {
				t.Errorf("seed %d, markers at %d: %d of %d found, %+v", seed, at, found, len(h.kept), rep)
			}
		}
	}
	if pairs < 50 {
		t.Errorf("only %d pairs of markers", pairs)
	}
}

func isMarker(t *testing.T, disk *vfs.Disk, at int64) bool {
	t.Helper()
	f, err := disk.Open("log/slot-0000")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 32)
	_, _ = f.ReadAt(b, at)
	le := binary.LittleEndian
	return le.Uint16(b[4:]) == 1 && le.Uint16(b[6:]) == 0xffff && le.Uint64(b[8:]) == 1 && le.Uint64(b[16:]) == 0
}

// TestUnreadablePlaces: a place that gives an error instead of rubbish takes no other with it.
func TestUnreadablePlaces(t *testing.T) {
	h := manyBoots(t, 3)
	for at := int64(0); at < h.o.SlotSize; at += 1024 {
		disk := copyOf(h.disk)
		disk.HookReads(func(op vfs.Op) error {
			if op.Name == "log/slot-0000" && op.Offset < at+1024 && op.Offset+int64(op.Length) > at {
				return fmt.Errorf("read at %d: %w", at, syscall.EIO)
			}
			return nil
		})
		found, rep := h.reread(disk)
		if found+int(rep.Lost) != len(h.kept) || len(h.kept)-found > 40 {
			t.Fatalf("place at %d: %d of %d found, %+v", at, found, len(h.kept), rep)
		}
	}
}

// TestMissingSlot: a whole slot is gone. What was in it is counted, also if it is what the checkpoint is followed by.
func TestMissingSlot(t *testing.T) {
	for _, covered := range []int{0, 1} {
		for missing := covered; missing < 3; missing++ {
			h := newHistory(t, 5, small)
			l, _ := h.open()
			for l.Segments() < 4 {
				_ = h.commit(l, 5)
			}
			o, sealed := small, l.Sealed()
			if covered > 0 {
				o.Checkpoint = func(u slotlog.UUID, _ []uint64) slotlog.Checkpoint {
					return slotlog.Checkpoint{UUID: u, Covered: sealed[0]}
				}
			}
			_ = h.disk.Remove(fmt.Sprintf("log/slot-%04d", missing))
			l, err := slotlog.Open(h.disk, "log", o)
			if err != nil {
				t.Fatal(err)
			}
			gaps := 0
			rep := l.ReplayFrom(uint64(covered+1), func(r slotlog.Record) {
				if r.Gap {
					gaps++
				}
			})
			if e := sealed[missing]; rep.Lost != e.NextSeq-e.FirstSeq || rep.Damaged != 1 || gaps != 1 {
				t.Errorf("covered %d, missing %d: %d gaps, %+v", covered, missing+1, gaps, rep)
			}
		}
	}
}

// TestLastSlotComesBack: the last slot cannot be read at one start, and can at the next. Neither what is in it nor what
// was written meanwhile is lost.
func TestLastSlotComesBack(t *testing.T) {
	disk, o := vfs.NewDisk(), slotlog.Options{SlotSize: 32 << 10, BlockSize: 1024}
	l := openWith(t, disk, "log", o)
	for _, size := range []int{8000, 8000, 8000, 10, 8000} { // the last one has no room, and leaves some
		var g slotlog.Group
		g.Append(1, make([]byte, size))
		if err := l.Commit(&g); err != nil {
			t.Fatal(err)
		}
	}
	before := 0
	l, err := slotlog.Open(disk, "log", o)
	if err != nil {
		t.Fatal(err)
	}
	l.Replay(func(slotlog.Record) { before++ })
	disk.HookReads(func(op vfs.Op) error {
		if op.Name == "log/slot-0001" {
			return syscall.EIO
		}
		return nil
	})
	var g slotlog.Group
	g.Append(2, []byte("meanwhile"))
	for boot := range 2 {
		l, err := slotlog.Open(disk, "log", o)
		if err != nil {
			t.Fatal(err)
		}
		rep := l.Replay(func(slotlog.Record) {})
		if rep.Damaged != 1-boot {
			t.Errorf("boot %d: %+v", boot, rep)
		}
		if err := l.Commit(&g); err != nil {
			t.Fatal(err)
		}
	}
	disk.HookReads(nil)
	l, err = slotlog.Open(disk, "log", o)
	if err != nil {
		t.Fatal(err)
	}
	after, meanwhile := 0, 0
	l.Replay(func(r slotlog.Record) {
		if r.Type == 2 {
			meanwhile++
		} else if after++; meanwhile > 0 {
			t.Error("out of order")
		}
	})
	if after != before || meanwhile != 2 {
		t.Errorf("%d of %d records, and %d of 2", after, before, meanwhile)
	}
}
