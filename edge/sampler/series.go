package sampler

import (
	"errors"
	"math"
	"slices"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// series is a reading in the making: a supply that warms up, then one call of the driver, or several in a burst.
type series struct {
	begun  bool
	asked  bool      // begun because somebody asked, and not by the schedule
	answer bool      // somebody waits for it
	ahead  bool      // begun before its time, to warm up
	fed    bool      // the supply is on for it
	next   time.Time // of the next call
	calls  int       // so far
	done   int       // those that are not put off
	putOff int       // calls in a row for which the device was not ready
	found  [][]drivers.Reading
}

// mostPutOff is how often in a row a device may say that it is not ready. One that goes on saying so fails.
const mostPutOff = 3

// add takes the outcome of a call in, and tells whether there is to be another one. A device that does not answer is not asked the
// rest of a burst.
func (s *series) add(found outcome, now time.Time, count int, pace time.Duration) bool {
	s.calls++
	if e, notYet := errors.AsType[*drivers.NotYetError](found.err); notYet && s.putOff < mostPutOff {
		s.putOff++
		s.next = now.Add(e.After)
		return true
	}
	s.putOff = 0
	s.done++
	if len(found.readings) > 0 {
		s.found = append(s.found, slices.Clone(found.readings))
	}
	s.next = now.Add(pace)
	return s.done < count && (found.err == nil || len(found.readings) > 0)
}

// burst is what the bursts of the values come to for the sensor as a whole.
func burst(c config.Sensor) (count int, every time.Duration) {
	count = 1
	for _, v := range c.Values {
		if v.Burst != nil {
			count, every = max(count, v.Burst.Count), v.Burst.Every
		}
	}
	return count, every
}

// reduce makes one reading per value of those of a burst: of a value with a burst what it asks for, of others the last one. What a
// single call found stays as it is: a driver may have several readings of a value.
func (s *series) reduce(values []config.Value, count int) []drivers.Reading {
	switch {
	case len(s.found) == 0:
		return nil
	case count == 1:
		return s.found[0]
	}
	var all []drivers.Reading
	last := map[string]drivers.Reading{}
	var order []string
	for _, readings := range s.found {
		for _, r := range readings {
			if _, seen := last[r.Value]; !seen {
				order = append(order, r.Value)
			}
			last[r.Value] = r
		}
	}
	for _, name := range order {
		r := last[name]
		for _, v := range values {
			if v.Name == name && v.Burst != nil {
				r = s.reduceOne(name, v.Burst)
			}
		}
		all = append(all, r)
	}
	return all
}

// reduceOne makes one reading of the first ones of a burst. Those without a number are left out; if more than half are, what is
// left says nothing either. The time is that of the last one that counts, the quality that of the worst.
func (s *series) reduceOne(name string, b *config.Burst) drivers.Reading {
	var numbers []float64
	var last, latest drivers.Reading
	quality, calls := drivers.Good, 0
	for _, readings := range s.found {
		for _, r := range readings {
			if r.Value != name || calls == b.Count {
				continue
			}
			calls++
			latest = r
			if r.Quality == drivers.Bad || math.IsNaN(r.Number) || len(numbers) > 0 && r.Unit != last.Unit {
				continue
			}
			last = r
			numbers = append(numbers, r.Number)
			if r.Quality != drivers.Good {
				quality = r.Quality
			}
		}
	}
	if 2*len(numbers) < b.Count {
		return drivers.Missing(name, latest.Unit, latest.Time)
	}
	last.Number, last.Quality = mapping.Reduce(b.To, numbers), quality
	return last
}
