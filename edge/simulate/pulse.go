package simulate

import (
	"errors"
	"fmt"
	"time"

	"skerry/drivers/pulse"
	"skerry/edge/config"
)

// contact plays what makes pulses on a line. One of the total, the rate and the frequency says how many; the others follow.
func contact(b *bench, s *source) (*handle, error) {
	o, ok := s.Setup.Opts.(*pulse.Opts)
	if !ok {
		return nil, errors.New("its options are of another driver")
	}
	count, err := pulses(s)
	if err != nil {
		return nil, err
	}
	line := b.board.Line(o.Pin)
	line.Pulses(count)
	return &handle{unplug: func(on bool) {
		if on {
			line.Unplug()
			return
		}
		line.Plug()
	}}, nil
}

// pulses is how many there were up to a moment.
func pulses(s *source) (func(at time.Time) float64, error) {
	perPulse, per := 1.0, time.Hour
	if o, ok := s.Setup.Values["total"].(*pulse.TotalOpts); ok {
		perPulse = o.PerPulse
	}
	if o, ok := s.Setup.Values["rate"].(*pulse.RateOpts); ok {
		per = o.Per
	}
	var given []string
	for _, name := range []string{"total", "rate", "frequency"} {
		if s.given[name] {
			given = append(given, name)
		}
	}
	switch {
	case len(given) > 1:
		return nil, fmt.Errorf("the scenario has its %v; each follows from one of them", given)
	case len(given) == 0:
		// A tip every 12 s, the first one soon.
		often := config.Constant(1.0 / 12)
		f := byMachine(s, compile(often, 0), time.Second)
		return func(at time.Time) float64 { return 0.92 + f(at) }, nil
	case given[0] == "total":
		return func(at time.Time) float64 { return s.number("total", at) / perPulse }, nil
	case given[0] == "rate":
		return byMachine(s, func(at instant) float64 { return s.device("rate", at) / perPulse }, per), nil
	}
	return byMachine(s, func(at instant) float64 { return s.device("frequency", at) }, time.Second), nil
}

// byMachine adds up what a signal says per time of the machine.
func byMachine(s *source, f signal, per time.Duration) func(at time.Time) float64 {
	sum := integral(f, time.Duration(float64(per)*s.station.scenario.Speed))
	return func(at time.Time) float64 { return sum(s.station.at(at)) }
}
