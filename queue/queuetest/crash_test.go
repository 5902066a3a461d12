package queuetest_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"skerry/queue"
	"skerry/queue/queuetest"
	"skerry/queue/vfs"
)

var (
	points = flag.Int("crash.points", 600, "power cuts to play, fewer with -short")
	first  = flag.Uint64("crash.seed", 0, "seed of the first plan; the others count on from it")
	replay = flag.String("crash.replay", "", "play one plan again: SEED:CUTS, as a failure names it; needs -run of one test")
)

// boots is how often the power goes in a run.
const boots = 6

// TestCrash cuts the power in every operation of the first boot of a run, and in random operations of the boots
// after it.
func TestCrash(t *testing.T) {
	play(t, *points/2, everywhere, basic)
}

// TestCrashLost has subscribers that pass a QoS 2 message on only with PUBREL, and lose their sessions: what was kept comes anew, and nothing is
// missing.
func TestCrashLost(t *testing.T) {
	sum := play(t, *points/6, everywhere, func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Late, p.Steps = true, 2*p.Steps
		switch seed % 5 {
		case 1:
			p.Slow, p.Options.SlotSize, p.Twins = true, 8<<10, true
		case 2:
			p.Moves = true
		case 3:
			p.Options.SlotSize = 8 << 10
		case 4:
			p.Limits.WhenFull, p.Limits.Messages = queue.Policy(seed%3), 15
		}
		return p
	})
	if *replay == "" && sum.Again == 0 {
		t.Errorf("nobody lost a session with something between PUBREC and PUBCOMP: %+v", sum)
	}
}

// TestCrashShares has a share besides, whose members draw, bind at QoS 2, and lose their connections.
func TestCrashShares(t *testing.T) {
	play(t, *points/3, everywhere, func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Shares = true
		p.Steps *= 2
		return p
	})
}

// TestCrashSlow has one subscriber that hardly ever connects, so that it holds old segments while others are freed.
func TestCrashSlow(t *testing.T) {
	sum := play(t, *points/6, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Slow, p.Expiry, p.Twins = true, seed%4 >= 2, seed%4 < 2 // not both: time passes while twins are compared
		p.Options.SlotSize = 8 << 10
		return p
	})
	if *replay == "" && (sum.Freed == 0 || sum.Twins == 0) {
		t.Errorf("no slot was freed, or no start compared: %+v", sum)
	}
}

// TestCrashLimits drops and refuses by each policy.
func TestCrashLimits(t *testing.T) {
	sum := play(t, *points/6, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Slow = seed%3 > 0
		p.Limits.WhenFull = queue.Policy(seed % 3)
		switch seed / 3 % 3 {
		case 0:
			p.Limits.Messages = 15
		case 1:
			p.Limits.Bytes = 12 << 10
		case 2:
			p.Limits.Age = 2 * time.Second
		}
		return p
	})
	if *replay == "" && (sum.Dropped == 0 || sum.Refused == 0) {
		t.Errorf("nothing was dropped, or nothing refused: %+v", sum)
	}
}

// TestCrashFull fills the disk: what is there can always be drained, and then there is room again.
func TestCrashFull(t *testing.T) {
	sum := play(t, *points/6, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Slow = true
		p.Options.SlotSize = 8 << 10
		p.Options.Limits.WhenFull = queue.Policy(seed % 3)
		if seed%2 == 0 {
			p.Options.Limits.Bytes = uint64(8 * p.Options.SlotSize)
		} else {
			p.Capacity = 12*p.Options.SlotSize + 820<<10
		}
		return p
	})
	if *replay == "" && (sum.Dropped == 0 || sum.Refused == 0) {
		t.Errorf("nothing was dropped, or nothing refused: %+v", sum)
	}
}

// TestCrashLyingDisk lets the disk forget flushes that it had confirmed. Then acknowledged messages may be lost;
// but no message of later is, because packet ids that a receiver may hold for what was forgotten are swept before
// they are used again.
func TestCrashLyingDisk(t *testing.T) {
	sum := play(t, *points/5, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.PacketIDs, p.Window = queue.Range{First: 1, Count: 200}, 40
		p.Lie = 1 + int(seed%8)
		if seed%3 > 0 { // what it forgets it forgets whole: rubbish hides what is missing
			p.Fate = vfs.Fate{Dropped: 1, Whole: 1}
		}
		return p
	})
	if *replay == "" && sum.Lied == 0 {
		t.Errorf("nobody noticed a lie: %+v", sum)
	}
}

// TestCrashFailingDisk lets single writes and syncs fail besides: groups move to new slots, and sometimes the store
// goes down. No process is killed: what a failed sync left in the page cache would look durable to the next one.
func TestCrashFailingDisk(t *testing.T) {
	play(t, *points/10, scattered(false), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.Faults = 30
		return p
	})
}

