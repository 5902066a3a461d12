package sampler

import "time"

// longestPause bounds how long a bus sleeps, and so how late a step of the clock is noticed.
const longestPause = 30 * time.Second

// schedule says when a sensor is to be asked. An aligned one follows the wall clock and so compares times without their monotonic
// reading; one that counts from the first reading follows the monotonic clock alone.
type schedule struct {
	every     time.Duration
	fromStart bool
	first     time.Time // fromStart: the first reading
	next      time.Time // zero: at once
}

// due tells whether it is time, or will be in so short a time as early. A clock that was set back left the next time too far in the
// future: it is aligned anew.
func (s *schedule) due(now time.Time, early time.Duration) bool {
	if s.wait(now) > s.every {
		s.advance(now)
	}
	return s.wait(now) <= early
}

// advance moves to the first time after now: what was missed is left out.
func (s *schedule) advance(now time.Time) {
	if !s.fromStart {
		s.next = now.Round(0).Truncate(s.every).Add(s.every)
		return
	}
	if s.first.IsZero() {
		s.first = now
	}
	s.next = s.first.Add((now.Sub(s.first)/s.every + 1) * s.every)
}

// wait is the time left, negative when it is over.
func (s *schedule) wait(now time.Time) time.Duration {
	if s.fromStart {
		return s.next.Sub(now)
	}
	return s.next.Sub(now.Round(0))
}

// The delays between attempts to read a failing sensor.
const (
	firstRetry = 5 * time.Second
	lastRetry  = time.Minute
)

// retryAfter is the delay after so many failures in a row.
func retryAfter(failures int, every time.Duration) time.Duration {
	d := min(firstRetry, every)
	for range failures - 1 {
		if d *= 2; d >= lastRetry {
			return lastRetry
		}
	}
	return d
}
