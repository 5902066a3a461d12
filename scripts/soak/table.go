package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// result is what a run has shown.
type result struct {
	settings *settings
	took     time.Duration
	events   [kinds]int
	acked    int
	arrived  int
	strange  int
	drop     bool // what lost sessions took is given up
	joins    int  // connections of the subscriber that the server knew no session for
	came     [3]tally
	first    string
	sent     [3]int // PUBLISH packets that reached the way, by QoS
	blocks   int    // of these, PUBLISH packets with many readings
	primed   int    // of these, those that go on from a primer
	dup      [3]int // of sent, those that the uplink says it sent before: also where the way died before it saw that
}

// print writes the table.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "readings       %d acknowledged, %d arrived, in %v (%.0f/s); seed %d\n",
		r.acked, r.arrived, r.took.Round(100*time.Millisecond), float64(r.arrived)/r.took.Seconds(), r.settings.seed)
	var events []string
	for k, n := range r.events {
		events = append(events, fmt.Sprintf("%d %v", n, kind(k)))
	}
	if r.blocks > 0 {
		fmt.Fprintf(w, "blocks         %d, with %.0f readings each; %d go on from a primer\n", r.blocks, float64(r.sent[1]+r.sent[2])/float64(r.blocks), r.primed)
	}
	fmt.Fprintf(w, "events         %s\n\n", strings.Join(events, ", "))
	fmt.Fprintf(w, "%-14s %9s %9s\n", "", "QoS 1", "QoS 2")
	for _, line := range []struct {
		what string
		of   func(qos int) int
	}{
		{"readings", func(int) int { return r.settings.readings / 2 }},
		{"lost", func(q int) int { return r.came[q].lost }},
		{"twice", func(q int) int { return r.came[q].twice }},
		{"out of order", func(q int) int { return r.came[q].late }},
		{"lost session:", nil},
		{"  missing", func(q int) int { return r.came[q].spared }},
		{"  with PUBREC", func(q int) int { return r.came[q].recorded }},
		{"  twice", func(q int) int { return r.came[q].both }},
		{"on the way", func(q int) int { return r.sent[q] }},
		{"  repeated", func(q int) int { return r.dup[q] }},
		{"  seen again", func(q int) int { return max(0, r.sent[q]-r.settings.readings/2) }},
	} {
		if line.of == nil {
			fmt.Fprintln(w, line.what)
			continue
		}
		fmt.Fprintf(w, "%-14s %9d %9d\n", line.what, line.of(1), line.of(2))
	}
}

// verdict is an error if a promise was broken.
func (r *result) verdict() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	for qos := 1; qos <= 2; qos++ {
		t := r.came[qos]
		if t.lost > 0 {
			bad("%d readings of QoS %d are lost", t.lost, qos)
		}
		if missing := t.spared - t.recorded; missing > 0 || t.spared > 0 && !r.drop {
			bad("%d readings of QoS %d are missing that were on their way when the server lost its sessions", t.spared, qos)
		}
		if qos == 2 && t.twice > 0 {
			bad("%d readings of QoS 2 came twice", t.twice)
		}
		if t.late > 0 {
			bad("%d readings of QoS %d came out of order: first %s", t.late, qos, r.first)
		}
		for _, e := range t.examples {
			bad("%s", e)
		}
	}
	if r.strange > 0 {
		bad("%d messages came that nobody published", r.strange)
	}
	if lost := r.events[loss]; r.joins > 1+lost {
		bad("the server lost the session of the subscriber %d times more than it was made to", r.joins-1-lost)
	}
	return errors.Join(all...)
}
