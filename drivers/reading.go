package drivers

import (
	"fmt"
	"math"
	"time"
)

// Reading is one value of a sensor at one time.
type Reading struct {
	Value   string    // name of the value as in Kind.Values, e.g. "temperature"
	Number  float64   // in Unit; NaN when there is no value, or when the value is a text
	Text    string    // instead of Number, for a value whose ValueDoc says Text
	Unit    string    // "°C", "hPa"; empty when the number has none
	Time    time.Time // when it was measured, not when it was asked for
	Quality Quality
	Undated bool // Time is by a clock that was not set; of a good reading ClockUnset says the same
}

// Number is a good reading of a number. A number that is not finite becomes Bad: it can be neither computed with nor written as JSON.
func Number(value string, n float64, unit string, at time.Time) Reading {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Missing(value, unit, at)
	}
	return Reading{Value: value, Number: n, Unit: unit, Time: at}
}

// Text is a good reading of a text.
func Text(value, text string, at time.Time) Reading {
	return Reading{Value: value, Number: math.NaN(), Text: text, Time: at}
}

// Missing says that the sensor answered and has no such value now, as a satellite receiver without a fix has no position.
func Missing(value, unit string, at time.Time) Reading {
	return Reading{Value: value, Number: math.NaN(), Unit: unit, Time: at, Quality: Bad}
}

// Quality says how far a Reading can be believed. The zero value is Good.
type Quality byte

// The qualities.
const (
	Good       Quality = iota
	Suspect            // measured, and outside what the device can measure: shown, and not to be computed with
	Stale              // the last good value, repeated because no newer one came; Time is still that of the measurement
	Bad                // there is no value: Number is NaN and Text is empty
	ClockUnset         // the value is good; its Time is not, because the clock was not set when it was measured
)

var qualityNames = [...]string{"good", "suspect", "stale", "bad", "clock-unset"}

// String is the word used in payloads.
func (q Quality) String() string {
	if int(q) < len(qualityNames) {
		return qualityNames[q]
	}
	return fmt.Sprintf("quality(%d)", byte(q))
}
