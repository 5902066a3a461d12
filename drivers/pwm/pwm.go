package pwm

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"periph.io/x/conn/v3/physic"

	"skerry/drivers"
)

// Opts are the options of an output with `driver: pwm`.
type Opts struct {
	Chip      string    `yaml:"chip"`                    // the device of the chip, as fe20c000.pwm or 1-0040; empty: the only one
	Channel   int       `yaml:"channel" in:"0..255"`     // of the chip
	Frequency Frequency `yaml:"frequency"`               // of the signal
	Active    string    `yaml:"active" oneof:"high low"` // the level that the duty cycle is the part of
}

// Frequency is written with its unit: 50Hz, 25kHz.
type Frequency physic.Frequency

// UnmarshalText reads 25kHz.
func (f *Frequency) UnmarshalText(b []byte) error {
	if err := (*physic.Frequency)(f).Set(string(b)); err != nil {
		return &drivers.WordError{Text: string(b), Words: []string{"50Hz", "25kHz"}}
	}
	return nil
}

// period is the time of one cycle.
func (f Frequency) period() time.Duration { return physic.Frequency(f).Period() }

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "pwm",
	Doc:  "a PWM channel of the kernel as an output: a fan, a dimmed lamp",
	Bus:  drivers.NoBus,
	Output: &drivers.OutputKind{
		Opts:     func() any { return &Opts{Frequency: Frequency(physic.KiloHertz), Active: "high"} },
		Check:    check,
		Describe: describe,
		New:      open,
	},
}

// The periods that the kernel can be told: it counts in 32 bits of nanoseconds at least.
const (
	shortest = time.Microsecond
	longest  = 4 * time.Second
)

func check(s drivers.Setup) error {
	o := s.Opts.(*Opts)
	var errs []error
	if p := o.Frequency.period(); o.Frequency <= 0 || p < shortest || p > longest {
		errs = append(errs, &drivers.OptionError{Key: "frequency", Problem: "is none that a channel has", Hint: "0.25Hz to 1MHz"})
	}
	if !plainName(o.Chip) {
		errs = append(errs, &drivers.OptionError{Key: "chip", Problem: fmt.Sprintf("%q is not the name of a device", o.Chip), Hint: "fe20c000.pwm, or 1-0040"})
	}
	return errors.Join(errs...)
}

func describe(s drivers.Setup) drivers.OutputDoc {
	o := s.Opts.(*Opts)
	c := channel{chip: o.Chip, number: o.Channel}
	return drivers.OutputDoc{Max: 100, Unit: "%", Places: []string{c.String()}}
}

// plainName keeps patterns and paths out of the names of files.
func plainName(name string) bool {
	for _, r := range name {
		switch r {
		case '/', '*', '?', '[', '\\':
			return false
		}
	}
	return true
}

// duty is the time in a period that the line is high.
func (c *channel) duty(percent float64) int64 {
	part := percent / 100
	if c.low {
		part = 1 - part
	}
	return int64(math.Round(part * float64(c.period)))
}

// percent is duty the other way round.
func (c *channel) percent(duty int64) float64 {
	part := float64(duty) / float64(c.period)
	if c.low {
		part = 1 - part
	}
	return 100 * part
}

// number reads a file of the kernel that holds nanoseconds.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return n, nil
}
