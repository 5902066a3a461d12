package simulate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"skerry/board/sim"
	"skerry/drivers/sdi12"
)

// probesOnSDI12 plays one sensor on an SDI-12 bus. Several of the configuration may be one sensor with several measurements.
func probesOnSDI12(b *bench, s *source) (*handle, error) {
	o, ok := s.Setup.Opts.(*sdi12.Opts)
	if !ok {
		return nil, errors.New("its options are of another driver")
	}
	d := b.sdi12[s.Setup.Bus]
	if d == nil {
		d = &sdi12Bus{bus: sim.SDI12{Sensors: map[byte]*sim.SDI12Sensor{}}, silence: map[byte]bool{}, late: map[byte]time.Duration{}}
		b.sdi12[s.Setup.Bus] = d
		b.board.Connect(s.Setup.Bus, sim.Talk{Hear: d.hear})
	}
	at := byte(o.Address)
	if at == '?' {
		at = '0'
	}
	which := o.Measure
	if which[0] != 'R' {
		which = which[1:]
	}
	probe := d.bus.Sensors[at]
	if probe == nil {
		probe = &sim.SDI12Sensor{Identity: identity(o.Expect), Measure: func(string) []float64 { return nil }}
		d.bus.Sensors[at] = probe
	}
	before, values := probe.Measure, measured(s)
	probe.Measure = func(asked string) []float64 {
		if asked == which {
			return values()
		}
		return before(asked)
	}
	other := &sim.SDI12Sensor{Identity: "13OTHER   PROBE 001", Measure: func(string) []float64 { return nil }}
	set := func(change func(on bool)) func(on bool) {
		return func(on bool) {
			d.mu.Lock()
			defer d.mu.Unlock()
			change(on)
		}
	}
	put := func(what *sim.SDI12Sensor) func(on bool) {
		return set(func(on bool) {
			switch {
			case !on:
				d.bus.Sensors[at] = probe
			case what == nil:
				delete(d.bus.Sensors, at)
			default:
				d.bus.Sensors[at] = what
			}
		})
	}
	silent := set(func(on bool) { d.silence[at] = on })
	return &handle{unplug: put(nil), wrong: put(other), silence: silent, hang: silent,
		late: func(by time.Duration) { set(func(bool) { d.late[at] = by })(true) }}, nil
}

// identity is what a sensor says of itself: two digits of version, eight letters of the maker, six of the model, three of its own version.
func identity(expected string) string {
	const whole = 19
	if len(expected) >= whole {
		return expected
	}
	return fmt.Sprintf("14%-8s%-6s100%.13s", "SKERRY", "SIM", strings.TrimSpace(expected))
}

// measured are the values of a measurement in their places; those without a name are 0.
func measured(s *source) func() []float64 {
	n := 0
	places := map[string]int{}
	for name, opts := range s.Setup.Values {
		if o, ok := opts.(*sdi12.ValueOpts); ok {
			places[name] = o.Index
			n = max(n, o.Index)
		}
	}
	return func() []float64 {
		all := make([]float64, n)
		for name, index := range places {
			all[index-1] = s.now(name)
		}
		return all
	}
}
