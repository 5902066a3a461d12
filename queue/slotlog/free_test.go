package slotlog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// ledger is the checkpoints of a history: the newer and the older one, either of which may be the readable one.
type ledger struct {
	*history
	newer, older slotlog.Checkpoint
	freed        map[uint64]bool
	sealed       int
	faults       int // of this boot
}

func (g *ledger) open(c slotlog.Checkpoint) (*slotlog.Log, slotlog.Replayed) {
	g.t.Helper()
	o := g.o
	o.Checkpoint = func(u slotlog.UUID, _ []uint64) slotlog.Checkpoint {
		if u != (slotlog.UUID{}) && c.Covered.Segment > 0 && u != c.UUID {
			g.t.Fatalf("the log is called %x, not %x", u, c.UUID)
		}
		return c
	}
	o.OnSeal = func(slotlog.Extent) { g.sealed++ }
	l, err := slotlog.Open(g.disk, "log", o)
	if err != nil {
		g.t.Fatalf("open: %v", err)
	}
	at := max(1, int(c.Covered.NextSeq)) - 1
	rep := l.ReplayFrom(c.Covered.Segment+1, func(r slotlog.Record) { at = g.check(r, at) })
	if at < g.durable || rep.Damaged > 0 || l.Lied() {
		g.t.Fatalf("%d records left of %d durable, lied %t, %+v", at, g.durable, l.Lied(), rep)
	}
	g.kept, g.durable = g.kept[:at], at
	g.checkKept(l, c)
	return l, rep
}

// checkKept reads every segment that a checkpoint knows and that was not freed.
func (g *ledger) checkKept(l *slotlog.Log, c slotlog.Checkpoint) {
	g.t.Helper()
	there := l.Sealed()
	for _, e := range c.Known {
		if g.freed[e.Segment] {
			continue
		}
		i := slices.IndexFunc(there, func(x slotlog.Extent) bool { return x.Segment == e.Segment })
		if i < 0 || there[i].First != e.First || there[i].End != e.End || there[i].FirstSeq != e.FirstSeq {
			g.t.Fatalf("segment %+v is not there: %+v", e, there)
		}
		at := int(e.FirstSeq) - 1
		rep := l.ReadSegments(e.Segment, e.Segment, func(r slotlog.Record) { at = g.check(r, at) })
		if at != int(e.NextSeq)-1 || rep.Damaged > 0 {
			g.t.Fatalf("segment %+v: read up to %d, %+v", e, at, rep)
		}
	}
}

// checkpoint covers what is sealed, and frees some of what both checkpoints cover.
func (g *ledger) checkpoint(l *slotlog.Log) {
	sealed := l.Sealed()
	if len(sealed) == 0 || g.sealed == 0 {
		return
	}
	g.sealed = 0
	last := sealed[len(sealed)-1]
	g.older = g.newer
	g.newer = slotlog.Checkpoint{UUID: l.UUID(), Boot: l.Boot(), Covered: last, Known: sealed}
	var free []uint64
	for _, e := range sealed {
		if e.Segment <= g.older.Covered.Segment && g.r.IntN(3) > 0 {
			g.freed[e.Segment] = true
			free = append(free, e.Segment)
		}
	}
	_ = l.Free(1, free...)
}

// fault fails one of some writes and syncs.
func (g *ledger) fault(op vfs.Op) error {
	if (op.Kind == vfs.OpWrite || op.Kind == vfs.OpSync) && g.r.IntN(40) == 0 {
		g.faults++
		return syscall.EIO
	}
	return nil
}

func newLedger(t *testing.T, seed uint64, o slotlog.Options) *ledger {
	return &ledger{history: newHistory(t, seed, o), freed: map[uint64]bool{}}
}

// TestFreeing cuts the power while segments are freed in any order and their slots used again. Either checkpoint must
// do for the start after that.
func TestFreeing(t *testing.T) {
	for _, fate := range []vfs.Fate{vfs.Honest, vfs.Garbling} {
		for seed := range uint64(32 / sparse()) {
			t.Run(fmt.Sprintf("%v/%d", fate, seed), func(t *testing.T) {
				g := newLedger(t, seed, slotlog.Options{SlotSize: 16 << 10, BlockSize: 1024})
				for range 15 {
					c := g.newer
					if g.r.IntN(3) == 0 {
						c = g.older
					}
					l, _ := g.open(c)
					live := len(l.Sealed()) + 1
					if n := l.Stats().Slots; n > live+2 {
						t.Fatalf("%d slots for %d segments", n, live)
					}
					g.disk.CutAt(g.disk.Ops() + 1 + g.r.IntN(150))
					g.disk.Hook(g.fault)
					for g.commit(l, 1+g.r.IntN(12)) == nil {
						g.checkpoint(l)
						if g.r.IntN(20) == 0 {
							_ = l.Prepare(1)
						}
					}
					_ = l.Close()
					g.disk.Hook(nil)
					if g.disk.CutAt(0); g.faults > 0 || g.r.IntN(4) > 0 {
						g.disk, g.faults = g.disk.Crash(g.r, fate), 0
					}
				}
				if len(g.freed) < 10 {
					t.Errorf("only %d segments were freed", len(g.freed))
				}
			})
		}
	}
}

func fill(t *testing.T, l *slotlog.Log, segments int) {
	t.Helper()
	fillWith(t, l, segments, 8)
}