// TestCrashReadFaults lets single reads fail. Each is as good as damage: what was acknowledged may be lost, but the store
// opens, and nothing of later is lost or comes twice.
func TestCrashReadFaults(t *testing.T) {
	play(t, *points/10, scattered(true), func(seed uint64) queuetest.Plan {
		p := basic(seed)
		p.PacketIDs, p.Window = queue.Range{First: 1, Count: 200}, 40
		p.ReadFaults = 20
		return p
	})
}

func basic(seed uint64) queuetest.Plan {
	p := queuetest.Plan{
		Seed: seed, Steps: 200, Window: 4, Fate: vfs.Honest,
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
	// Nothing, a message or a few stay in memory when a connection is lost, of what was in flight and of what waits.
	p.Options.OfflineBytes = []int{0, 1, 200, 600, 0, 400, 2000}[seed%7]
	return p
}

// cutting chooses the cuts of all runs of a plan and gives each to try.
type cutting func(p queuetest.Plan, try func([]queuetest.Cut) (queuetest.Result, error)) error

// everywhere takes every operation of the first boot.
func everywhere(p queuetest.Plan, try func([]queuetest.Cut) (queuetest.Result, error)) error {
	first, err := try([]queuetest.Cut{{}})
	r := rand.New(rand.NewPCG(p.Seed, 1))
	for cut := 1; err == nil && cut <= first.Ops[0]; cut++ {
		cuts := []queuetest.Cut{{At: cut, Kill: cut%5 == 0}}
		_, err = try(append(cuts, random(r, boots-1, first.Ops[0], true)...))
	}
	return err
}

// scattered takes random operations.
func scattered(kills bool) cutting {
	return func(p queuetest.Plan, try func([]queuetest.Cut) (queuetest.Result, error)) (err error) {
		const runs = 4
		r := rand.New(rand.NewPCG(p.Seed, 2))
		for run := 0; err == nil && run < runs; run++ {
			_, err = try(random(r, boots, 40+r.IntN(200), kills))
		}
		return err
	}
}

func random(r *rand.Rand, n, below int, kills bool) []queuetest.Cut {
	cuts := make([]queuetest.Cut, n)
	for i := range cuts {
		cuts[i] = queuetest.Cut{At: 1 + r.IntN(below), Kill: kills && r.IntN(4) == 0}
	}
	return cuts
}

var errEnough = errors.New("enough points were played")

// play plays plans until so many cuts were made, on all processors, and says how fast. The first plan that fails ends
// the test.
func play(t *testing.T, cuts int, how cutting, plan func(seed uint64) queuetest.Plan) (sum queuetest.Result) {
	t.Helper()
	if *replay != "" {
		return again(t, plan)
	}
	if testing.Short() { // a hundred at least: fewer may meet nothing that a test wants to have met
		cuts = min(cuts, max(100, cuts/3))
	}
	var seeds atomic.Uint64
	seeds.Store(*first)
	var played atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for !t.Failed() {
				p := plan(seeds.Add(1) - 1)
				err := how(p, func(c []queuetest.Cut) (queuetest.Result, error) {
					if t.Failed() || played.Load() >= int64(cuts) {
						return queuetest.Result{}, errEnough
					}
					p.Cuts = c
					r, err := queuetest.Run(p)
					played.Add(int64(len(c)))
					mu.Lock()
					defer mu.Unlock()
					sum.Add(r)
					if err == nil && r.Lied > 0 && p.Lie == 0 && p.ReadFaults == 0 {
						err = errors.New("a disk is accused that did not lie")
					}
					return r, err
				})
				if errors.Is(err, errEnough) {
					return
				}
				if err != nil {
					t.Errorf("%v\nagain: go test ./queue/queuetest -run '^%s$' -crash.replay %d:%s", err, t.Name(), p.Seed, queuetest.Cuts(p.Cuts))
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	t.Logf("%d crash points of plans from seed %d on in %.1f s: %.0f/s; %+v", played.Load(), *first, took.Seconds(), float64(played.Load())/max(took.Seconds(), 1e-9), sum)
	return sum
}

// again plays the plan of the flag.
func again(t *testing.T, plan func(seed uint64) queuetest.Plan) queuetest.Result {
	t.Helper()
	seed, cuts, _ := strings.Cut(*replay, ":")
	var n uint64
	_, err := fmt.Sscan(seed, &n)
	p := plan(n)
	p.Cuts, err = parse(cuts, err)
	if err != nil {
		t.Fatalf("-crash.replay %s: %v", *replay, err)
	}
	p.Trace = t.Logf
	r, err := queuetest.Run(p)
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("%+v", r)
	return r
}

func parse(cuts string, err error) ([]queuetest.Cut, error) {
	all, err2 := queuetest.ParseCuts(cuts)
	return all, cmp.Or(err, err2)
}
