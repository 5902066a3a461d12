package sdi12

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
)

// measurement is how values are asked for.
type measurement struct {
	kind  byte   // 'M', 'C' or 'R'
	which string // "", or the digit of an additional measurement
	crc   bool
}

// parseMeasurement reads M, C, R0 and the like.
func parseMeasurement(s string) (measurement, error) {
	digits := "123456789"
	if strings.HasPrefix(s, "R") {
		digits = "0123456789"
	}
	plain := s == "M" || s == "C"
	if !plain && (len(s) != 2 || !strings.Contains("MCR", s[:1]) || !strings.Contains(digits, s[1:])) {
		return measurement{}, fmt.Errorf("%q is no measurement: write M, C, M1 to M9, C1 to C9, or R0 to R9", s)
	}
	return measurement{kind: s[0], which: s[1:]}, nil
}

// command is the measurement's, without address and '!': M, MC1, CC, RC0.
func (m measurement) command() string {
	if m.crc {
		return string(m.kind) + "C" + m.which
	}
	return string(m.kind) + m.which
}

// reserve is what fetching values may take.
const reserve = 2500 * time.Millisecond

// pending is a measurement under way.
type pending struct {
	started
	since    time.Time
	ready    time.Time
	commands uint64 // of the station when it was started
}

// freshFor is how long a measurement that is ready may wait to be fetched.
const freshFor = 5 * time.Minute

// result is what a measurement gave.
type result struct {
	values []float64
	at     time.Time
}

// measure runs a measurement, or goes on with one that was not ready before.
func (x *sensor) measure(ctx context.Context) (result, error) {
	if x.how.kind == 'R' {
		return x.continuous(ctx)
	}
	if p := x.pending; p == nil || p.commands != x.station.commands || time.Since(p.ready) > freshFor {
		if err := x.start(ctx); err != nil {
			return result{}, err
		}
	}
	requested, err := x.await(ctx)
	if err != nil {
		if x.how.kind == 'M' { // a service request may come at any time; aC! has none, and can be fetched later
			x.pending, x.station.inStep = nil, false
		}
		return result{}, err
	}
	p := *x.pending
	x.pending = nil
	values, err := x.fetch(ctx, p.values, !requested)
	return result{values, p.ready}, err
}

// start starts a measurement.
func (x *sensor) start(ctx context.Context) error {
	x.pending = nil
	digits := 1
	if x.how.kind == 'C' {
		digits = 2
	}
	var s started
	err := x.bus.ask(ctx, x.station, x.how.command(), func(line string) (err error) {
		s, err = parseStarted(line[1:], digits)
		return err
	})
	if err != nil {
		return err
	}
	if s.values == 0 {
		return fmt.Errorf("%w: the answer to %s! announces none; the sensor has no such measurement, or cannot make it now", ErrTooFew, x.how.command())
	}
	now := time.Now()
	x.pending = &pending{started: s, since: now, ready: now.Add(s.ready), commands: x.station.commands}
	return nil
}

// soon is how long a concurrent measurement is waited for here. For a longer one the bus is left to the others.
const soon = time.Second

// await waits until the measurement is ready. It tells whether the sensor said so by itself (a service request), or was silent.
func (x *sensor) await(ctx context.Context) (requested bool, err error) {
	p := x.pending
	left := time.Until(p.ready)
	if x.how.kind == 'C' {
		if left > soon {
			return false, &drivers.NotYetError{After: left, Err: fmt.Errorf("%w: it measures for %v more", ErrNotReady, left.Round(time.Second))}
		}
		return false, sleep(ctx, left)
	}
	end := time.Now().Add(drivers.SenseTimeout)
	if deadline, ok := ctx.Deadline(); ok {
		end = deadline
	}
	wait, tooLong := p.ready, false
	if end = end.Add(-reserve); end.Before(wait) {
		wait, tooLong = end, true
	}
	if p.started.ready > 0 {
		if requested, err = x.listen(ctx, wait); err != nil || requested {
			return requested, err
		}
	}
	if tooLong {
		return false, fmt.Errorf("%w: it measures for up to %v, which is longer than a reading has; write measure: C%s if the sensor has that",
			ErrNotReady, p.started.ready, x.how.which)
	}
	return false, nil
}

