package pulse

import (
	"errors"
	"fmt"
	"math"
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

// FrequencyOpts are the options of the value `frequency`.
type FrequencyOpts struct {
	Over time.Duration `yaml:"over"` // how long without a pulse is 0 Hz, and the time that is averaged over; default 10s
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "pulse",
	Doc:  "pulses on a GPIO line: rain gauges, water, gas and electricity meters, anemometers",
	Bus:  drivers.GPIOBus,
	Values: []drivers.ValueDoc{
		{Name: "total", Doc: "pulses since the first start times per_pulse; goes on after a restart", Opts: func() any { return newTotalOpts() }},
		{Name: "rate", Doc: "change of the total per time, over a window", Opts: func() any { return newRateOpts() }},
		{Name: "frequency", Unit: "Hz", Doc: "pulses per second, by the time between them", Opts: func() any { return newFrequencyOpts() }},
		{Name: "lost", Doc: "pulses that came too fast to be kept one by one; the total has them"},
	},
	Opts:  func() any { return newOpts() },
	Check: check,
	New:   open,
}

func newOpts() *Opts           { return &Opts{Pull: drivers.PullUp, Debounce: 5 * time.Millisecond} }
func newTotalOpts() *TotalOpts { return &TotalOpts{PerPulse: 1} }
func newRateOpts() *RateOpts {
	return &RateOpts{Of: "total", Per: time.Hour, Over: 5 * time.Minute}
}

func newFrequencyOpts() *FrequencyOpts { return &FrequencyOpts{Over: 10 * time.Second} }

// options takes the structs from a Setup; what is absent has its defaults.
func options(s drivers.Setup) (Opts, TotalOpts, RateOpts, FrequencyOpts) {
	o, total, rate, frequency := newOpts(), newTotalOpts(), newRateOpts(), newFrequencyOpts()
	if given, ok := s.Opts.(*Opts); ok {
		o = given
	}
	if given, ok := s.Values["total"].(*TotalOpts); ok {
		total = given
	}
	if given, ok := s.Values["rate"].(*RateOpts); ok {
		rate = given
	}
	if given, ok := s.Values["frequency"].(*FrequencyOpts); ok {
		frequency = given
	}
	return *o, *total, *rate, *frequency
}

// maxDebounce keeps the microseconds that the kernel takes in 32 bits, and is longer than any contact bounces.
const maxDebounce = time.Minute

func check(s drivers.Setup) error {
	o, total, rate, frequency := options(s)
	var errs []error
	wrong := func(is bool, key, problem, hint string) {
		if is {
			errs = append(errs, &drivers.OptionError{Key: key, Problem: problem, Hint: hint})
		}
	}
	wrong(o.Pin == "", "pin", "missing", "name the line that the contact is wired to, e.g. pin: GPIO17 or pin: P1_11")
	wrong(o.Debounce < 0 || o.Debounce > maxDebounce, "debounce", fmt.Sprintf("%v is out of range", o.Debounce), "write 0s to 1min, e.g. 8ms")
	wrong(!(total.PerPulse > 0) || math.IsInf(total.PerPulse, 0), "values.total.per_pulse",
		fmt.Sprintf("%v is not above zero", total.PerPulse), "write what one pulse stands for, e.g. 0.2794")
	wrong(rate.Of != "total" && rate.Of != "", "values.rate.of", fmt.Sprintf("there is no value %q", rate.Of), "write total")
	wrong(rate.Per <= 0, "values.rate.per", "not above zero", "write a time, e.g. 1h")
	wrong(rate.Over < time.Second, "values.rate.over", "shorter than a second", "write a window, e.g. 5min")
	wrong(frequency.Over < time.Second, "values.frequency.over", "shorter than a second", "write a window, e.g. 10s")
	return errors.Join(errs...)
}
