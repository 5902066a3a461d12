package simulate

import (
	"context"
	"time"

	"skerry/edge/config"
)

// fault is one of the scenario.
type fault struct {
	config.Fault
	bench *bench
	on    bool
}

// look is how often it is asked whether a fault begins or ends.
const look = 20 * time.Millisecond

// befall makes faults begin and end whose time has come.
func (x *Station) befall() {
	at := x.at(time.Now())
	ended := false
	for _, f := range x.faults {
		on := f.Holds(at.since, at.ofDay())
		if on == f.on {
			continue
		}
		x.mu.Lock()
		f.on = on
		x.mu.Unlock()
		what := "a simulated fault ends"
		if on {
			what = "a simulated fault begins"
		}
		x.log.Info(what, "fault", f.Name, "kind", string(f.Kind), "of", f.Of)
		switch f.Kind {
		case config.NoDate:
		case config.NoLink:
			if on {
				x.upstream.cut(f.Of)
			}
		default:
			f.bench.handles[f.Of].befall(f.Fault, on)
			ended = ended || !on
		}
	}
	if ended {
		x.hold()
	}
}

// hold makes the faults of sensors anew that are not over: the end of one may have ended what another one holds too.
func (x *Station) hold() {
	for _, f := range x.faults {
		if f.on && f.Kind != config.NoDate && f.Kind != config.NoLink {
			f.bench.handles[f.Of].befall(f.Fault, true)
		}
	}
}

// now tells whether a fault of a kind holds.
func (x *Station) now(kind config.FaultKind, of string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.faults {
		if f.Kind == kind && f.Of == of && f.on {
			return true
		}
	}
	return false
}

// HidesDate tells whether there is a time at which nobody knows the date.
func (x *Station) HidesDate() bool {
	for _, f := range x.faults {
		if f.Kind == config.NoDate {
			return true
		}
	}
	return false
}

// KnowsDate tells whether the machine's clock is to be relied on now.
func (x *Station) KnowsDate() bool { return !x.now(config.NoDate, "") }

// watch lets faults come and go until ctx ends.
func (x *Station) watch(ctx context.Context) {
	if len(x.faults) == 0 {
		return
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			x.befall()
		}
	}
}
