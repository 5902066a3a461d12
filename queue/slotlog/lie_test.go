package slotlog_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// believer is a history on a device that forgets flushes. What it forgot is lost; it must not come back later, mixed
// with what was written instead.
type believer struct {
	*history
	last    uint64            // number given last
	must    map[uint64]uint64 // attempts, by number: what must be found after the checkpoint
	may     map[uint64]uint64 // besides, of this boot
	ckpt    slotlog.Checkpoint
	covered uint64 // number
	sealed  bool
}

func (b *believer) open() *slotlog.Log {
	b.t.Helper()
	o := b.o
	o.Checkpoint = func(slotlog.UUID, []uint64) slotlog.Checkpoint { return b.ckpt }
	o.OnSeal = func(slotlog.Extent) { b.sealed = true }
	l, err := slotlog.Open(b.disk, "log", o)
	if err != nil {
		b.t.Fatalf("open: %v", err)
	}
	found, last := map[uint64]uint64{}, b.covered
	rep := l.ReplayFrom(b.ckpt.Covered.Segment+1, func(r slotlog.Record) {
		if len(r.Body) < 16 {
			b.t.Fatalf("%+v is no record of ours", r)
		}
		number, attempt := binary.LittleEndian.Uint64(r.Body), binary.LittleEndian.Uint64(r.Body[8:])
		if number <= last || b.must[number] != attempt && b.may[number] != attempt || string(r.Body) != string(b.body(number, attempt)) {
			b.t.Fatalf("record %d of attempt %d after %d; last %d, covered %d", number, attempt, last, b.last, b.covered)
		}
		found[number], last = attempt, number
	})
	if b.may == nil && len(found) != len(b.must) {
		b.t.Fatalf("%d of %d records are left, %+v", len(found), len(b.must), rep)
	}
	b.must, b.may, b.sealed = found, nil, false
	return l
}

func (b *believer) commit(l *slotlog.Log, n int) error {
	var g slotlog.Group
	b.attempt++
	from := b.last
	for range n {
		b.last++
		g.Append(1, b.body(b.last, b.attempt))
	}
	err := l.Commit(&g)
	for k := from + 1; k <= b.last; k++ {
		if b.may == nil {
			b.must[k] = b.attempt
		} else {
			b.may[k] = b.attempt
		}
	}
	return err
}

// checkpoint covers what is sealed; it is on another device, which does not lie.
func (b *believer) checkpoint(l *slotlog.Log) {
	if !b.sealed {
		return
	}
	b.sealed = false
	sealed := l.Sealed()
	e := sealed[len(sealed)-1]
	l.ReadSegments(e.Segment, e.Segment, func(r slotlog.Record) { b.covered = binary.LittleEndian.Uint64(r.Body) })
	for _, m := range []map[uint64]uint64{b.must, b.may} {
		for k := range m {
			if k <= b.covered {
				delete(m, k)
			}
		}
	}
	b.ckpt = slotlog.Checkpoint{UUID: l.UUID(), Boot: l.Boot(), Covered: e, Known: sealed}
	_ = l.Free(1, slices.DeleteFunc(numbers(sealed), func(uint64) bool { return b.r.IntN(3) == 0 })...)
}

// TestLyingDevice: flushes are confirmed and not done before the power goes. The log opens, goes on behind what the
// checkpoint covers, and keeps what is written after that.
func TestLyingDevice(t *testing.T) {
	lied, boots := 0, 0
	for seed := range uint64(152 / sparse()) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := &believer{history: newHistory(t, seed, small), must: map[uint64]uint64{}}
			for range 8 {
				l := b.open()
				if boots++; l.Lied() {
					lied++
				}
				for range b.r.IntN(20) { // honest, for a while
					_ = b.commit(l, 1+b.r.IntN(8))
					if b.r.IntN(3) == 0 {
						b.checkpoint(l)
					}
				}
				b.may = map[uint64]uint64{}
				b.disk.LieFrom(b.disk.Ops() + 1)
				for range b.r.IntN(12) {
					_ = b.commit(l, 1+b.r.IntN(8))
					if b.r.IntN(3) == 0 {
						b.checkpoint(l)
					}
				}
				_ = l.Close()
				b.disk = b.disk.Crash(b.r, vfs.Garbling)
			}
			l := b.open()
			_ = b.commit(l, 3)
			_ = b.open()
		})
	}
	if lied == 0 || lied == boots {
		t.Errorf("%d of %d starts noticed a lie", lied, boots)
	}
}

// TestForgottenHeader: the device forgot the header of a segment in a used slot, but not its blocks. The segment that
// gets its number, its slot and its boot after that has none of them.
func TestForgottenHeader(t *testing.T) {
	disk := vfs.NewDisk()
	l, _, _ := open(t, disk)
	fill(t, l, 3)
	c := slotlog.Checkpoint{UUID: l.UUID(), Covered: l.Sealed()[1], Known: l.Sealed()[1:]}
	_ = l.Free(1, 1)
	old := make([]byte, 1024)
	f, _ := disk.Open("log/slot-0000")
	_, _ = f.ReadAt(old, 0)
	o := small
	o.Checkpoint = func(slotlog.UUID, []uint64) slotlog.Checkpoint { return c }
	again := func(typ byte, groups int) {
		l, err := slotlog.Open(disk, "log", o)
		if err != nil {
			t.Fatal(err)
		}
		l.ReplayFrom(3, func(r slotlog.Record) {
			if r.Type == 2 {
				t.Fatalf("a record of the forgotten segment, at %v", r.At)
			}
		})
		var g slotlog.Group
		g.Append(typ, make([]byte, l.MaxRecord()))
		for range 2 {
			g.Append(typ, make([]byte, l.MaxRecord())) // too much for what is left of segment 3
		}
		for range groups {
			if err := l.Commit(&g); err != nil {
				t.Fatal(err)
			}
			g.Reset()
			g.Append(typ, make([]byte, 100))
		}
		if l.Segments() != 3 || l.Boot() != 2+uint32(typ/4) {
			t.Fatalf("%d segments, boot %d", l.Segments(), l.Boot())
		}
	}
	again(2, 6)
	_, _ = f.WriteAt(old, 0)
	again(3, 1)
	again(4, 0)
}
