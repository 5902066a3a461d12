package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"skerry/scripts/cutdisk"
)

// A campaign is a number of points with one kind of harm.
type campaign struct {
	name   string
	points int
	garble bool
	again  bool
	lies   int
}

// choose picks the cuts: half of them anywhere, half where many writes are uncovered, as when slots and checkpoints are made.
func (c campaign) choose(t *cutdisk.Trace, seed uint64) []point {
	chance := rand.New(rand.NewPCG(seed, uint64(c.lies)))
	dense := slices.Collect(func(yield func(int) bool) {
		for cut := 1; cut <= t.Len(); cut++ {
			for range min(t.Uncovered(cut), 64) / 4 {
				if !yield(cut) {
					return
				}
			}
		}
	})
	var points []point
	for i := range c.points {
		cut := 1 + chance.IntN(t.Len())
		if i%2 == 1 && len(dense) > 0 {
			cut = dense[chance.IntN(len(dense))]
		}
		points = append(points, point{cut: cut, garble: c.garble, again: c.again, lies: c.lies, seed: chance.Uint64()})
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.cut, b.cut) })
	return points
}

// laboratory runs points on several benches at once.
type laboratory struct {
	binary    string
	dir       string
	boot      *cutdisk.Boot
	recording *recording
	workers   int
	block     int
	broken    atomic.Int32 // points so far at which a promise was
}

const (
	mostKept   = 3  // disks of broken promises that are left behind: each takes diskSize
	mostBroken = 12 // points with broken promises before the rest is not tried: each may wait for long for what does not come
)

// run tries the points and gives all outcomes, in no order, until ctx ends.
func (l *laboratory) run(ctx context.Context, points []point) ([]outcome, error) {
	outcomes := make(chan outcome)
	errs := make([]error, l.workers)
	var wg sync.WaitGroup
	for i := range l.workers {
		var mine []point
		for j := i; j < len(points); j += l.workers {
			mine = append(mine, points[j])
		}
		wg.Go(func() { errs[i] = l.work(ctx, i, mine, outcomes) })
	}
	go func() {
		wg.Wait()
		close(outcomes)
	}()
	all := slices.Collect(func(yield func(outcome) bool) {
		for o := range outcomes {
			yield(o)
		}
	})
	return all, errors.Join(errs...)
}

// work tries points, which must be in rising order, on one bench.
func (l *laboratory) work(ctx context.Context, number int, points []point, outcomes chan<- outcome) error {
	if len(points) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp(l.dir, "bench-")
	if err != nil {
		return err
	}
	b := &bench{folder: filepath.Join(dir, "disk"), boot: l.boot, recording: l.recording, block: l.block}
	if err := os.Mkdir(b.folder, 0o700); err != nil {
		return err
	}
	const firstPort = 2000
	if b.station, err = newStation(l.binary, dir, b.folder, l.block, firstPort+number); err != nil {
		return err
	}
	if b.scratch, err = cutdisk.NewScratch(diskSize); err != nil {
		return err
	}
	defer b.scratch.Close()
	c := l.recording.trace.NewCutter(points[0].lies)
	for _, p := range points {
		if ctx.Err() != nil || l.broken.Load() >= mostBroken {
			return nil
		}
		o, err := b.try(c, p)
		if err != nil {
			return fmt.Errorf("%v: %w", p, err)
		}
		if o.err != nil {
			l.keep(b, c, &o)
		}
		outcomes <- o
	}
	return nil
}

// keep leaves the disk of a broken promise behind, with what the daemon wrote, for the first few of them.
func (l *laboratory) keep(b *bench, c *cutdisk.Cutter, o *outcome) {
	if l.broken.Add(1) > mostKept {
		return
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("powercut-%d-%x", o.point.cut, o.point.seed))
	log := fmt.Sprintf("%v\n%v\n", o.point, o.err)
	if b.station.process != nil {
		log += "\n" + b.station.process.Log()
	}
	b.harm(c, o.point)
	err := errors.Join(os.WriteFile(name+".log", []byte(log), 0o600), os.WriteFile(name+".img", b.scratch.Disk, 0o600))
	o.err = errors.Join(fmt.Errorf("%w (disk: %s.img, log: %s.log)", o.err, name, name), err)
}
