package mapping

import (
	"math"
	"time"

	"skerry/drivers"
)

// Look is what a value is after its last reading, whether that was published or not.
type Look struct {
	Name     string
	Number   float64 // NaN: none
	Shown    string  // the number as it is published; empty: none
	Text     string
	Unit     string
	Rejected float64   // a number that cannot be true; NaN: none
	Time     time.Time // of the measurement; zero: never read
	Quality  drivers.Quality
}

// Look appends the values of the sensor as they are now. Of those that were neither read nor missed yet there is none.
func (s *Sensor) Look(dst []Look) []Look {
	for _, v := range s.values {
		if v.seen.IsZero() && v.now.quality != drivers.Stale {
			continue
		}
		l := Look{Name: v.config.Name, Number: v.now.number, Text: v.now.text, Unit: v.config.Unit, Rejected: v.now.rejected,
			Time: v.now.time, Quality: v.now.quality}
		if !math.IsNaN(l.Number) {
			l.Shown = string(v.step.append(nil, l.Number))
		}
		dst = append(dst, l)
	}
	return dst
}
