package alarm

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// Sink is where alarms go.
type Sink interface {
	// Publish hands messages over. It waits while storage is too slow to take them.
	Publish(ctx context.Context, messages []*broker.Message) error
	// AlarmState returns what KeepAlarms kept last, nil if nothing.
	AlarmState() []byte
	// KeepAlarms keeps the state of all alarms, after all that was published before. It may hold on to state.
	KeepAlarms(state []byte) error
}

// Options of a Set. The zero Options are usable.
type Options struct {
	ClockFloor time.Time    // a time that is certainly past; what happens before it happens with a clock that was not set
	Clock      Clock        // nil: the system's, which is right
	Log        *slog.Logger // nil: discard
}

// Clock is what knows the date.
type Clock interface {
	Date(at time.Time) (date time.Time, trusted bool) // of a local moment; the moment itself while no date is trusted
}

// Set is all alarms of a station.
type Set struct {
	alarms  []*alarm
	watcher *mapping.Watcher
	values  map[string]mapping.Now
	floor   time.Time
	clock   Clock
	log     *slog.Logger

	unkept bool // the state has changed, and could not be kept
	deaf   bool // a message was refused
}

// seldom is the least time between two lines of the log that an alarm cannot be judged.
const seldom = time.Hour

// again is the time between two attempts to publish or keep what was refused.
const again = 10 * time.Second

// New prepares the alarms. They see every change of a value from now on.
func New(list []config.Alarm, present *mapping.Present, o Options) *Set {
	s := &Set{values: map[string]mapping.Now{}, floor: o.ClockFloor, clock: o.Clock, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var names []string
	for _, c := range list {
		a := &alarm{config: c}
		s.alarms = append(s.alarms, a)
		names = append(names, a.names()...)
	}
	s.watcher = present.Watch(names)
	return s
}

// Run judges the alarms until ctx ends.
func (s *Set) Run(ctx context.Context, sink Sink) {
	s.restore(ctx, sink)
	for {
		for _, c := range s.watcher.Take() {
			s.values[c.Name] = c.Now
			s.judge(ctx, sink, func(a *alarm) bool { return slices.Contains(a.names(), c.Name) })
		}
		if s.unkept {
			s.keep(sink)
		}
		if !s.wait(ctx) {
			return
		}
		s.judge(ctx, sink, func(*alarm) bool { return true }) // time has passed
	}
}

// wait returns when there is something to judge. False: ctx has ended.
func (s *Set) wait(ctx context.Context) bool {
	t := time.NewTimer(s.pause(time.Now()))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.watcher.News():
	case <-t.C:
	}
	return ctx.Err() == nil
}

// pause is the time until the next alarm has held for long enough, or something that was refused is tried again.
func (s *Set) pause(now time.Time) time.Duration {
	d := time.Hour
	for _, a := range s.alarms {
		if due := a.due(); !due.IsZero() {
			d = min(d, max(due.Sub(now), 0))
		}
	}
	if s.unkept || s.deaf {
		return again
	}
	return d
}

// judge judges some alarms, and publishes what becomes of them.
func (s *Set) judge(ctx context.Context, sink Sink, some func(*alarm) bool) {
	now := time.Now()
	for _, a := range s.alarms {
		if !some(a) {
			continue
		}
		known := a.unknown.IsZero()
		c := a.judge(now, s.values)
		if known && a.judged && !a.unknown.IsZero() && (a.told.IsZero() || now.Sub(a.told) > seldom) {
			a.told = now
			s.log.Warn("an alarm cannot be judged", "alarm", a.config.Name, "when", a.config.When.Text)
		}
		if c != nothing {
			s.apply(ctx, sink, a, c)
		}
	}
}

// apply publishes a change, and makes it.
func (s *Set) apply(ctx context.Context, sink Sink, a *alarm, c change) {
	at := time.Now()
	if err := sink.Publish(ctx, []*broker.Message{s.message(a, c, at)}); err != nil {
		if !s.deaf {
			s.log.Error("an alarm could not be published; it is tried again", "alarm", a.config.Name, "err", err)
		}
		s.deaf = true
		return
	}
	s.deaf = false
	a.raised, a.holds, a.unknown = c == raise, time.Time{}, time.Time{}
	if a.raised {
		a.at = at
		s.log.Info("alarm raised", "alarm", a.config.Name, "when", a.config.When.Text)
	} else {
		s.log.Info("alarm cleared", "alarm", a.config.Name, "since", stamp(s.since(a)))
	}
	s.keep(sink)
}

// date is a local moment as a date, and whether that is right.
func (s *Set) date(at time.Time) (time.Time, bool) {
	trusted := true
	if s.clock != nil {
		at, trusted = s.clock.Date(at)
	}
	return at, trusted && !at.Before(s.floor)
}

// since is when an alarm was raised; zero if the date was not known then, and still is not.
func (s *Set) since(a *alarm) time.Time {
	if a.at.IsZero() {
		return a.since // in a former run
	}
	if date, right := s.date(a.at); right {
		return date
	}
	return time.Time{}
}
