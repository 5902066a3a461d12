package budget

import "time"

const (
	// leap is how far a date may be off what follows from the one before, without being a leap of the clock.
	leap = time.Hour
	// settle is how long a date must have been the same before it is believed after a leap, or before a period that has begun is left
	// for an earlier one.
	settle = time.Hour
	// drift is by how much a date that is not trusted any more is taken for earlier than it is, per second: no crystal is off by more,
	// and a period must not begin early.
	drift = 100e-6
)

// dating makes a date that can be relied on out of a clock that may be wrong, not trusted, or leap, and the time that has passed, which cannot.
type dating struct {
	known   bool
	date    time.Time     // what was believed
	at      time.Duration // when, on the clock of what has passed
	odd     bool          // another date is claimed
	oddDate time.Time
	oddAt   time.Duration
}

// read takes what the clock says. It gives the date, or the zero time as long as there is none, and whether it is another than follows
// from what was read before.
func (d *dating) read(now time.Time, trusted bool, passed time.Duration) (date time.Time, fresh bool) {
	if trusted {
		fresh = d.take(now.Round(0), passed) // what has passed comes as passed, not with the date
	}
	if !d.known {
		return time.Time{}, false
	}
	since := passed - d.at
	return d.date.Add(since - time.Duration(float64(since)*drift)), fresh
}

func (d *dating) take(now time.Time, passed time.Duration) (fresh bool) {
	switch {
	case d.known && now.Sub(d.date.Add(passed-d.at)).Abs() <= leap:
	case !d.known, d.odd && d.claimed(now, passed) && passed-d.oddAt >= settle:
		fresh = true
	case d.odd && d.claimed(now, passed):
		return false
	default:
		d.odd, d.oddDate, d.oddAt = true, now, passed
		return false
	}
	*d = dating{known: true, date: now, at: passed}
	return fresh
}

// claimed tells whether now follows from the other date that is claimed.
func (d *dating) claimed(now time.Time, passed time.Duration) bool {
	return now.Sub(d.oddDate.Add(passed-d.oddAt)).Abs() <= leap
}
