package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"skerry/edge/control"
)

const (
	flashBacklog = 20_000
	flashRest    = 10 * time.Second // after the last reading: what is written lazily
)

// written is what a store has written to its files, in bytes of whole blocks, in the time in which a backlog left.
type written struct {
	bytes, flushes int64
	took           time.Duration
}

// flash measures what is written to the disk while readings leave that are on it already, so that all of it is state of the uplink: issue 7,
// figure 7. The bytes are those that the daemon says it has written, which `make wear` compares with what a device gets; /proc/PID/io
// would count 256 KiB for a block of 4, because that is how large the pieces are in which the kernel keeps a log's pages. The peer stores nothing.
func (s *settings) flash(ctx context.Context, t *table) error {
	plain := setting{subject: daemon("5"), terrain: lte(), window: s.window, keepAlive: time.Minute, seed: s.seed}
	limited := plain
	limited.budget = "[50MB/day, 1GB/month]"
	all := []setting{plain, limited}
	results := make([]written, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.wears(ctx)
		return err
	})
	if err != nil {
		return err
	}
	t.title("flash: what is written, in whole blocks, while %d readings that waited leave over LTE", flashBacklog)
	for i, r := range results {
		each := float64(r.bytes) * 1000 / flashBacklog
		text := fmt.Sprintf("%d B, %d flushes in %.1f s: %.0f B for 1,000 readings", r.bytes, r.flushes, r.took.Seconds(), each)
		if all[i].budget == "" {
			t.atMost(1024, each, " B", daemonName, "%s", text)
		} else {
			t.note(daemonName+", with a budget", "%s", text)
		}
	}
	return nil
}

func (c *scene) wears(ctx context.Context) (w written, err error) {
	from, err := c.gather(ctx, flashBacklog)
	if err != nil {
		return w, err
	}
	if err := pause(ctx, flashRest); err != nil { // until what was published is where it stays
		return w, err
	}
	before, err := c.numbers(ctx)
	if err != nil {
		return w, err
	}
	if err := c.link.SetUp(true); err != nil {
		return w, err
	}
	if err := c.observer.untilCount(ctx, from+flashBacklog, 4*time.Minute); err != nil {
		return w, err
	}
	first, last, _ := c.observer.span(from, from+flashBacklog)
	if err := pause(ctx, flashRest); err != nil {
		return w, err
	}
	after, err := c.numbers(ctx)
	if err != nil {
		return w, err
	}
	return written{int64(after.Bytes + after.CheckpointBytes - before.Bytes - before.CheckpointBytes), int64(after.Flushes - before.Flushes), last.Sub(first)}, nil
}

// numbers asks the daemon what it has written.
func (c *scene) numbers(ctx context.Context) (n control.LogNumbers, err error) {
	out, err := exec.CommandContext(ctx, c.settings.skerry, "queue", "stats", "--json", "--store", c.store()).Output()
	if err != nil {
		return n, fmt.Errorf("skerry queue stats: %w: %s", err, out)
	}
	var all control.Numbers
	if err := json.Unmarshal(out, &all); err != nil || all.Log == nil {
		return n, fmt.Errorf("skerry queue stats says nothing of the log: %w: %s", err, out)
	}
	return *all.Log, nil
}
