package sampler

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// sensor is one sensor and how it fares.
type sensor struct {
	config   config.Sensor
	mapping  *mapping.Sensor
	buses    drivers.Buses
	supplies *supplies
	clock    Clock // nil: the system's
	log      *slog.Logger

	device   drivers.Sensor // nil: not found yet, or with a call that was abandoned
	state    []byte         // as it is kept
	held     []held         // what waits for that, in order
	signal   func()         // has the bus look at it
	schedule schedule
	series   series
	burst    int           // calls of one reading
	pace     time.Duration // between them

	wanted atomic.Bool // somebody asks for a reading
	asked  time.Time   // when one was last made for that
	status atomic.Pointer[Status]
	rounds atomic.Uint64 // readings that were tried, those included that are held back

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
	state    []byte    // nil: the sensor has none
	utc, at  time.Time // what it heard of the date; zero: nothing
	late     drivers.Lateness
	err      error
}

func newSensor(c config.Sensor, m *mapping.Sensor, clock Clock, signal func(), log *slog.Logger) *sensor {
	x := &sensor{config: c, mapping: m, clock: clock, signal: signal, log: log.With("sensor", c.Name),
		schedule: schedule{every: c.Every, fromStart: c.Align == config.ToStart}}
	x.burst, x.pace = burst(c)
	return x
}

// wall is a moment by the clock that schedules are aligned to: the date where it is known better than by the system's clock.
func (x *sensor) wall(now time.Time) time.Time {
	if x.clock == nil || x.schedule.fromStart {
		return now
	}
	if date, trusted := x.clock.Date(now); trusted {
		return date
	}
	return now
}

// early is how long before its reading a sensor needs its supply.
func (x *sensor) early() time.Duration {
	if x.config.Power == nil {
		return 0
	}
	return x.config.Power.WarmUp
}

// due tells whether a reading is to be begun now.
func (x *sensor) due(now time.Time) bool {
	if x.called(now) {
		return true
	}
	if x.failures > 0 {
		return !now.Before(x.retry)
	}
	return x.schedule.due(x.wall(now), x.early())
}

// called tells whether somebody asks for a reading who may have one now.
func (x *sensor) called(now time.Time) bool { return x.wanted.Load() && x.patience(now) <= 0 }

// patience is how long those who ask have to wait.
func (x *sensor) patience(now time.Time) time.Duration {
	if x.asked.IsZero() {
		return 0
	}
	return x.asked.Add(min(askedApart, x.config.Every)).Sub(now)
}

// askedApart is the least time between two readings that were asked for: whoever may ask cannot wear a device out.
const askedApart = time.Second

// begin starts a reading, and switches the supply on for it.
func (x *sensor) begin(now time.Time) error {
	at := now
	s := series{begun: true, next: now}
	switch {
	case x.called(now):
		s.asked = true
	case x.failures > 0:
	default:
		at = now.Add(x.schedule.wait(x.wall(now)))
		s.ahead = x.early() > 0 && !x.schedule.next.IsZero()
	}
	if x.config.Power != nil {
		since, err := x.supplies.on(x.config.Power)
		if err != nil {
			x.series = s
			return err
		}
		s.fed = true
		s.next = later(now, since.Add(x.config.Power.WarmUp))
	}
	s.next = later(s.next, at)
	x.series = s
	return nil
}

