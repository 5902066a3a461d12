package gpio

import (
	"context"
	"errors"
	"fmt"

	"skerry/drivers"
)

// Opts are the options of an output with `driver: gpio`.
type Opts struct {
	Pin    string `yaml:"pin"`                     // GPIO27, P1_13 or CHIP:LINE
	Active string `yaml:"active" oneof:"high low"` // the level that is on
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "gpio",
	Doc:  "a line of the board as an output",
	Bus:  drivers.GPIOBus,
	Output: &drivers.OutputKind{
		Opts:     func() any { return &Opts{Active: "high"} },
		Check:    check,
		Describe: func(drivers.Setup) drivers.OutputDoc { return drivers.OutputDoc{Switch: true} },
		New:      open,
	},
}

func check(s drivers.Setup) error {
	if s.Opts.(*Opts).Pin == "" {
		return &drivers.OptionError{Key: "pin", Problem: "is missing", Hint: "pin: GPIO27"}
	}
	return nil
}

// line is a line in use, or one that went away.
type line struct {
	buses  drivers.Buses
	pin    string
	low    bool           // the low level is on
	output drivers.Output // nil: not taken
	value  float64        // what it was set to last
}

func open(_ context.Context, b drivers.Buses, s drivers.Setup, first float64) (drivers.Actuator, error) {
	o := s.Opts.(*Opts)
	l := &line{buses: b, pin: o.Pin, low: o.Active == "low"}
	if err := l.set(first); err != nil {
		return nil, err
	}
	return l, nil
}

// String names the line.
func (l *line) String() string { return "line " + l.pin }

// Set sets the level, and takes the line before if it is not taken.
func (l *line) Set(ctx context.Context, value float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.set(value)
}

func (l *line) set(value float64) (err error) {
	level := (value != 0) != l.low
	if l.output == nil {
		if l.output, err = l.buses.Output(l.pin, level); err != nil {
			l.output = nil
			return err
		}
	} else if err := l.output.Set(level); err != nil {
		return errors.Join(err, l.Halt())
	}
	l.value = value
	return nil
}

// Get sets the level once more, which changes nothing: that is how a chip which went away is found out.
func (l *line) Get(ctx context.Context) (float64, error) {
	if l.output == nil {
		return 0, fmt.Errorf("%s is not taken", l)
	}
	return l.value, l.Set(ctx, l.value)
}

// Halt gives the line back.
func (l *line) Halt() error {
	if l.output == nil {
		return nil
	}
	output := l.output
	l.output = nil
	return output.Close()
}
