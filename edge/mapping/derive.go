package mapping

import (
	"math"
	"slices"
	"time"

	"skerry/drivers"
	"skerry/edge/formula"
)

// derive computes the derived values from what is known now, and gives each to use.
func (s *Sensor) derive(now time.Time, use func(*value)) {
	for _, name := range s.config.Derived {
		v := s.find(name)
		if r, ok := s.compute(v); ok {
			v.take(now, r, s.since)
			use(v)
		}
	}
}

// follow computes those derived values again that hang on other sensors, where they were not known before, or have become worse: what
// is derived from a sensor that has fallen silent is not good until its own sensor is read again.
func (s *Sensor) follow(now time.Time, use func(*value)) {
	for _, name := range s.config.Derived {
		v := s.find(name)
		if !s.foreign(v) {
			continue
		}
		r, ok := s.compute(v)
		if ok && (!v.known() || worse(v.now.quality, r.Quality) != v.now.quality) {
			v.take(now, r, s.since)
			use(v)
		}
	}
}

// foreign tells whether a derived value has an input of another sensor.
func (s *Sensor) foreign(v *value) bool {
	return slices.ContainsFunc(v.config.Derive.Formula.Inputs, func(in formula.Input) bool { return in.Sensor != s.config.Name })
}

// compute gives the reading that a derived value would have been. False: one of its inputs was never read.
func (s *Sensor) compute(v *value) (drivers.Reading, bool) {
	f := v.config.Derive.Formula
	numbers, texts := make([]float64, len(f.Inputs)), make([]string, len(f.Inputs))
	r := drivers.Reading{Value: v.config.Name, Number: math.NaN(), Unit: v.config.Doc.Unit, Quality: drivers.Good}
	whole := true
	for i, in := range f.Inputs {
		n, ok := s.look(in)
		if !ok {
			return r, false
		}
		numbers[i], texts[i] = n.Number, n.Text
		whole = whole && (n.Text != "" || !math.IsNaN(n.Number))
		r.Quality = worse(r.Quality, n.Quality)
		if n.Time.After(r.Time) {
			r.Time, r.Undated = n.Time, n.Undated
		}
	}
	if r.Quality == drivers.ClockUnset && !r.Undated { // the time of that input is not the one taken
		r.Quality = drivers.Good
	}
	if len(f.Inputs) == 0 {
		r.Time = s.latest
	}
	if !whole { // there is no number, and the quality of the input says why
		return r, true
	}
	var err error
	if r.Number, err = f.Number(numbers, texts); err != nil {
		r.Quality = drivers.Bad
	}
	return r, true
}

// look returns what an input is now: own values as they are being treated, those of others as they were left.
func (s *Sensor) look(in formula.Input) (Now, bool) {
	if in.Sensor != s.config.Name {
		return s.present.Look(in.String())
	}
	v := s.find(in.Value)
	return v.present(), v.known()
}

// severity orders the qualities: what is computed from several values is as good as the worst.
var severity = map[drivers.Quality]int{drivers.Good: 0, drivers.ClockUnset: 1, drivers.Suspect: 2, drivers.Stale: 3, drivers.Bad: 4}

func worse(a, b drivers.Quality) drivers.Quality {
	rank := func(q drivers.Quality) int {
		if n, ok := severity[q]; ok {
			return n
		}
		return severity[drivers.Bad]
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}
