package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// String says what was recorded.
func (r *recording) String() string {
	published, received := 0, 0
	for _, events := range r.publishers {
		for _, e := range events {
			if e.kind == completed {
				published++
			}
		}
	}
	for _, events := range r.subscribers {
		for _, e := range events {
			if e.kind == delivered {
				received++
			}
		}
	}
	return fmt.Sprintf("recorded: %d ops of the device (%s), %d messages acknowledged, %d deliveries\nthe store at the end: %s",
		r.trace.Len(), r.trace, published, received, strings.Join(r.files, ", "))
}

// runAll runs the campaigns and prints a line for each. The error says which promises were broken.
func (l *laboratory) runAll(ctx context.Context, seed uint64, campaigns []campaign) error {
	var broken []error
	fmt.Printf("\n%-22s %6s %8s %8s %6s %9s %8s %8s %9s %9s %9s\n", "device", "points", "unusable", "repaired", "broken", "with loss", "lost", "twice", "no alarm", "start p50", "start max")
	for _, c := range campaigns {
		if c.points == 0 || ctx.Err() != nil {
			continue
		}
		begun := time.Now()
		outcomes, err := l.run(ctx, c.choose(l.recording.trace, seed))
		if err != nil {
			return err
		}
		t := sum(outcomes)
		fmt.Printf("%-22s %6d %8d %8d %6d %9d %8d %8d %9d %9v %9v   (%v)\n", c.name, len(outcomes), t.unusable, t.repaired, len(t.broken), t.lossy, t.lost, t.repeated, t.silent,
			t.median, t.slowest, time.Since(begun).Round(time.Second))
		for _, err := range t.broken {
			broken = append(broken, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	if ctx.Err() != nil {
		broken = append(broken, context.Cause(ctx))
	}
	return errors.Join(broken...)
}

// totals of a campaign.
type totals struct {
	broken         []error
	unusable       int
	repaired       int
	lossy          int // points at which something acknowledged was lost
	silent         int // of them those at which the daemon said nothing
	lost, repeated int
	median         time.Duration
	slowest        time.Duration
}

func sum(outcomes []outcome) totals {
	var t totals
	var starts []time.Duration
	for _, o := range outcomes {
		if o.err != nil {
			t.broken = append(t.broken, fmt.Errorf("%v: %w", o.point, o.err))
		}
		if o.unusable {
			t.unusable++
			continue
		}
		if o.repaired {
			t.repaired++
		}
		if o.lost > 0 {
			t.lossy++
			if !o.alarm {
				t.silent++
			}
		}
		t.lost += o.lost
		t.repeated += o.repeated
		starts = append(starts, o.start)
	}
	slices.Sort(starts)
	if len(starts) > 0 {
		t.median = starts[len(starts)/2].Round(time.Millisecond)
		t.slowest = starts[len(starts)-1].Round(time.Millisecond)
	}
	return t
}
