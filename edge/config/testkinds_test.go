package config_test

import (
	"errors"
	"time"

	"skerry/drivers"
)

// airOpts and the types below are options of every shape that a driver may have.
type airOpts struct {
	Address uint16            `yaml:"address"`
	Mode    string            `yaml:"mode" oneof:"fast slow"`
	Wait    time.Duration     `yaml:"wait" in:"1ms..1s"`
	Taps    []int             `yaml:"taps"`
	Names   map[string]string `yaml:"names"`
	Gain    *float64          `yaml:"gain"`
	Pull    drivers.Pull      `yaml:"pull"`
	Nested  struct {
		Deep bool `yaml:"deep"`
	} `yaml:"nested"`
}

type rainOpts struct {
	Pin string `yaml:"pin"`
}

type pulseOpts struct {
	PerPulse float64 `yaml:"per_pulse"`
}

type meterOpts struct {
	Profile string `yaml:"profile"`
	Host    string `yaml:"host"`
	folder  string
}

func (o *meterOpts) OffBus() bool          { return o.Host != "" }
func (o *meterOpts) SetFolder(path string) { o.folder = path }

type registerOpts struct {
	Register int    `yaml:"register"`
	Type     string `yaml:"type" oneof:"number text"`
}

func (o *registerOpts) IsText() bool { return o.Type == "text" }

// meterKind has values that a profile declares, and others that the configuration names.
var meterKind = drivers.Kind{
	Name: "meter", Bus: drivers.SerialBus, Shares: true,
	Opts: func() any { return &meterOpts{} },
	Declare: func(s drivers.Setup) []drivers.ValueDoc {
		if p := s.Opts.(*meterOpts).Profile; p == "" || p == "wrong" {
			return nil
		}
		return []drivers.ValueDoc{{Name: "power", Unit: "W", Opts: func() any { return &registerOpts{Register: 12} }}}
	},
	Named: func(string) drivers.ValueDoc { return drivers.ValueDoc{Opts: func() any { return &registerOpts{} }} },
	Check: func(s drivers.Setup) error {
		if s.Opts.(*meterOpts).Profile == "wrong" {
			return &drivers.OptionError{Key: "profile", Problem: "has no values", Hint: "look at its table"}
		}
		return nil
	},
}

// testKinds are drivers that exist on paper only, so that no change of a real one changes the expectations here.
func testKinds() []drivers.Kind {
	return []drivers.Kind{
		{
			Name: "air", Bus: drivers.I2CBus,
			Values: []drivers.ValueDoc{{Name: "temperature", Unit: "°C"}, {Name: "humidity", Unit: "%"}},
			Opts:   func() any { return &airOpts{Mode: "slow", Pull: drivers.PullUp} },
			Check: func(s drivers.Setup) error {
				if a := s.Opts.(*airOpts).Address; a != 0 && a != 0x76 {
					return &drivers.OptionError{Key: "address", Problem: "no such address", Hint: "0x76"}
				}
				return nil
			},
		},
		{
			Name: "rain", Bus: drivers.GPIOBus,
			Values: []drivers.ValueDoc{{Name: "total", Opts: func() any { return &pulseOpts{PerPulse: 1} }}},
			Opts:   func() any { return &rainOpts{} },
			Check: func(s drivers.Setup) error {
				var errs []error
				if s.Opts.(*rainOpts).Pin == "" {
					errs = append(errs, &drivers.OptionError{Key: "pin", Problem: "is missing", Hint: "pin: GPIO17"})
				}
				if o, ok := s.Values["total"].(*pulseOpts); ok && o.PerPulse <= 0 {
					errs = append(errs, &drivers.OptionError{Key: "values.total.per_pulse", Problem: "is not positive", Hint: "write what one pulse stands for: 0.2794"})
				}
				return errors.Join(errs...)
			},
		},
		meterKind,
		{
			Name: "relay", Bus: drivers.GPIOBus,
			Output: &drivers.OutputKind{
				Opts: func() any { return &rainOpts{} },
				Check: func(s drivers.Setup) error {
					if s.Opts.(*rainOpts).Pin == "" {
						return &drivers.OptionError{Key: "pin", Problem: "is missing", Hint: "pin: GPIO27"}
					}
					return nil
				},
				Describe: func(drivers.Setup) drivers.OutputDoc { return drivers.OutputDoc{Switch: true} },
			},
		},
		{Name: "dimmer", Output: &drivers.OutputKind{
			Describe: func(drivers.Setup) drivers.OutputDoc { return drivers.OutputDoc{Max: 100, Unit: "%"} },
		}},
		{Name: "setpoint", Bus: drivers.SerialBus, Output: &drivers.OutputKind{
			Describe: func(drivers.Setup) drivers.OutputDoc {
				return drivers.OutputDoc{Min: -1e6, Max: 1e6, Wide: true, Keeps: true}
			},
		}},
		{Name: "gps", Bus: drivers.SerialBus, Values: []drivers.ValueDoc{{Name: "latitude", Unit: "°"}, {Name: "fix", Text: true}}},
	}
}
