package pulse

import (
	"context"
	"errors"
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: pulse`.
type Opts struct {
	Pin      string          `yaml:"pin"`      // GPIO17 or P1_11; required
	Pull     drivers.Pull    `yaml:"pull"`     // default: up
	Edge     drivers.Trigger `yaml:"edge"`     // default: falling
	Debounce time.Duration   `yaml:"debounce"` // default: 5ms
}

// TotalOpts are the options of the value `total`.
type TotalOpts struct {
	PerPulse float64 `yaml:"per_pulse"` // what one pulse stands for, in the unit of the value; default 1
}

// RateOpts are the options of the value `rate`.
type RateOpts struct {
	Of   string        `yaml:"of"`   // "total", the only one there is
	Per  time.Duration `yaml:"per"`  // the time that the rate is per; default 1h
	Over time.Duration `yaml:"over"` // the window that it is taken over; default 5min
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "pulse",
	Doc:  "pulses on a GPIO line: rain gauges, water, gas and electricity meters, anemometers",
	Bus:  drivers.GPIOBus,
	Values: []drivers.ValueDoc{
		{Name: "total", Doc: "pulses since the first start times per_pulse; goes on after a restart", Opts: func() any { return &TotalOpts{PerPulse: 1} }},
		{Name: "rate", Doc: "change of the total per time, over a window", Opts: func() any { return &RateOpts{Of: "total", Per: time.Hour, Over: 5 * time.Minute} }},
		{Name: "lost", Doc: "edges that came too fast to be kept one by one; the total has them"},
	},
	Opts:  func() any { return &Opts{Pull: drivers.PullUp, Debounce: 5 * time.Millisecond} },
	Check: check,
	New:   open,
}

func check(s drivers.Setup) error { return nil }

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	return nil, errors.New("not built yet")
}
