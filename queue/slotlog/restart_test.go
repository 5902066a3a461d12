package slotlog_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// history is what a log must hold. Each record says which attempt to write it was, so that a record of a torn group
// that comes back after another took its number is noticed.
type history struct {
	t       *testing.T
	o       slotlog.Options
	r       *rand.Rand
	disk    *vfs.Disk
	attempt uint64
	kept    []uint64 // attempts, by number of record, from 1
	durable int      // so many must be there
}

func newHistory(t *testing.T, seed uint64, o slotlog.Options) *history {
	return &history{t: t, o: o, r: rand.New(rand.NewPCG(seed, 77)), disk: vfs.NewDisk()}
}

func (h *history) body(number, attempt uint64) []byte {
	r := rand.New(rand.NewPCG(number, attempt))
	b := binary.LittleEndian.AppendUint64(nil, number)
	b = binary.LittleEndian.AppendUint64(b, attempt)
	n := r.IntN(60)
	if r.IntN(12) == 0 {
		n = r.IntN(4000)
	}
	for range n {
		b = append(b, byte(r.Uint32()))
	}
	return b
}

// open replays the log and checks every record. What survived of the last group is taken for good from now on.
func (h *history) open() (*slotlog.Log, slotlog.Replayed) {
	h.t.Helper()
	l, err := slotlog.Open(h.disk, "log", h.o)
	if err != nil {
		h.t.Fatalf("open: %v", err)
	}
	if l.Lied() {
		h.t.Fatal("an honest device is accused")
	}
	at := 0
	rep := l.Replay(func(r slotlog.Record) { at = h.check(r, at) })
	if at < h.durable {
		h.t.Fatalf("%d records left of %d durable, %+v", at, h.durable, rep)
	}
	h.kept, h.durable = h.kept[:at], at
	return l, rep
}

func (h *history) check(r slotlog.Record, at int) int {
	h.t.Helper()
	if len(r.Body) < 16 {
		h.t.Fatalf("record of %d bytes after %d", len(r.Body), at)
	}
	number, attempt := binary.LittleEndian.Uint64(r.Body), binary.LittleEndian.Uint64(r.Body[8:])
	if number != uint64(at+1) || at >= len(h.kept) || h.kept[at] != attempt || string(r.Body) != string(h.body(number, attempt)) {
		h.t.Fatalf("after record %d of %d (%d durable) comes %d of attempt %d", at, len(h.kept), h.durable, number, attempt)
	}
	return at + 1
}

// commit writes a group. An error leaves open how much of it will be found.
func (h *history) commit(l *slotlog.Log, n int) error {
	var g slotlog.Group
	h.attempt++
	for range n {
		h.kept = append(h.kept, h.attempt)
		g.Append(1, h.body(uint64(len(h.kept)), h.attempt))
	}
	err := l.Commit(&g)
	if err == nil {
		h.durable = len(h.kept)
	}
	return err
}

// untilCut commits groups of all sizes until the power goes.
func (h *history) untilCut(l *slotlog.Log, most int) {
	for h.commit(l, 1+h.r.IntN(most)) == nil {
		continue
	}
}

// TestRestarts cuts the power in a slot again and again: records of torn groups never come back, what was durable is
// there, and all the starts together take few slots.
func TestRestarts(t *testing.T) {
	const boots = 30
	for _, fate := range []vfs.Fate{vfs.Honest, vfs.Garbling} {
		for seed := range uint64(32 / sparse()) {
			t.Run(fmt.Sprintf("%v/%d", fate, seed), func(t *testing.T) {
				h := newHistory(t, seed, slotlog.Options{SlotSize: 256 << 10, BlockSize: 1024})
				for boot := range boots {
					l, rep := h.open()
					if rep.Damaged != 0 {
						t.Fatalf("boot %d: a torn tail taken for damage: %+v", boot, rep)
					}
					if h.r.IntN(5) == 0 { // closed, and nothing was written
						_ = l.Close()
						l, _ = h.open()
					}
					h.disk.CutAt(h.disk.Ops() + 1 + h.r.IntN(14))
					h.untilCut(l, 12)
					_ = l.Close()
					if h.disk.CutAt(0); h.r.IntN(4) > 0 {
						h.disk = h.disk.Crash(h.r, fate)
					}
				}
				l, _ := h.open()
				if n := l.Stats().Slots; n > 6 {
					t.Errorf("%d starts took %d slots", boots, n)
				}
			})
		}
	}
}

// TestKilledAfterFailedSync: the next process reads the last group from the page cache, where no sync will ever take it
// from. What it builds on must be on the disk.
func TestKilledAfterFailedSync(t *testing.T) {
	h := newHistory(t, 1, slotlog.Options{SlotSize: 64 << 10, BlockSize: 1024})
	l, _ := h.open()
	_ = h.commit(l, 5)
	h.disk.Hook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync || op.Kind == vfs.OpCreate {
			return syscall.EIO
		}
		return nil
	})
	if h.commit(l, 5) == nil {
		t.Fatal("committed")
	}
	h.disk.Hook(nil)
	h.disk = h.disk.Killed()
	l, _ = h.open()
	if h.durable != 10 {
		t.Fatalf("%d records", h.durable)
	}
	if err := h.commit(l, 1); err != nil {
		t.Fatal(err)
	}
	h.disk = h.disk.Crash(h.r, vfs.Fate{Dropped: 1})
	if _, rep := h.open(); rep.Damaged > 0 {
		t.Errorf("%+v", rep)
	}
}
