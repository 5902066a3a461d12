package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// perBlock is how many readings are published at a time, and so leave in one block; blockRounds how often.
	perBlock    = 100
	blockRounds = 10
	// blockLinger is how long a reading waits for others there.
	blockLinger = time.Second
	// deepDrain is how many readings wait when the link comes up where blocks are drained.
	deepDrain = 10_000
)

// packing is the daemon with its streams in blocks.
func packing() setting { return setting{subject: daemon("5"), encode: "pack"} }

// blocks counts the bytes of readings that leave 100 at a time as they are measured: issue 8, figure 1. The bridge sends each when it comes.
func (s *settings) blocks(ctx context.Context, t *table) error {
	all := []setting{packing(), {subject: peer()}}
	for i := range all {
		all[i].terrain, all[i].keepAlive, all[i].seed = quiet(), 10*time.Minute, s.seed
	}
	results := make([]lone, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		if c.encode == "" {
			results[i], err = c.alone(ctx, func() (int, error) { n := c.readings.made; return n, c.publish(1) })
		} else {
			results[i], err = c.together(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	kind, target := "", 6.0
	if s.hard {
		kind, target = "hard ", 11
	}
	t.title("blocks: bytes for each of %d %sreadings, %d per block; the bridge sends %d of them one by one", perBlock*blockRounds, kind, perBlock, s.singles)
	for i, f := range results {
		if name := all[i].subject.name; name == daemonName {
			t.atMost(target, f.up+f.down, " B", name, "%.2f up + %.2f down = %.2f B", f.up, f.down, f.up+f.down)
		} else {
			t.note(name, "%.1f up + %.1f down = %.1f B", f.up, f.down, f.up+f.down)
		}
	}
	return nil
}

// together has readings leave in blocks, each when the one before has been acknowledged.
func (c *scene) together(ctx context.Context) (l lone, err error) {
	if err := c.meet(ctx); err != nil {
		return l, err
	}
	up, down := c.link.Counts()
	for range blockRounds {
		last := c.readings.made + perBlock - 1
		if err := c.publish(perBlock); err != nil {
			return l, err
		}
		if _, err := c.observer.until(ctx, last, time.Minute); err != nil {
			return l, err
		}
		if err := pause(ctx, c.terrain.roundTrip()+200*time.Millisecond); err != nil {
			return l, err
		}
	}
	u, d := c.bytes(up, down)
	const n = perBlock * blockRounds
	return lone{float64(u.Bytes) / n, float64(d.Bytes) / n}, nil
}

// deep measures a drain of 10,000 readings in blocks: issue 8, figures 3 and 4. The bridge has a tenth of it: the rest would take ten minutes.
func (s *settings) deep(ctx context.Context, t *table) error {
	names := []string{"skerry, pack, 10,000", "skerry, pack, 10,000, no loss, 100 ms", "mosquitto bridge, 1,000"}
	kinds := []setting{packing(), packing(), {subject: peer()}}
	kinds[0].backlog, kinds[1].backlog = deepDrain, deepDrain
	kinds[0].terrain, kinds[1].terrain, kinds[2].terrain = geo(), quiet(), geo()
	var all []setting
	for _, k := range kinds {
		for i := range s.repeat {
			k.keepAlive, k.seed = time.Minute, s.seed+uint64(i)
			all = append(all, k)
		}
	}
	results := make([]drained, len(all))
	err := s.each(all, func(i int, c *scene) (err error) {
		results[i], err = c.drain(ctx)
		return err
	})
	if err != nil {
		return err
	}
	t.title("deep: queued readings over 128/512 kbit/s, 600 ms RTT, 0.5 %% loss, from the first to the last, and bytes with the connect; median of %d", s.repeat)
	for i, name := range names {
		t.deep(name, kinds[i], results[i*s.repeat:(i+1)*s.repeat], !s.hard)
	}
	return nil
}

// deep prints a row; judged tells whether there is a target for the bytes of such readings.
func (t *table) deep(name string, o setting, all []drained, judged bool) {
	var span, whole, bytes []float64
	missing, twice := 0, 0
	for _, d := range all {
		span, whole, bytes = append(span, d.span.Seconds()), append(whole, d.whole.Seconds()), append(bytes, d.up+d.down)
		missing, twice = missing+d.missing, twice+d.twice
	}
	text := fmt.Sprintf("%.2f s first to last, %.2f s from link up", median(span), median(whole))
	if missing+twice > 0 {
		text += fmt.Sprintf(" (missing %d, twice %d)", missing, twice)
	}
	if o.encode == "" {
		t.note(name, "%s; %.1f B each", text, median(bytes))
		return
	}
	if o.terrain.name == geo().name {
		t.atMost(6, median(span), " s", name, "%s", text)
	}
	if !judged {
		t.note(name, "%.2f B each", median(bytes))
		return
	}
	t.atMost(2.6, median(bytes), " B", name, "%.2f B each", median(bytes))
}
