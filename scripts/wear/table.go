package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
)

// works are the kinds of traffic.
var works = []work{
	{name: "100 B, QoS 1, one per commit", qos: 1, inflight: 1, online: true, bytes: 4400, flushes: 1.05},
	{name: "the same, the receiver is away", qos: 1, inflight: 1},
	{name: "100 B, QoS 1, 64 on their way", qos: 1, inflight: 64, online: true, bytes: 200, flushes: 0.02},
	{name: "100 B, QoS 2, whole life, one at a time", qos: 2, inflight: 1, online: true, flushes: 3.05},
}

// systems are what is compared. The first one has the targets.
func (s *settings) systems() []system {
	const turns = 4000 // messages of the warm-up: 16 MB, some four slots, which then are used again
	all := []system{
		{name: "skerry", open: skerry(s.skerry, "", port), warm: turns, many: 30_000, most: 200_000},
		{name: "skerry, 1 KiB blocks", open: skerry(s.skerry, ", block: 1KiB", port), warm: turns, many: 30_000, most: 200_000, block: 1024},
		{name: "bbolt", open: bboltPerMessage, many: 3000, most: 64_000},
	}
	if s.mosquitto != "" {
		all = append(all,
			system{name: "mosquitto, on changes", open: mosquitto(s.mosquitto, "autosave_interval 1\nautosave_on_changes true\n"), many: 300, most: 3000},
			system{name: "mosquitto, defaults", open: mosquitto(s.mosquitto, ""), many: 3000, most: 64_000},
		)
	}
	return all
}

// table holds what was measured.
type table struct {
	settings
	missed []error
}

// measure fills the table and prints it row by row.
func (t *table) measure(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var readings *forecast
	var wg sync.WaitGroup
	if t.readings > 0 {
		wg.Go(func() { readings = t.measureReadings(ctx) })
	}
	err := t.measureWorks(ctx)
	if err != nil {
		cancel()
	}
	wg.Wait()
	if readings == nil || err != nil {
		return err
	}
	if readings.err == nil {
		t.printReadings(readings)
	}
	return readings.err
}

// measureWorks measures every work with every system.
func (t *table) measureWorks(ctx context.Context) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, w := range works {
		fmt.Fprintf(out, "%s\n", w.name)
		for _, x := range t.systems() {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !strings.HasPrefix(x.name, t.only) {
				continue
			}
			f, err := t.settings.measure(x, w)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "  %s\t%.0f B\t%.4f flushes\tof %d messages\t%s\n", x.name, f.bytes, f.flushes, f.messages, t.judge(x, w, f))
		}
		out.Flush()
	}
	if t.mosquitto != "" {
		fmt.Println("mosquitto by default saves every 30 minutes: what it acknowledged since is lost with the power")
	}
	return nil
}

// judge compares with the targets, of the daemon as it is shipped.
func (t *table) judge(x system, w work, f figure) string {
	if x.name != "skerry" || w.bytes == 0 && w.flushes == 0 {
		return ""
	}
	text, verdict := "target", "ok"
	if w.bytes > 0 {
		text += fmt.Sprintf(" <= %.0f B", w.bytes)
	}
	if w.flushes > 0 {
		text += fmt.Sprintf(" <= %.2f flushes", w.flushes)
	}
	if w.bytes > 0 && f.bytes > w.bytes || w.flushes > 0 && f.flushes > w.flushes {
		verdict = "NOT MET"
		t.missed = append(t.missed, fmt.Errorf("%s: %.0f B and %.4f flushes, %s", w.name, f.bytes, f.flushes, text))
	}
	return text + ": " + verdict
}

// verdict is an error when a target was missed.
func (t *table) verdict() error { return errors.Join(t.missed...) }
