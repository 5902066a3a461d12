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
)

// bus asks its sensors one after the other.
type bus struct {
	sensors []*sensor
	log     *slog.Logger
	stuck   *visit // abandoned and not back yet: nobody else may use the bus
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
			b.round(ctx, sink, x)
		}
		sleep(ctx, b.pause(time.Now()))
	}
	b.part(sink)
}

// round asks a sensor if it is due, and publishes what it says or that it has not said anything for too long.
func (b *bus) round(ctx context.Context, sink Sink, x *sensor) {
	b.collect()
	if now := time.Now(); ctx.Err() == nil && x.due(now) {
		x.planNext(now)
		x.accept(ctx, sink, b.ask(ctx, x, drivers.SenseTimeout, x.sense))
	}
	x.publishStale(ctx, sink)
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

// part reads a last time what would be forgotten, and puts the devices to rest.
func (b *bus) part(sink Sink) {
	ctx, cancel := context.WithTimeout(context.Background(), parting)
	defer cancel()
	for _, x := range b.sensors {
		if b.collect(); x.counts() {
			x.accept(ctx, sink, b.ask(ctx, x, parting, x.sense))
		}
		if found := b.ask(ctx, x, parting, halt); found.err != nil {
			b.log.Warn("sensor was left as it was", "sensor", x.config.Name, "err", found.err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
