package queuetest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"skerry/queue"
	"skerry/queue/queuetest"
	"skerry/queue/vfs"
)

var points = flag.Int("crash.points", 1200, "power cuts to play")

func plan(seed uint64) queuetest.Plan {
	p := queuetest.Plan{
		Seed: seed, Steps: 300, Window: 4, Fate: vfs.Honest,
		Options: queue.Options{SlotSize: 16 << 10, BlockSize: 1024},
	}
	if seed%2 == 1 {
		p.Fate = vfs.Garbling
	}
	switch seed % 3 {
	case 0:
		p.PacketIDs = queue.Range{First: 1, Count: 3}
	case 1:
		p.PacketIDs = queue.Range{First: 100, Count: 7}
	}
	return p
}

// TestCrash cuts the power in every operation of the first boot of a run, and in random operations of the boots
// after it.
func TestCrash(t *testing.T) {
	for seed, left := uint64(0), *points; left > 0; seed++ {
		p := plan(seed)
		p.Cuts = []queuetest.Cut{{}}
		ops, err := queuetest.Run(p)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 1))
		for cut := 1; cut <= ops[0] && left > 0; cut++ {
			p.Cuts = []queuetest.Cut{{At: cut, Kill: cut%5 == 0}}
			for range 3 {
				p.Cuts = append(p.Cuts, queuetest.Cut{At: 1 + r.IntN(ops[0]), Kill: r.IntN(4) == 0})
			}
			if _, err := queuetest.Run(p); err != nil {
				t.Fatal(fmt.Errorf("cuts %v: %w", p.Cuts, err))
			}
			left -= len(p.Cuts)
		}
	}
}

// TestCrashLyingDisk lets the disk forget flushes that it had confirmed. Then acknowledged messages may be lost;
// but no message of later is, because packet ids that a receiver may hold for what was forgotten are swept before
// they are used again.
func TestCrashLyingDisk(t *testing.T) {
	for seed := range uint64(*points / 20) {
		p := plan(seed)
		p.PacketIDs, p.Window = queue.Range{First: 1, Count: 200}, 40
		r := rand.New(rand.NewPCG(seed, 2))
		p.Lie = 1 + r.IntN(8)
		p.Cuts = []queuetest.Cut{{At: 40 + r.IntN(60)}, {At: 30 + r.IntN(60)}}
		if _, err := queuetest.Run(p); err != nil {
			t.Fatal(fmt.Errorf("lie %d, cuts %v: %w", p.Lie, p.Cuts, err))
		}
	}
}

// TestCrashFailingDisk lets single writes and syncs fail besides: groups move to new slots, and sometimes the store
// goes down.
func TestCrashFailingDisk(t *testing.T) {
	for seed := range uint64(*points / 10) {
		p := plan(seed)
		p.Faults = 30
		r := rand.New(rand.NewPCG(seed, 3))
		for range 3 {
			p.Cuts = append(p.Cuts, queuetest.Cut{At: 1 + r.IntN(150)})
		}
		if _, err := queuetest.Run(p); err != nil {
			t.Fatal(fmt.Errorf("cuts %v: %w", p.Cuts, err))
		}
	}
}
