package hwmon

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: hwmon`.
type Opts struct {
	Device string `yaml:"device"` // as in the file name: "sht4x"
	At     string `yaml:"at"`     // a part of its place in the device tree, where several have one name: "1-0044"
}

// ValueOpts are those of one value.
type ValueOpts struct {
	Channel string `yaml:"channel"` // "temp1", "in0"; empty: what the value's name stands for

	name string
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name:    "hwmon",
	Doc:     "sensors that the kernel drives as hardware monitoring: SHT3x, SHT4x, LM75, INA2xx, fans and others",
	Declare: declare,
	Named: func(name string) drivers.ValueDoc {
		return drivers.ValueDoc{Name: name, Doc: "a channel of the device", Opts: func() any { return &ValueOpts{name: name} }}
	},
	Opts:  func() any { return new(Opts) },
	Check: check,
	New:   open,
}

// chips are the values of common chips, so that a configuration need not name them.
var chips = map[string][]string{
	"sht3x": {"temperature", "humidity"}, "sht4x": {"temperature", "humidity"}, "shtc1": {"temperature", "humidity"}, "sht21": {"temperature", "humidity"},
	"lm75": {"temperature"}, "tmp102": {"temperature"}, "jc42": {"temperature"}, "cpu_thermal": {"temperature"},
	"ina219": {"voltage", "current", "power"}, "ina226": {"voltage", "current", "power"}, "pwmfan": {"fan"},
}

// channels is what a value's name stands for. The INA2xx measure the bus voltage as in1.
var channels = map[string]string{
	"temperature": "temp1", "humidity": "humidity1", "voltage": "in1", "current": "curr1", "power": "power1", "fan": "fan1", "energy": "energy1",
}

func declare(s drivers.Setup) (docs []drivers.ValueDoc) {
	for _, name := range chips[options(s).Device] {
		o := &ValueOpts{name: name}
		docs = append(docs, drivers.ValueDoc{Name: name, Unit: o.Unit(), Doc: "a channel of the device", Opts: func() any { return &ValueOpts{name: name} }})
	}
	return docs
}

func (o *ValueOpts) channel() string {
	if o.Channel != "" {
		return o.Channel
	}
	if c, ok := channels[o.name]; ok {
		return c
	}
	return o.name
}

// Unit is that of the readings of the channel.
func (o *ValueOpts) Unit() string { return kinds[kindOf(o.channel())].unit }

// kind is a kind of channel: the unit of our readings, and the factor from the kernel's.
type kind struct {
	unit   string
	factor float64
}

var kinds = map[string]kind{
	"temp": {"°C", 1e-3}, "in": {"V", 1e-3}, "curr": {"A", 1e-3}, "power": {"W", 1e-6}, "energy": {"J", 1e-6}, "humidity": {"%", 1e-3},
	"fan": {"1/min", 1}, "freq": {"Hz", 1},
}

// kindOf is the channel without its number.
func kindOf(channel string) string { return strings.TrimRight(channel, "0123456789") }

// They are made when a sensor asks for them: a station without one would keep them for nothing.
var (
	deviceName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.,:@-]{1,64}$`) })
	channelName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(temp|in|curr|power|energy|humidity|fan|freq)[0-9]{1,3}$`)
	})
)

func check(s drivers.Setup) error {
	o := options(s)
	switch {
	case o.Device == "":
		return &drivers.OptionError{Key: "device", Problem: "is missing", Hint: "the name of the chip, as cat /sys/class/hwmon/*/name shows it"}
	case !deviceName().MatchString(o.Device):
		return &drivers.OptionError{Key: "device", Problem: fmt.Sprintf("%q is not the name of a device", o.Device), Hint: "cat /sys/class/hwmon/*/name shows them"}
	}
	for name, opts := range s.Values {
		v, ok := opts.(*ValueOpts)
		if ok && !channelName().MatchString(v.channel()) {
			return &drivers.OptionError{Key: "values." + name + ".channel", Problem: fmt.Sprintf("%q is not a channel", v.channel()),
				Hint: "such as temp1, humidity1, in0, curr1, power1, fan1: the files CHANNEL_input of the device"}
		}
	}
	return nil
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{}
}
