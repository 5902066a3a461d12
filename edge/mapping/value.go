package mapping

import (
	"math"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
)

// value is one value of a sensor: how it is treated, what it is now, and what was published of it.
type value struct {
	config  config.Value
	convert conversions
	window  *window // nil: none
	step    step
	keep    []byte // of the JSON form, from after the number to the time: it never changes

	now  state
	seen time.Time // when the last reading came; zero: never

	published state
	at        time.Time // when it was published; zero: never
	shown     bool      // the last bare payload was not the empty one
}

// state is a value at one time.
type state struct {
	number   float64 // NaN: none
	text     string
	rejected float64 // a number that cannot be true; NaN: none
	time     time.Time
	quality  drivers.Quality
	undated  bool // time is by a clock that was not set
}

func newValue(c config.Value) *value {
	v := &value{config: c, step: newStep(c.Round), shown: true}
	v.now = state{number: math.NaN(), rejected: math.NaN()}
	v.convert, _ = conversionsOf(c) // check has seen what is wrong with it
	if c.Window != nil {
		v.window = &window{config: c.Window}
	}
	if c.Unit != "" {
		v.keep = appendString(append(v.keep, `,"unit":`...), c.Unit)
	}
	return v
}

// take makes a reading the present state.
func (v *value) take(now time.Time, r drivers.Reading, since time.Time) {
	v.seen = now
	v.now = state{number: math.NaN(), rejected: math.NaN(), time: r.Time, quality: r.Quality}
	v.now.undated = r.Undated || r.Quality == drivers.ClockUnset || !r.Time.IsZero() && r.Time.Before(since)
	if v.config.Doc.Text {
		v.now.text = r.Text
		v.now.judge(r.Text != "")
		return
	}
	x, inside := v.treat(r.Number)
	switch {
	case !finite(x) || r.Unit != v.config.Doc.Unit: // a number in an unexpected unit is any number
		v.now.judge(false)
	case !inside || v.config.Valid != nil && !v.config.Valid.Contains(x):
		v.now.rejected = v.step.round(x)
		v.now.judge(false)
	default:
		v.now.number = x
		v.now.judge(true)
		v.smooth(now)
		v.now.number = v.step.round(v.now.number)
	}
}

// smooth puts what the window comes to in the place of a number that can be computed with.
func (v *value) smooth(now time.Time) {
	if v.window == nil || !v.believed() {
		return
	}
	if v.now.number = v.window.add(now, v.now.number); !finite(v.now.number) {
		v.now.judge(false)
	}
}

// treat applies everything that changes the number before it is judged. False: the calibration does not reach it, and the
// number is that of the device.
func (v *value) treat(x float64) (float64, bool) {
	x = v.convert.before.apply(x)*v.config.Multiply + v.config.Offset
	if v.config.Calibrate == nil {
		return x, true
	}
	y, ok := calibrated(v.config.Calibrate, x)
	if !ok {
		return x, false
	}
	return v.convert.after.apply(y), true
}

// marked tells whether the quality does not say already that the time is wrong.
func (s *state) marked() bool { return s.undated && s.quality != drivers.ClockUnset }

// believed tells whether the state can be shown without its quality: it is good, or only its time is not.
func (v *value) believed() bool {
	return v.now.quality == drivers.Good || v.now.quality == drivers.ClockUnset
}

// known tells whether there is anything to say: the value was read, or missed.
func (v *value) known() bool { return !v.seen.IsZero() || v.now.quality != drivers.Good }

// judge gives the state its quality: there is no value, or its clock was not set, or what the driver said of it.
func (s *state) judge(there bool) {
	switch {
	case !there && s.quality == drivers.Stale: // derived from what was never read
		s.number, s.text = math.NaN(), ""
	case !there || s.quality == drivers.Bad:
		s.quality, s.number, s.text = drivers.Bad, math.NaN(), ""
	case s.quality == drivers.Good && s.undated:
		s.quality = drivers.ClockUnset
	}
}

// expire makes the state stale if it is older than age, and tells whether it became so just now.
func (v *value) expire(now, born time.Time, age time.Duration) bool {
	from := v.seen
	if from.IsZero() {
		from = born
	}
	if v.now.quality == drivers.Stale || now.Sub(from) < age {
		return false
	}
	v.now.quality = drivers.Stale
	if v.window != nil {
		v.window.forget()
	}
	return true
}

// due tells whether the present state is to be published.
func (v *value) due(now time.Time, slack time.Duration) bool {
	switch {
	case v.at.IsZero() || v.now.quality != v.published.quality:
		return true
	case v.config.Deadband.Amount == 0:
		return true
	case v.config.Heartbeat > 0 && now.Sub(v.at) >= v.config.Heartbeat-slack:
		return true
	}
	return v.moved()
}

// moved tells whether the state left the deadband around what was published last. Both have the same quality.
func (v *value) moved() bool {
	if v.config.Doc.Text {
		return v.now.text != v.published.text
	}
	if math.IsNaN(v.now.number) {
		return false
	}
	band := v.config.Deadband.Amount
	if v.config.Deadband.Percent {
		band *= math.Abs(v.published.number) / 100
	}
	change := math.Abs(v.now.number - v.published.number)
	// 21.6 and 21.5 are 0.1 apart for everybody but a float64.
	return change > 0 && change >= band*(1-1e-9)
}

// mark remembers that the present state was published.
func (v *value) mark(now time.Time) { v.published, v.at = v.now, now }
