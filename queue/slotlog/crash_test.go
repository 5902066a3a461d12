package slotlog_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

var small = slotlog.Options{SlotSize: 16 << 10, BlockSize: 1024}

// record n of a test log: its number, then filling that follows from the number.
func body(n uint64) []byte {
	r := rand.New(rand.NewPCG(n, 1))
	b := binary.LittleEndian.AppendUint64(nil, n)
	for range r.IntN(40) {
		b = append(b, byte(n))
	}
	if r.IntN(20) == 0 {
		b = append(b, make([]byte, r.IntN(3000))...)
	}
	return b
}

// open replays a log of such records and returns the number of the last one.
func open(t *testing.T, d vfs.FS) (*slotlog.Log, uint64, slotlog.Replayed) {
	t.Helper()
	l, err := slotlog.Open(d, "log", small)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	var last uint64
	rep := l.Replay(func(r slotlog.Record) {
		n := number(r)
		if n != last+1 || string(r.Body) != string(body(n)) || r.Type != 1 {
			t.Fatalf("record %d follows %d", n, last)
		}
		last = n
	})
	return l, last, rep
}

// TestCutEverywhere cuts the power in each operation of a run of commits, twice in a row, and looks for gaps and
// inventions.
func TestCutEverywhere(t *testing.T) {
	for _, fate := range []vfs.Fate{vfs.Honest, vfs.Garbling} {
		for cut := 1; cut < 120; cut += sparse() {
			t.Run(fmt.Sprintf("%v/%d", fate, cut), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(cut), 7))
				disk, durable := vfs.NewDisk(), uint64(0)
				for boot := range 4 {
					l, last, rep := open(t, disk)
					if last < durable {
						t.Fatalf("boot %d: %d records left of %d durable", boot, last, durable)
					}
					if rep.Damaged != 0 {
						t.Fatalf("boot %d: a torn tail taken for damage: %+v", boot, rep)
					}
					disk.CutAt(disk.Ops() + 1 + (cut+boot*31)%120)
					durable = commitUntilCut(l, last, r)
					if r.IntN(4) == 0 {
						disk.CutAt(0) // killed only: the page cache stays
						continue
					}
					disk = disk.Crash(r, fate)
				}
			})
		}
	}
}

func commitUntilCut(l *slotlog.Log, last uint64, r *rand.Rand) uint64 {
	var g slotlog.Group
	for next := last; ; last = next {
		g.Reset()
		for range 1 + r.IntN(12) {
			next++
			g.Append(1, body(next))
		}
		if l.Commit(&g) != nil {
			return last
		}
	}
}

func number(r slotlog.Record) uint64 { return binary.LittleEndian.Uint64(r.Body) }

// sparse is 1, and 4 with -short: then every fourth of many like cases is played.
func sparse() int {
	if testing.Short() {
		return 4
	}
	return 1
}
