package sampler

import (
	"bytes"
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// sensor is one sensor and how it fares.
type sensor struct {
	config  config.Sensor
	mapping *mapping.Sensor
	buses   drivers.Buses
	log     *slog.Logger

	device   drivers.Sensor // nil: not found yet, or with a call that was abandoned
	state    []byte         // as it is kept
	schedule schedule

	failures int       // in a row
	failing  time.Time // since when
	retry    time.Time // when to ask again while it fails

	readings []drivers.Reading // reused from round to round
	messages []*broker.Message
	deaf     bool // what it said could not be published
}

// outcome is what one call of a driver made of a sensor.
type outcome struct {
	device   drivers.Sensor
	readings []drivers.Reading
	state    []byte // nil: the sensor has none
	err      error
}

func newSensor(c config.Sensor, m *mapping.Sensor, log *slog.Logger) *sensor {
	return &sensor{config: c, mapping: m, log: log.With("sensor", c.Name), schedule: schedule{every: c.Every}}
}

// due tells whether the sensor is to be asked now.
func (x *sensor) due(now time.Time) bool {
	if x.failures > 0 {
		return !now.Before(x.retry)
	}
	return x.schedule.due(now)
}

// planNext settles the next time by the schedule before the call, which may take long: a reading that is late does not delay those after it.
func (x *sensor) planNext(now time.Time) { x.schedule.advance(now) }

// wait is the time until the sensor is to be asked.
func (x *sensor) wait(now time.Time) time.Duration {
	if x.failures > 0 {
		return x.retry.Sub(now)
	}
	return x.schedule.wait(now)
}

// handOver gives what a call works on. The device belongs to the call until adopt: the caller may be gone when it ends.
func (x *sensor) handOver() outcome {
	before := outcome{device: x.device, readings: x.readings[:0], state: x.state}
	x.device, x.readings = nil, nil
	return before
}

func (x *sensor) adopt(found outcome) { x.device, x.readings = found.device, found.readings }

// sense finds the device if that was not done yet, and reads it. It runs apart and touches nothing of the sensor that changes.
func (x *sensor) sense(ctx context.Context, o *outcome) {
	if o.device == nil {
		if o.device, o.err = x.open(ctx, o.state); o.err != nil {
			return
		}
	}
	o.state = nil
	o.readings, o.err = o.device.Sense(ctx, o.readings)
	if s, ok := o.device.(drivers.Stateful); ok {
		o.state = s.State()
	}
}

func (x *sensor) open(ctx context.Context, state []byte) (drivers.Sensor, error) {
	device, err := x.config.Kind.New(ctx, x.buses, x.config.Setup)
	if err != nil {
		return nil, err
	}
	if s, ok := device.(drivers.Stateful); ok && state != nil {
		if err := s.Restore(state); err != nil {
			x.log.Error("the kept state of the sensor cannot be used: it counts from zero", "err", err)
		}
	}
	return device, nil
}

func halt(_ context.Context, o *outcome) {
	var err error
	if o.device != nil {
		err = o.device.Halt()
	}
	*o = outcome{err: err}
}

// guarded turns a panic of a driver into an error: one sick part never stops the others. A device that was opened stays, as
// its line or port would be lost with it.
func guarded(ctx context.Context, before outcome, call func(context.Context, *outcome)) (found outcome) {
	defer func() {
		if r := recover(); r != nil {
			found = outcome{device: found.device, err: &panicError{r, debug.Stack()}}
		}
	}()
	found = before
	call(ctx, &found)
	return found
}

// accept publishes what a sensor said and reports when it begins or ceases to fail.
func (x *sensor) accept(ctx context.Context, sink Sink, found outcome) {
	if x.keep(sink, found.state) { // or else the total would run backwards after a restart
		x.publish(ctx, sink, x.mapping.Messages(x.messages[:0], time.Now(), found.readings))
	}
	switch {
	case found.err == nil:
		x.recovered()
	case ctx.Err() == nil: // else it was told to stop
		x.failed(found.err, len(found.readings) > 0)
	}
}

func (x *sensor) failed(err error, partly bool) {
	now := time.Now()
	x.failures++
	if x.failures == 1 {
		x.failing = now
		x.log.Warn("sensor fails", "err", err)
		if p, ok := err.(*panicError); ok {
			x.log.Error("this is a mistake in its driver; please report it", "stack", string(p.stack))
		}
	}
	if partly { // what it has to say is worth its time
		x.retry = now.Add(max(0, x.schedule.wait(now)))
		return
	}
	x.retry = now.Add(retryAfter(x.failures, x.config.Every))
}

func (x *sensor) recovered() {
	if x.failures > 0 {
		x.log.Info("sensor answers again", "failures", x.failures, "after", time.Since(x.failing).Round(time.Second))
	}
	x.failures = 0
}

// keep keeps a state that has changed, and tells whether what follows from it may be published.
func (x *sensor) keep(sink Sink, state []byte) bool {
	if state == nil || bytes.Equal(state, x.state) {
		return true
	}
	state = bytes.Clone(state)
	if err := sink.Keep(x.config.Name, state); err != nil {
		x.lost(err)
		return false
	}
	x.state = state
	return true
}

func (x *sensor) publishStale(ctx context.Context, sink Sink) {
	x.publish(ctx, sink, x.mapping.Stale(x.messages[:0], time.Now()))
}

func (x *sensor) publish(ctx context.Context, sink Sink, messages []*broker.Message) {
	if len(messages) > 0 {
		x.lost(sink.Publish(ctx, messages))
	}
	clear(messages) // they belong to the broker now
	x.messages = messages[:0]
}

// lost reports the first of several readings that could not be published; nil says that one could.
func (x *sensor) lost(err error) {
	if err != nil && !x.deaf {
		x.log.Error("readings are lost", "err", err)
	}
	x.deaf = err != nil
}

// counts tells whether the sensor has something to lose when it is not read a last time.
func (x *sensor) counts() bool {
	_, ok := x.device.(drivers.Stateful)
	return ok
}
