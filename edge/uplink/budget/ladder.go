package budget

import (
	"fmt"
	"math"
	"time"
)

// Rung is how far the traffic of a link is cut down.
type Rung uint8

// The rungs, from the mildest.
const (
	Normal    Rung = iota
	Linger         // batches wait longer to become fuller
	OnDemand       // no connection is held open with nothing to send
	Reduced        // live data are thinned out as configured, or wait; the old backlog waits
	AlarmOnly      // what is not an alarm waits for the next period
)

func (r Rung) String() string {
	switch r {
	case Normal:
		return "normal"
	case Linger:
		return "linger"
	case OnDemand:
		return "on-demand"
	case Reduced:
		return "reduced"
	case AlarmOnly:
		return "alarm-only"
	}
	return "unknown"
}

// Linger is how long a batch waits on this rung that waits d on the first.
func (r Rung) Linger(d time.Duration) time.Duration {
	switch r {
	case Normal:
		return d
	case Linger:
		return 4 * d
	}
	return 8 * d
}

// milder is the pressure below which a rung is left for the next milder one. It lies well below 1: going back raises the traffic.
const milder = 0.8

// enter is the pressure from which each rung is taken; alarm only when nothing is left.
func (r Rung) enter() float64 {
	switch r {
	case Normal:
		return 0
	case Linger:
		return 1
	case OnDemand:
		return 1.25
	case Reduced:
		return 1.6
	}
	return math.Inf(1)
}

// ladder finds the rung. Up it goes at once, as far as the pressure says; down one rung at a time, after the pressure was low for a while.
type ladder struct {
	dwell time.Duration
	rung  Rung
	calm  bool // the pressure has been low since
	since time.Duration
}

func (l *ladder) look(pressure float64, passed time.Duration) (changed bool) {
	was, want := l.rung, Normal
	for r := Linger; r <= AlarmOnly; r++ {
		if pressure >= r.enter() {
			want = r
		}
	}
	switch {
	case want >= l.rung:
		l.rung, l.calm = want, false
	case l.rung == AlarmOnly: // there is something to spend again: as the forecast says, but no connection is held open at first
		l.rung, l.calm = max(want, OnDemand), false
	case pressure >= milder:
		l.calm = false
	case !l.calm:
		l.calm, l.since = true, passed
	case passed-l.since >= l.dwell:
		l.rung, l.calm = l.rung-1, false
	}
	return l.rung != was
}

// ratio is a pressure in words.
func ratio(pressure float64) string {
	if math.IsInf(pressure, 1) {
		return "nothing is left"
	}
	return fmt.Sprintf("%.0f %% of what is left is expected to be used", 100*pressure)
}
