package clock

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// Source is what tells the date.
type Source string

// The sources.
const (
	GPS Source = "gps"
	RTC Source = "rtc"
	NTP Source = "ntp"
)

const (
	// holdover is how long a satellite receiver's word counts: a crystal is off by 2 s in a day, at 25 ppm.
	holdover = 24 * time.Hour
	// tolerance is how far the system's clock may be off before it is set.
	tolerance = 500 * time.Millisecond
	// kept is how far one may be off that NTP keeps in step: a receiver's word is late by up to a second on a serial line, and two masters
	// would set the clock back and forth.
	kept = 10 * time.Second
	// again and seldom are how often the clock chip is asked, while no date is known and after that.
	again, seldom = 10 * time.Second, 5 * time.Minute
)

// Options of a Clock. The zero Options are usable.
type Options struct {
	Sources []Source  // in order of preference; empty: all
	Floor   time.Time // a date that is certainly past
	Always  bool      // the system's clock is right: on a simulated board

	Synced func() bool           // whether the kernel is kept in step; nil: ask the kernel
	Set    func(time.Time) error // sets the system's clock, as SetSystem; nil: it is left alone
	Log    *slog.Logger          // nil: discard
}

// Clock is the date of a station. It may be used by several goroutines.
type Clock struct {
	options Options
	log     *slog.Logger

	mu     sync.Mutex
	last   time.Time // the last known date
	fix    time.Time // what the receiver said, with the monotonic reading of then as fixAt
	fixAt  time.Time
	files  drivers.Files // of the clock chip; nil: there is none
	chip   bool          // the clock chip agrees
	source Source        // that vouched the last time; "": none
	said   bool          // which that is, or that there is none
	denied bool          // the system's clock may not be set
	failed bool          // that it cannot be set was said
}

// New makes a Clock.
func New(o Options) *Clock {
	if len(o.Sources) == 0 {
		o.Sources = []Source{GPS, RTC, NTP}
	}
	if o.Synced == nil {
		o.Synced = synced
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Clock{options: o, log: o.Log}
}

// Known tells the last date that was known before the start.
func (c *Clock) Known(last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last.After(c.last) {
		c.last = last
	}
}

// Now is the date as well as it is known, and whether it is trusted.
func (c *Clock) Now() (now time.Time, trusted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, source := c.ask()
	if source != c.source || !c.said {
		c.tell(source, now)
		c.source, c.said = source, true
	}
	return now, source != ""
}

// Trusted tells whether the date is trusted.
func (c *Clock) Trusted() bool {
	_, trusted := c.Now()
	return trusted
}

// Date is the date of a local moment, which has Go's monotonic reading, and whether it is trusted. While none is, it is the moment as it is.
func (c *Clock) Date(at time.Time) (time.Time, bool) {
	now, trusted := c.Now()
	if !trusted {
		return at, false
	}
	return now.Add(-time.Since(at)), true
}

// Wall is Now as the log wants it: Unix milliseconds.
func (c *Clock) Wall() (ms int64, trusted bool) {
	now, trusted := c.Now()
	return now.UnixMilli(), trusted
}

// ForCertificates is the date by which certificates are judged.
func (c *Clock) ForCertificates() time.Time {
	now, trusted := c.Now()
	if trusted {
		return now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range []time.Time{c.options.Floor, c.last} {
		if t.After(now) {
			now = t
		}
	}
	return now
}

// ask finds the first source that vouches.
func (c *Clock) ask() (time.Time, Source) {
	system := time.Now()
	if c.options.Always {
		return system, NTP
	}
	past := system.Before(c.options.Floor)
	for _, s := range c.options.Sources {
		switch {
		case s == GPS && !c.fixAt.IsZero() && time.Since(c.fixAt) < holdover:
			return c.fix.Add(time.Since(c.fixAt)), GPS
		case past:
		case s == NTP && c.options.Synced(), s == RTC && !system.Before(c.last.Add(-time.Minute)) && c.chip:
			return system, s
		}
	}
	return system, ""
}

// Run looks at the clock chip now and then, until ctx ends.
func (c *Clock) Run(ctx context.Context) error {
	for {
		c.Look(ctx)
		wait := again
		if c.Trusted() { // tells of changes
			wait = seldom
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Look asks whether a clock chip says what the system says. One without a battery begins anew, in 1970 or 2000.
func (c *Clock) Look(ctx context.Context) {
	c.mu.Lock()
	files := c.files
	c.mu.Unlock()
	if files == nil || c.options.Always || !slices.Contains(c.options.Sources, RTC) {
		return
	}
	agrees := false
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	names, _ := files.Glob("sys/class/rtc/rtc*/since_epoch") // the only error is a bad pattern
	for _, name := range names {
		seconds, err := drivers.ReadNumber(ctx, files, name)
		if off := time.Since(time.Unix(int64(seconds), 0)); err == nil && off.Abs() < 3*time.Second {
			agrees = true
		}
	}
	c.mu.Lock()
	c.chip = agrees
	c.mu.Unlock()
}

// Use tells where the files of the clock chip are.
func (c *Clock) Use(files drivers.Files) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = files
}

func (c *Clock) tell(source Source, now time.Time) {
	switch {
	case source == "":
		c.log.Warn("the date is not known: readings are marked until a clock source has it", "clock", now, "sources", c.options.Sources)
	default:
		c.log.Info("the date is known", "source", source, "date", now)
	}
}

// Fix takes what a satellite receiver said: at the moment at, which has Go's monotonic reading, the date was utc. The system's clock
// follows where it may be set. A receiver that says what cannot be is not believed: its date is before one that is certainly past.
func (c *Clock) Fix(utc, at time.Time) {
	if utc.Before(c.options.Floor) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.options.Sources, GPS) {
		return
	}
	c.fix, c.fixAt = utc, at
	now := utc.Add(time.Since(at))
	off := time.Until(now) // by the system's wall clock: now has no monotonic reading
	if off.Abs() < c.allowed() || c.denied || c.options.Always || c.options.Set == nil {
		return
	}
	if err := c.options.Set(now); err != nil {
		if c.denied = errors.Is(err, unix.EPERM); c.failed {
			return
		}
		c.failed = true
		c.log.Warn("the system's clock cannot be set: the station runs on a time of its own", "off", off.Round(time.Millisecond), "err", err,
			"hint", "AmbientCapabilities=CAP_SYS_TIME in the unit")
		return
	}
	c.failed = false
	c.log.Info("the system's clock was set by a satellite receiver", "by", off.Round(time.Millisecond))
}

// allowed is how far the system's clock may be off before it is set.
func (c *Clock) allowed() time.Duration {
	if slices.Contains(c.options.Sources, NTP) && c.options.Synced() {
		return kept
	}
	return tolerance
}

// synced asks whether the kernel says that something keeps the date in step (adjtimex(2)).
func synced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

// SetSystem sets the system's clock.
func SetSystem(t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return unix.ClockSettime(unix.CLOCK_REALTIME, &ts)
}
