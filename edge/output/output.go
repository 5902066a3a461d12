package output

import (
	"context"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
)

// Reason says why an output has the value that it has, or wants.
type Reason string

// The reasons.
const (
	AtStart  Reason = "start"
	Command  Reason = "command"     // a message
	Local    Reason = "local"       // `skerry outputs set`
	Loss     Reason = "uplink_loss" // no uplink for a while
	AtStop   Reason = "stop"
	Restored Reason = "restored" // the device had changed by itself, or was given its target after a failure
	Device   Reason = "device"   // it has changed by itself
)

// want is a value that somebody asked for.
type want struct {
	value    float64
	why      Reason
	id       string       // of a command; empty: none
	deadline time.Time    // of a command; zero: none
	done     chan<- error // capacity 1; nil: nobody waits, or was told
}

// output is one output and how it stands. It belongs to the goroutine of Run; device belongs to its call while there is one.
type output struct {
	config   config.Output
	partners []partner
	device   drivers.Actuator // nil: not found yet

	value   float64 // the last that was known
	ever    bool    // there was one
	known   bool    // the device has it
	since   time.Time
	reason  Reason
	id      string // of the command that value came of
	target  float64
	aimed   bool      // there is a target
	issued  time.Time // when the last command was given, by itself
	pending *want     // waits
	doing   *want     // is being set
	later   *want     // at the start: when the output is certainly off
	calling time.Time // since when there is a call; zero: there is none
	hung    bool      // it was said

	failures int
	failing  time.Time
	err      error
	tried    time.Time // the last failure
	retry    time.Time // not tried before
	look     time.Time // when the device is to be looked at

	lostSince time.Time // since when the uplink is lost; zero: it is not
	lossDone  bool
	waits     string // what pending waits for, as it was published

	said   string // code of the refusal that was logged last
	counts Counts
}

// partner is the other output of an interlock.
type partner struct {
	*output
	gap time.Duration
}

// Counts are the commands of an output since the start.
type Counts struct {
	Done, Refused, Failed uint64
}

// off tells whether it is certain that an output is off and stays off.
func (o *output) off() bool {
	on := func(w *want) bool { return w != nil && w.value != 0 }
	return o.known && o.value == 0 && !on(o.doing)
}

// settled tells whether an output is off, and nobody wants it on.
func (o *output) settled() bool { return o.off() && (o.pending == nil || o.pending.value == 0) }

// begins tells whether an output is off at the start only until it may be on: if the program ended now, it would begin with on again.
func (o *output) begins() bool { return o.later != nil || o.pending != nil && o.pending.why == AtStart }

// same tells whether two values are one as far as they are written.
func (o *output) same(a, b float64) bool { return o.config.Format(a) == o.config.Format(b) }

// has notes what the device has.
func (o *output) has(value float64, now time.Time) {
	if !o.known || !o.same(o.value, value) {
		o.since = now
	}
	o.value, o.known, o.ever = value, true, true
}

const (
	again   = time.Second // after the first failure; twice as long after each more
	seldom  = time.Minute
	soon    = 5 * time.Second // after a failure, when somebody commands
	grace   = 2 * time.Second // a driver may take so much longer than its deadline before it counts as hung
	maxTime = drivers.ActuateTimeout
)

// fails notes a failure and when to try again. It tells whether it is the first.
func (o *output) fails(err error, now time.Time) (first bool) {
	first = o.failures == 0
	if first {
		o.failing = now
	}
	o.failures++
	o.err, o.tried = err, now
	o.retry = now.Add(min(again<<min(o.failures-1, 10), seldom))
	o.look = o.retry
	return first
}

// answers notes that the device works. It tells whether it did not before.
func (o *output) answers(now time.Time) (again bool) {
	again = o.failures > 0
	o.failures, o.err, o.retry, o.failing = 0, nil, time.Time{}, time.Time{}
	o.look = now.Add(o.config.Every)
	return again
}

// looks tells whether the device is looked at when the time has come: once it is taken, or when that is how its value is found. One that
// keeps no value has none to tell after a failure.
func (o *output) looks() bool {
	if !o.aimed {
		return o.device != nil || o.pending == nil
	}
	return o.device != nil && (o.known || o.config.Doc.Keeps)
}

// call is what one call of a driver does and what came of it.
type call struct {
	output *output
	want   *want // nil: look
	check  bool  // the value may be there already
	firm   bool  // it was there: if it is not any more, that is found out, and nothing is set
	missed bool  // it was not there any more: value is what there is
	device drivers.Actuator
	value  float64
	err    error
}

// run calls the driver.
func (c *call) run(ctx context.Context, buses drivers.Buses) {
	o := c.output
	first := 0.0
	if c.want != nil {
		first = c.want.value
	}
	if c.device == nil {
		if c.device, c.err = o.config.Kind.Output.New(ctx, buses, o.config.Setup, first); c.err != nil {
			c.device = nil
			return
		}
		c.check = c.check && o.config.Doc.Keeps // others have been given the value just now
	}
	if c.want == nil {
		c.value, c.err = c.device.Get(ctx)
		return
	}
	if c.check {
		has, err := c.device.Get(ctx)
		if same := err == nil && o.same(has, c.want.value); same || c.firm {
			c.value, c.err, c.missed = has, err, !same
			return
		}
	}
	c.value, c.err = c.want.value, c.device.Set(ctx, c.want.value)
}