// listen waits for the service request: the address alone. What else comes is of no use and does no harm: data are asked for anew.
func (x *sensor) listen(ctx context.Context, until time.Time) (bool, error) {
	for time.Now().Before(until) {
		line, err := x.bus.line(ctx, until, "")
		switch {
		case err == nil && line == x.station.at.String():
			x.pending.ready = time.Now()
			return true, nil
		case err != nil && !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrGarbled):
			return false, err
		}
	}
	return false, nil
}

// fetch gets the announced values, once more from the beginning when something went wrong: which answer belongs to which piece is
// not known then. late: a service request may still be on its way.
//
// A piece that equals the one before it may be a repetition in the place of one that was lost. It counts when it comes a second time.
func (x *sensor) fetch(ctx context.Context, announced int, late bool) ([]float64, error) {
	var doubted []float64
	err := fmt.Errorf("%w: pieces are alike", ErrOutOfStep)
	for range tries {
		if err := x.bus.identify(ctx, x.station); err != nil {
			return nil, err
		}
		values, alike, failed := x.pieces(ctx, announced, late)
		switch {
		case failed == nil && (!alike || slices.Equal(values, doubted)):
			return values, nil
		case failed == nil:
			doubted = values
		default:
			err = failed
		}
		x.station.inStep = false
		if final(ctx, failed) {
			break
		}
	}
	return nil, err
}

// pieces gets the values in as many pieces as it takes, and tells whether two that follow each other are alike. From the first
// piece on nothing that comes is dropped unseen.
func (x *sensor) pieces(ctx context.Context, announced int, late bool) (values []float64, alike bool, err error) {
	if err := x.bus.forget(); err != nil {
		return nil, false, err
	}
	var last string
	piece := 0
	for ; piece < 10 && len(values) < announced; piece++ {
		before := last
		take := x.data(&last, &values)
		if late && piece == 0 {
			take = x.pastRequest(ctx, take)
		}
		command := fmt.Sprintf("%v%c%d!", x.station.at, 'D', piece)
		line, err := x.bus.exchange(ctx, x.station.at, command)
		if err == nil {
			err = take(line)
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", command, err)
		}
		alike = alike || last == before
	}
	if len(values) != announced {
		return nil, false, fmt.Errorf("%w: %d came, %d were announced", mismatch(len(values), announced), len(values), announced)
	}
	if piece > 1 {
		err = x.confirm(ctx, last)
	}
	return values, alike, err
}

func mismatch(came, announced int) error {
	if came < announced {
		return ErrTooFew
	}
	return ErrOutOfStep
}

// data makes a function that appends the values of an answer.
func (x *sensor) data(last *string, values *[]float64) func(line string) error {
	return func(line string) (err error) {
		body := line
		if x.how.crc {
			if body, err = checkCRC(line); err != nil {
				return err
			}
		}
		if len(body) == 1 && len(*values) > 0 {
			return fmt.Errorf("%w: %d came, and then none", ErrTooFew, len(*values))
		}
		if len(body) == 1 {
			return fmt.Errorf("%w (it has no data)", ErrAborted)
		}
		more, err := parseValues(body[1:])
		if err == nil {
			*last, *values = line, append(*values, more...)
		}
		return err
	}
}

// pastRequest reads on when a service request comes where data are due.
func (x *sensor) pastRequest(ctx context.Context, take func(string) error) func(string) error {
	return func(line string) error {
		if line != x.station.at.String() {
			return take(line)
		}
		line, err := x.bus.answer(ctx, x.station.at, "")
		if errors.Is(err, ErrNoAnswer) {
			return fmt.Errorf("%w (it has no data)", ErrAborted)
		}
		if err != nil {
			return err
		}
		return take(line)
	}
}

// confirm makes sure that each piece was the answer to its own command: the identification comes next, and no data before it. A
// repetition of the last answer changes nothing.
func (x *sensor) confirm(ctx context.Context, last string) error {
	before, err := x.bus.barrier(ctx, x.station, true)
	if err != nil {
		return err
	}
	for _, line := range before {
		if line != last {
			return fmt.Errorf("%w: %q came after %q", ErrOutOfStep, line, last)
		}
	}
	return nil
}

// continuous asks a sensor that measures all the time.
func (x *sensor) continuous(ctx context.Context) (result, error) {
	var (
		last   string
		values []float64
	)
	if err := x.bus.ask(ctx, x.station, x.how.command(), x.data(&last, &values)); err != nil {
		return result{}, err
	}
	at := time.Now()
	return result{values, at}, x.confirm(ctx, last)
}
