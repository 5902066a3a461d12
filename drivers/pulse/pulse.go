package pulse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"skerry/drivers"
)

type sensor struct {
	opts     Opts
	perPulse float64
	per      time.Duration

	buses  drivers.Buses
	edges  drivers.Edges // nil: the line is to be taken
	next   uint32        // the number that the next edge has if none is lost
	halted bool

	counter   counter
	window    window
	frequency frequency
	pending   []drivers.Edge // kept between calls for its memory
}

// counter is what survives a restart.
type counter struct {
	pulses uint64
	lost   uint64
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	o, total, rate, frequency := options(s)
	if o.Pin == "" {
		return nil, errors.New("pulse: no pin; write e.g. pin: GPIO17")
	}
	x := &sensor{opts: o, perPulse: total.PerPulse, per: rate.Per, buses: b, window: newWindow(rate.Over), frequency: newFrequency(frequency.Over)}
	if err := x.take(); err != nil {
		return nil, err
	}
	return x, nil
}

// String names the line.
func (x *sensor) String() string { return "pulse counter on " + x.opts.Pin }

// take takes the line. Its edges are numbered from 1 again.
func (x *sensor) take() error {
	edges, err := x.buses.Pin(x.opts.Pin, drivers.PinConfig{Pull: x.opts.Pull, Trigger: x.opts.Edge, Debounce: x.opts.Debounce})
	if err != nil {
		return fmt.Errorf("%s: %w", x, err)
	}
	x.edges, x.next = edges, 1
	now := time.Now()
	x.window.begin(now, x.counter.pulses)
	x.frequency.begin(now)
	return nil
}

// Sense counts the edges since the last call. It does not wait for any.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	switch {
	case ctx.Err() != nil:
		return dst, fmt.Errorf("%s: %w", x, ctx.Err())
	case x.halted:
		return dst, fmt.Errorf("%s: %w", x, os.ErrClosed)
	case x.edges == nil:
		if err := x.take(); err != nil {
			return dst, err
		}
	}
	var err error
	x.pending, err = x.edges.Read(x.pending[:0])
	for _, e := range x.pending {
		x.count(e)
	}
	if err != nil {
		x.letGo()
		return dst, fmt.Errorf("%s: %w", x, err)
	}
	return x.readings(dst, time.Now()), nil
}

// count takes one edge in, and those which the gap before its number stands for. A number that goes back cannot come from the
// kernel; it counts as one pulse.
func (x *sensor) count(e drivers.Edge) {
	pulses := uint64(1)
	if gap := e.Seq - x.next; gap <= math.MaxInt32 {
		x.counter.lost += uint64(gap)
		pulses += uint64(gap)
	}
	x.next = e.Seq + 1
	x.counter.pulses += pulses
	x.window.add(e.Time, x.counter.pulses)
	x.frequency.add(e.Time, pulses)
}

func (x *sensor) readings(dst []drivers.Reading, now time.Time) []drivers.Reading {
	dst = append(dst, drivers.Number("total", float64(x.counter.pulses)*x.perPulse, "", now))
	if pulses, ok := x.window.change(now, x.counter.pulses); ok {
		rate := float64(pulses) * x.perPulse * float64(x.per) / float64(x.window.over)
		dst = append(dst, drivers.Number("rate", rate, "", now))
	} else {
		dst = append(dst, drivers.Missing("rate", "", now))
	}
	if hz, ok := x.frequency.hertz(now); ok {
		dst = append(dst, drivers.Number("frequency", hz, "Hz", now))
	} else {
		dst = append(dst, drivers.Missing("frequency", "Hz", now))
	}
	return append(dst, drivers.Number("lost", float64(x.counter.lost), "", now))
}

// letGo gives the line back; the next Sense takes it again.
func (x *sensor) letGo() error {
	if x.edges == nil {
		return nil
	}
	err := x.edges.Close()
	x.edges = nil
	return err
}

// Halt gives the line back.
func (x *sensor) Halt() error {
	x.halted = true
	return x.letGo()
}
