package sdi12

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: sdi12`.
type Opts struct {
	Address address       `yaml:"address"`                          // default 0, as sensors come from the factory
	Adapter string        `yaml:"adapter" oneof:"text transparent"` // default text
	LineEnd string        `yaml:"line_end" oneof:"none cr lf crlf"` // what a text adapter wants behind a command; default none
	Timeout time.Duration `yaml:"timeout" in:"20ms..5s"`            // from a command to its answer; default 1s, 75ms on a transparent adapter
	Measure string        `yaml:"measure"`                          // M, M1 ... M9, C, C1 ... C9, R0 ... R9; default M
	CRC     string        `yaml:"crc" oneof:"auto on off"`          // default auto: where the sensor says that it is of version 1.3 or later
	Expect  string        `yaml:"expect"`                           // what the identification must have in it
}

// ValueOpts are the options of each value.
type ValueOpts struct {
	Index int `yaml:"index" in:"1..99"` // its place among the values of the measurement; the first is 1
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name:   "sdi12",
	Doc:    "sensors of hydrology and agriculture on an SDI-12 bus, by a serial adapter",
	Bus:    drivers.SerialBus,
	Shares: true,
	Named: func(string) drivers.ValueDoc {
		return drivers.ValueDoc{Doc: "a value of the measurement", Opts: func() any { return new(ValueOpts) }}
	},
	Opts:  func() any { return newOpts() },
	Check: check,
	New:   open,
}

func newOpts() *Opts {
	return &Opts{Address: '0', Adapter: "text", LineEnd: "none", Measure: "M", CRC: "auto"}
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return *newOpts()
}

var lineEnds = map[string]string{"none": "", "cr": "\r", "lf": "\n", "crlf": "\r\n"}

// adapter is that of the options.
func (o Opts) adapter() adapter {
	a := adapters[o.Adapter]
	a.lineEnd = lineEnds[o.LineEnd]
	if o.Timeout != 0 {
		a.timeout = o.Timeout
	}
	a.gap = max(a.timeout/4, leastGap)
	return a
}

// line is how the adapter talks.
func (o Opts) line() drivers.SerialConfig {
	if o.Adapter == "transparent" {
		return drivers.SerialConfig{Baud: 1200, DataBits: 7, Parity: drivers.EvenParity, StopBits: 1}
	}
	return drivers.SerialConfig{Baud: 9600}
}

func check(s drivers.Setup) error {
	o := options(s)
	var errs []error
	wrong := func(is bool, key, problem, hint string) {
		if is {
			errs = append(errs, &drivers.OptionError{Key: key, Problem: problem, Hint: hint})
		}
	}
	_, err := parseMeasurement(o.Measure)
	wrong(err != nil, "measure", fmt.Sprintf("%q is no measurement", o.Measure), "write M, C, M1 to M9, C1 to C9, or R0 to R9")
	wrong(o.Adapter == "transparent" && o.LineEnd != "none", "line_end", "is for text adapters", "leave it out")
	for _, v := range named(s) {
		key := "values." + v.name + ".index"
		wrong(v.index == 0, key, "is missing", "write its place among the values of the measurement, from 1 on")
		wrong(v.index > 9 && o.Measure != "" && o.Measure[0] == 'M', key, fmt.Sprintf("%d is more than M! gives", v.index), "a measurement with M has 9 values at most; write measure: C for more")
	}
	return errors.Join(errs...)
}

// value is a value of the configuration and its place.
type value struct {
	name  string
	index int
}

// named lists the values in the order of their places.
func named(s drivers.Setup) []value {
	var all []value
	for name, opts := range s.Values {
		if o, ok := opts.(*ValueOpts); ok {
			all = append(all, value{name, o.Index})
		}
	}
	slices.SortFunc(all, func(a, b value) int { return compare(a, b) })
	return all
}

func compare(a, b value) int {
	if a.index != b.index {
		return a.index - b.index
	}
	if a.name < b.name {
		return -1
	}
	return 1
}