// answer makes the reading that begins now one for all who have asked.
func (x *sensor) answer(now time.Time) {
	if x.wanted.Swap(false) {
		x.asked, x.series.answer = now, true
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// end switches the supply off that was on for a reading. When it is time already to warm up for the next one it stays on: that reading
// would come too late otherwise.
func (x *sensor) end(now time.Time) {
	fed := x.series.fed
	x.series = series{}
	if !fed {
		return
	}
	if x.failures == 0 && x.schedule.due(x.wall(now), x.early()) {
		if err := x.begin(now); err != nil {
			x.series = series{} // the next step tells
		}
	}
	x.supplies.off(x.config.Power)
}

// stop ends a reading, and the one that has begun already.
func (x *sensor) stop() {
	if x.series.fed {
		x.supplies.off(x.config.Power)
	}
	x.series = series{}
}

// planNext settles the next time by the schedule before the call, which may take long: a reading that is late does not delay those
// after it. One that was asked for leaves the schedule alone, unless that was due as well.
func (x *sensor) planNext(now time.Time) {
	wall := x.wall(now)
	switch {
	case x.series.asked && x.failures == 0 && x.schedule.wait(wall) > 0:
	case x.series.ahead && x.schedule.wait(wall) > 0: // the two clocks differ by a little
		x.schedule.advance(x.schedule.next)
	default:
		x.schedule.advance(wall)
	}
}

// wait is the time until the next step of the sensor.
func (x *sensor) wait(now time.Time) time.Duration {
	if x.series.begun {
		return x.series.next.Sub(now)
	}
	d := x.schedule.wait(x.wall(now)) - x.early()
	if x.failures > 0 {
		d = x.retry.Sub(now)
	}
	if x.wanted.Load() {
		d = min(d, x.patience(now))
	}
	return d
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
	if s, ok := o.device.(drivers.Timekeeper); ok && x.config.SetClock {
		o.utc, o.at, _ = s.Fix()
	}
	if p, ok := o.device.(drivers.Punctual); ok {
		o.late = p.Lateness()
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

// accept takes in what a sensor said, publishes it as soon as its state is safe, and reports when the sensor begins or ceases to fail.
func (x *sensor) accept(ctx context.Context, sink Sink, found outcome, answer bool) {
	if x.clock != nil && !found.utc.IsZero() {
		x.clock.Fix(found.utc, found.at)
	}
	switch {
	case found.err == nil:
		x.recovered()
	case ctx.Err() == nil: // else it was told to stop
		x.failed(found.err, len(found.readings) > 0)
	}
	x.note(found)
	h := held{readings: found.readings, came: time.Now(), answer: answer, round: x.rounds.Add(1)}
	if err := x.hold(sink, found.state, h); err != nil {
		x.lost(err)
		x.noteReadings(&h)
	}
	x.release(ctx, sink)
}

// date gives readings the right time, and marks them while that is not known.
func (x *sensor) date(readings []drivers.Reading) {
	if x.clock == nil {
		return
	}
	for i := range readings {
		r := &readings[i]
		at, trusted := x.clock.Date(r.Time)
		if r.Time, r.Undated = at, !trusted; !trusted && r.Quality == drivers.Good {
			r.Quality = drivers.ClockUnset
		}
	}
	x.mapping.Date(x.clock.Date)
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
		x.retry = now.Add(max(0, x.schedule.wait(x.wall(now))))
		return
	}
	x.retry = now.Add(max(retryAfter(x.failures, x.config.Every), x.rest()))
}

// rest is how long a sensor that fails is left without its supply at least, so that it does not cost more than one that works: ten
// times as long as it was on for nothing, but no longer than to its next reading.
func (x *sensor) rest() time.Duration { return min(10*x.early(), x.config.Every) }

func (x *sensor) recovered() {
	if x.failures > 0 {
		x.log.Info("sensor answers again", "failures", x.failures, "after", time.Since(x.failing).Round(time.Second))
	}
	x.failures = 0
}

// remembered is the state that was kept of a sensor: under its name, or for once under the one that it had.
func (x *sensor) remembered(sink Sink) []byte {
	state := sink.State(x.config.Name)
	if state != nil || x.config.Was == "" {
		return state
	}
	if state = sink.State(x.config.Was); state == nil {
		return nil
	}
	if err := sink.Keep(x.config.Name, state, func() {}); err != nil { // nothing waits for it: the old one is on the disk
		x.log.Error("what was kept of the sensor cannot be kept under its new name; it counts on", "was", x.config.Was, "err", err)
	}
	return state
}

// publishStale tells of values that had no reading for too long. What has said something that is held back is not silent.
func (x *sensor) publishStale(ctx context.Context, sink Sink) {
	if len(x.held) > 0 {
		return
	}
	if x.clock != nil {
		x.mapping.Date(x.clock.Date)
	}
	messages := x.mapping.Stale(x.messages[:0], time.Now())
	if len(messages) > 0 {
		x.noteStale()
	}
	x.publish(ctx, sink, messages)
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
