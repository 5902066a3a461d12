package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// How many connections do nothing, and for how long.
const (
	manyIdle   = 2000
	someIdle   = 1000
	settleIdle = 15 * time.Second // after a start and after connecting: what is left over is tidied
	watchIdle  = 20 * time.Second
)

// standing is what a subject costs that has nothing to do.
type standing struct {
	rest, perConn float64 // bytes
	alone, some   float64 // wake-ups per second, without and with connections
}

// idle measures all subjects at the same time, each started afresh: none of them has anything to do.
func (s *settings) idle(ctx context.Context, t *table, folder string) error {
	fmt.Printf("idle: RSS at rest; RSS per connection of %d; wake-ups per second with 0 and with %d connections\n", manyIdle, someIdle)
	subjects, stop, err := beginAll(filepath.Join(folder, "idle"), s.kinds())
	if err != nil {
		return err
	}
	defer stop()
	figures, errs := make([]standing, len(subjects)), make([]error, len(subjects))
	var wg sync.WaitGroup
	for i, x := range subjects {
		wg.Go(func() { figures[i], errs[i] = x.standing(ctx) })
	}
	wg.Wait()
	for i, x := range subjects {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", x.name, errs[i])
		}
		t.standing(x.name, figures[i])
	}
	return nil
}

func (t *table) standing(name string, f standing) {
	row := func(what string, value float64, unit string, most float64) {
		var goal *target
		if name == daemon {
			goal = atMost(most, " "+unit)
		}
		t.row(name+", "+what, fmt.Sprintf("%8.2f %s", value, unit), value, goal)
	}
	row("at rest", f.rest/(1<<20), "MiB", 14)
	row("per connection", f.perConn/(1<<10), "KiB", 6)
	row("wake-ups, 0", f.alone, "/s", 1)
	row(fmt.Sprintf("wake-ups, %d", someIdle), f.some, "/s", 1)
}

func (x *subject) standing(ctx context.Context) (f standing, err error) {
	if err := pause(ctx, settleIdle); err != nil {
		return f, err
	}
	pid := x.process.Pid()
	rest, err := residentSize(pid)
	if err != nil {
		return f, err
	}
	if f.alone, err = wakeUpsPerSecond(ctx, pid); err != nil {
		return f, err
	}
	var sockets []*socket
	defer func() {
		for _, s := range sockets {
			s.close()
		}
	}()
	connect := func(n int) error {
		for len(sockets) < n {
			s, err := dial(x.address, fmt.Sprint("idle", len(sockets)), true, 64)
			if err != nil {
				return err
			}
			sockets = append(sockets, s)
		}
		return pause(ctx, settleIdle)
	}
	if err := connect(someIdle); err != nil {
		return f, err
	}
	if f.some, err = wakeUpsPerSecond(ctx, pid); err != nil {
		return f, err
	}
	if err := connect(manyIdle); err != nil {
		return f, err
	}
	full, err := residentSize(pid)
	f.rest, f.perConn = float64(rest), float64(full-rest)/manyIdle
	return f, err
}

func wakeUpsPerSecond(ctx context.Context, pid int) (float64, error) {
	before, err := wakeUps(pid)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := pause(ctx, watchIdle); err != nil {
		return 0, err
	}
	after, err := wakeUps(pid)
	return float64(after-before) / time.Since(start).Seconds(), err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// starting measures from the start of the process to its first CONNACK, with a new store each time.
func (s *settings) starting(ctx context.Context, t *table, folder string) error {
	fmt.Println("start: from fork to the first CONNACK, empty store")
	kinds := s.kinds()
	took := make([][]float64, len(kinds))
	for i := range max(s.repeat, 5) {
		for j, k := range kinds {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			ms, err := k.startOnce(filepath.Join(folder, fmt.Sprint("start", i)))
			if err != nil {
				return err
			}
			took[j] = append(took[j], ms)
		}
	}
	for j, k := range kinds {
		var goal *target
		if k.name == daemon {
			goal = atMost(15, " ms")
		}
		t.row(k.name, fmt.Sprintf("%8.1f ms %s", median(took[j]), spread(took[j], "%.1f")), median(took[j]), goal)
	}
	return nil
}

// startOnce returns milliseconds.
func (k kind) startOnce(folder string) (float64, error) {
	begin := time.Now()
	x, err := k.start(folder)
	if err != nil {
		return 0, err
	}
	defer x.stop()
	for {
		c, err := dial(x.address, "first", true, 64)
		took := time.Since(begin)
		if err == nil {
			c.close()
			return float64(took.Microseconds()) / 1000, nil
		}
		if took > 30*time.Second || x.process.Ended() {
			return 0, errors.Join(err, fmt.Errorf("it wrote:\n%s", x.process.Log()))
		}
		time.Sleep(200 * time.Microsecond)
	}
}