func fillWith(t *testing.T, l *slotlog.Log, segments, size int) {
	t.Helper()
	var g slotlog.Group
	g.Append(1, make([]byte, size))
	for l.Segments() < segments {
		if err := l.Commit(&g); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSpaceComesBack: what is freed goes back to the file system, but for one slot; so does what a reader had open.
func TestSpaceComesBack(t *testing.T) {
	dir := t.TempDir()
	l, err := slotlog.Open(vfs.OS{}, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Replay(func(slotlog.Record) {})
	fillWith(t, l, 12, 3000)
	r := l.NewReader()
	defer r.Close()
	end := r.Read(l.Start(), func(slotlog.Record) bool { return true })
	if err := l.Free(1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13); err != nil {
		t.Fatal(err)
	}
	names, _ := vfs.OS{}.List(dir)
	if len(names) != 2 || l.Stats().Slots != 2 || l.Spares() != 1 || len(l.Sealed()) != 0 {
		t.Errorf("%q, %+v", names, l.Room())
	}
	fillWith(t, l, 2, 3000)
	if names, _ := (vfs.OS{}).List(dir); len(names) != 2 {
		t.Errorf("%q: the spare was not used", names)
	}
	n := 0
	r.Read(end, func(slotlog.Record) bool { n++; return true })
	if n == 0 || r.Damaged > 0 {
		t.Errorf("%d records after that, %d damaged", n, r.Damaged)
	}
}

// TestReaderStandsInFreedSegment: it goes on with what is left, and takes nothing for damage, even if the slot has
// been written over.
func TestReaderStandsInFreedSegment(t *testing.T) {
	l, _, _ := open(t, vfs.NewDisk())
	fill(t, l, 6)
	r := l.NewReader()
	defer r.Close()
	n := 0
	pos := r.Read(l.Start(), func(slotlog.Record) bool { n++; return n < 20 })
	next, _ := l.FirstOf(4)
	seen := 0
	r.Read(pos, func(rec slotlog.Record) bool {
		if seen++; seen == 3 {
			_ = l.Free(1, 1, 2, 3)
			fill(t, l, 5)
		}
		if seen > 150 && rec.At.Before(next) {
			t.Fatalf("record at %v was freed", rec.At)
		}
		return true
	})
	if r.Damaged > 0 || r.Lost > 0 {
		t.Errorf("%d damaged, %d lost", r.Damaged, r.Lost)
	}
	if first, ok := l.FirstOf(2); !ok || first != next {
		t.Errorf("the log begins at %v, want %v", first, next)
	}
}

// TestCoverBeyondTheLog: the device has forgotten what a checkpoint covers. The log goes on behind it.
func TestCoverBeyondTheLog(t *testing.T) {
	for _, lost := range []string{"the last segments", "everything"} {
		t.Run(lost, func(t *testing.T) {
			g := newLedger(t, 1, small)
			l, _ := g.history.open()
			early := g.disk
			for l.Segments() < 8 {
				_ = g.commit(l, 5)
				if l.Segments() == 4 && early == g.disk {
					early = g.disk.Crash(g.r, vfs.Honest)
				}
			}
			sealed := l.Sealed()
			c := slotlog.Checkpoint{UUID: l.UUID(), Boot: 9, Covered: sealed[6], Known: sealed[1:]}
			if g.disk = early; lost == "everything" {
				g.disk = vfs.NewDisk()
			}
			o := small
			o.Checkpoint = func(slotlog.UUID, []uint64) slotlog.Checkpoint { return c }
			l, err := slotlog.Open(g.disk, "log", o)
			if err != nil {
				t.Fatal(err)
			}
			l.ReplayFrom(8, func(r slotlog.Record) { t.Errorf("%+v", r) })
			if !l.Lied() || l.UUID() != c.UUID || l.Boot() != 10 {
				t.Fatalf("lied %t, uuid %x, boot %d", l.Lied(), l.UUID(), l.Boot())
			}
			g.kept, g.durable = g.kept[:sealed[6].NextSeq-1], 0
			for range 30 {
				if err := g.commit(l, 5); err != nil {
					t.Fatal(err)
				}
			}
			if first, _ := l.FirstOf(8); !sealed[6].End.Before(first) {
				t.Errorf("goes on at %v, behind %v", first, sealed[6].End)
			}
			c.Known = slices.DeleteFunc(l.Sealed(), func(e slotlog.Extent) bool { return e.Segment > 3 })
			if l, _ := g.open(c); l.Boot() != 11 {
				t.Errorf("boot %d", l.Boot())
			}
		})
	}
}

// TestFreeBesideTheFirstCommit is for the race detector: the first commit decides where it goes on while segments are freed.
func TestFreeBesideTheFirstCommit(t *testing.T) {
	disk := vfs.NewDisk()
	fill(t, openWith(t, disk, "log", small), 6)
	for range 20 {
		l := openWith(t, disk.Crash(rand.New(rand.NewPCG(1, 1)), vfs.Fate{Whole: 1}), "log", small)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.Free(1, 2, 3, 4); err != nil {
				t.Error(err)
			}
		})
		var g slotlog.Group
		g.Append(1, []byte("first"))
		if err := l.Commit(&g); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if n := l.Segments(); n != 3 && n != 4 {
			t.Errorf("%d segments", n)
		}
	}
}
