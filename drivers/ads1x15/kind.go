package ads1x15

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// Opts are the options of a sensor with `driver: ads1x15`.
type Opts struct {
	Address uint16 `yaml:"address"` // 0: the first one that answers
}

// ValueOpts are those of one value.
type ValueOpts struct {
	Channel string  `yaml:"channel"` // A0 to A3, or a difference: A0-A1, A0-A3, A1-A3, A2-A3
	Range   float64 `yaml:"range"`   // V: the largest voltage that is to be measured
}

// Unit is that of the readings.
func (o *ValueOpts) Unit() string { return "V" }

var model = &chip.Model{Name: "ADS1x15", Addresses: []uint16{0x48, 0x49, 0x4A, 0x4B}, SetUp: setUp, Identify: identify, Patience: 5 * time.Second}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "ads1x15",
	Doc:  "Texas Instruments ADS1115 and ADS1015: voltages, for probes of 4-20 mA and 0-5 V",
	Bus:  drivers.I2CBus,
	Declare: func(drivers.Setup) (docs []drivers.ValueDoc) {
		for _, c := range []string{"A0", "A1", "A2", "A3"} {
			docs = append(docs, drivers.ValueDoc{Name: strings.ToLower(c), Unit: "V", Doc: "voltage at an input", Opts: newOpts(c)})
		}
		return docs
	},
	Named: func(name string) drivers.ValueDoc {
		return drivers.ValueDoc{Name: name, Unit: "V", Doc: "voltage at an input", Opts: newOpts("")}
	},
	Opts:  func() any { return new(Opts) },
	Check: check,
	New: func(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
		return model.Open(ctx, b, s, options(s).Address)
	},
	Probe: model.Probe(),
}

const defaultRange = 4.096

func newOpts(channel string) func() any {
	return func() any { return &ValueOpts{Channel: channel, Range: defaultRange} }
}

// inputs are the settings of the multiplexer (table 8).
var inputs = map[string]uint16{"A0-A1": 0, "A0-A3": 1, "A1-A3": 2, "A2-A3": 3, "A0": 4, "A1": 5, "A2": 6, "A3": 7}

// ranges are the full scales (table 8), the largest first.
var ranges = []float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256}

func check(s drivers.Setup) error {
	for name, opts := range s.Values {
		o, ok := opts.(*ValueOpts)
		if !ok {
			continue
		}
		if _, known := inputs[o.Channel]; !known {
			return &drivers.OptionError{Key: "values." + name + ".channel", Problem: fmt.Sprintf("%q is no input", o.Channel),
				Hint: strings.Join(slices.Sorted(maps.Keys(inputs)), ", ")}
		}
		if !(o.Range > 0 && o.Range <= ranges[0]) {
			return &drivers.OptionError{Key: "values." + name + ".range", Problem: "is not what the chip can measure", Hint: "up to 6.144 V, and never above its supply"}
		}
	}
	return model.CheckAddress(options(s).Address)
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{}
}
