package config

import "time"

// Size is a number of bytes.
type Size int64

// Length is in metres.
type Length float64

// Range is all numbers from Min to Max, both included.
type Range struct{ Min, Max float64 }

// Contains reports whether x lies in the range. NaN never does.
func (r Range) Contains(x float64) bool { return x >= r.Min && x <= r.Max }

// DurationRange is all durations from Min to Max, both included.
type DurationRange struct{ Min, Max time.Duration }

// Deadband is how far a number must move from the last one published to be published itself. The zero Deadband publishes all.
type Deadband struct {
	Amount  float64 // in the unit of the value, or in percent of the last one published
	Percent bool
}

// StaleAfter is a duration, or a multiple of the time between two readings.
type StaleAfter struct {
	Times    float64 // 0: After holds
	Duration time.Duration
}

// Of returns the duration for readings that come at such a distance; 0 is never.
func (s StaleAfter) Of(every time.Duration) time.Duration {
	if s.Times > 0 {
		return time.Duration(s.Times * float64(every))
	}
	return s.Duration
}
