package sampler

import (
	"context"
	"log/slog"
	"time"

	"skerry/drivers"
)

const (
	// grace is how long a call may go on after its context has ended before it is abandoned.
	grace = time.Second
	// parting is what a sensor gets for its last reading and its Halt when Run ends.
	parting = 500 * time.Millisecond
	// lastWord is how long Run waits at its end for what the readings follow from that are held back.
	lastWord = time.Second
)

// bus asks its sensors one after the other.
type bus struct {
	sensors []*sensor
	log     *slog.Logger
	wake    chan struct{} // capacity 1: somebody asks for a reading, or what was held back may be published
	stuck   *visit        // abandoned and not back yet: nobody else may use the bus
	due     promise       // to come round again
}

// visit is a call of a driver under way. The driver and what it made belong to the visit until done is closed.
type visit struct {
	sensor *sensor
	done   chan struct{}
	found  outcome
}

func (b *bus) run(ctx context.Context, sink Sink) {
	for ctx.Err() == nil {
		for _, x := range b.sensors {
			b.due.within(roundTime)
			b.round(ctx, sink, x)
		}
		pause := b.pause(time.Now())
		b.due.within(pause)
		b.sleep(ctx, pause)
	}
	b.due.over()
	b.part(sink)
}

// round does the next step of a sensor if it is time for it, and publishes that it has not said anything for too long. Between the
// steps of one sensor, while its supply warms up or in a burst, the bus is free for others.
func (b *bus) round(ctx context.Context, sink Sink, x *sensor) {
	b.collect()
	x.release(ctx, sink)
	if ctx.Err() == nil {
		b.step(ctx, sink, x, time.Now())
	}
	x.publishStale(ctx, sink)
}

// step begins a series of calls, and does the next one.
func (b *bus) step(ctx context.Context, sink Sink, x *sensor, now time.Time) {
	if !x.series.begun {
		if !x.due(now) {
			return
		}
		if err := x.begin(now); err != nil {
			x.planNext(now)
			x.answer(now)
			b.finish(ctx, sink, x, outcome{err: err})
			return
		}
	}
	if now.Before(x.series.next) {
		return
	}
	if x.series.calls == 0 {
		x.planNext(now)
		x.answer(now)
	}
	found := b.ask(ctx, x, drivers.SenseTimeout, x.sense)
	if x.series.add(found, now, x.burst, x.pace) {
		return
	}
	found.readings = x.series.reduce(x.config.Values, x.burst)
	b.finish(ctx, sink, x, found)
}

// finish ends a series: the supply goes off, and what was found is published.
func (b *bus) finish(ctx context.Context, sink Sink, x *sensor, found outcome) {
	if x.config.Power != nil && x.device != nil {
		if rest := b.ask(ctx, x, parting, halt); rest.err != nil && found.err == nil {
			b.log.Debug("sensor did not go to rest before its supply went off", "sensor", x.config.Name, "err", rest.err)
		}
	}
	answer := x.series.answer
	x.end(time.Now())
	x.accept(ctx, sink, found, answer)
}

// collect takes the bus back when an abandoned call has returned. What it read is as old as it was late and is dropped; the
// device it may have set up is not.
func (b *bus) collect() {
	if b.stuck == nil {
		return
	}
	select {
	case <-b.stuck.done:
		b.stuck.sensor.adopt(b.stuck.found)
		b.log.Info("bus is free again", "sensor", b.stuck.sensor.config.Name)
		b.stuck = nil
		for _, x := range b.sensors {
			x.retry = time.Time{} // they failed for want of the bus
		}
	default:
	}
}

// ask runs a call of a driver in a goroutine of its own and abandons it if it does not return.
func (b *bus) ask(ctx context.Context, x *sensor, timeout time.Duration, call func(context.Context, *outcome)) outcome {
	if b.stuck != nil {
		return outcome{err: &heldError{b.stuck.sensor.config.Name}}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v := &visit{sensor: x, done: make(chan struct{})}
	before := x.handOver()
	go func() {
		defer close(v.done)
		v.found = guarded(ctx, before, call)
	}()
	if !v.ended(ctx) {
		b.stuck = v
		return outcome{err: &hungError{timeout + grace}}
	}
	x.adopt(v.found)
	return v.found
}

// ended waits for the end of a visit, and tells whether it came within its context or soon after.
func (v *visit) ended(ctx context.Context) bool {
	select {
	case <-v.done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-v.done:
		return true
	case <-time.After(grace):
		return false
	}
}

// pause is how long nothing is to be done; not positive when something is.
func (b *bus) pause(now time.Time) time.Duration {
	d := longestPause
	for _, x := range b.sensors {
		d = min(d, x.wait(now), x.config.Every)
	}
	return d
}

// signal ends the sleep of the bus.
func (b *bus) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// sleep waits for so long, or until there is something to do.
func (b *bus) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-b.wake:
	}
}

// part reads a last time what would be forgotten, puts the devices to rest, and publishes what was held back.
func (b *bus) part(sink Sink) {
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	for _, x := range b.sensors {
		if b.collect(); x.counts() {
			x.accept(ctx, sink, b.ask(ctx, x, parting, x.sense), false)
		}
		if found := b.ask(ctx, x, parting, halt); found.err != nil {
			b.log.Warn("sensor was left as it was", "sensor", x.config.Name, "err", found.err)
		}
		x.stop()
	}
	b.empty(sink)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
