package iio

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: iio`.
type Opts struct {
	Device string `yaml:"device"` // as in the file name: "bme280"
	At     string `yaml:"at"`     // a part of its place in the device tree, where several have one name: "1-0076"
}

// ValueOpts are those of one value.
type ValueOpts struct {
	Channel string `yaml:"channel"` // "temp", "voltage0"; empty: what the value's name stands for

	name string
}

// Kind is the driver.
var Kind = drivers.Kind{
	Name:    "iio",
	Doc:     "sensors and converters that the kernel drives (Industrial I/O): one reader for dozens of chips",
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
	"bme280": {"temperature", "humidity", "pressure"}, "bmp280": {"temperature", "pressure"}, "bmp180": {"temperature", "pressure"},
	"bme680": {"temperature", "humidity", "pressure"}, "bmp380": {"temperature", "pressure"}, "si7020": {"temperature", "humidity"},
	"htu21": {"temperature", "humidity"}, "hdc1000": {"temperature", "humidity"}, "hdc3020": {"temperature", "humidity"},
	"dht11": {"temperature", "humidity"}, "scd41": {"co2", "temperature", "humidity"}, "scd30": {"co2", "temperature", "humidity"},
	"bh1750": {"illuminance"}, "veml6030": {"illuminance"}, "tsl2583": {"illuminance"}, "ms5637": {"temperature", "pressure"},
	"ms5611": {"temperature", "pressure"}, "tmp117": {"temperature"}, "max31856": {"temperature"},
}

// channels is what a value's name stands for.
var channels = map[string]string{
	"temperature": "temp", "humidity": "humidityrelative", "co2": "concentration_co2", "light": "illuminance", "voltage": "voltage0",
	"current": "current0",
}

func declare(s drivers.Setup) (docs []drivers.ValueDoc) {
	for _, name := range chips[options(s).Device] {
		o := &ValueOpts{name: name}
		docs = append(docs, drivers.ValueDoc{Name: name, Unit: o.Unit(), Doc: "a channel of the device", Opts: func() any { return &ValueOpts{name: name} }})
	}
	return docs
}

// channel is where the value is read.
func (o *ValueOpts) channel() string {
	if o.Channel != "" {
		return o.Channel
	}
	if c, ok := channels[o.name]; ok {
		return c
	}
	return o.name
}

// Unit is that of the readings of the channel; empty for a kind that is not known here, whose numbers are the kernel's.
func (o *ValueOpts) Unit() string { return kindOf(o.channel()).unit }

// They are made when a sensor asks for them: a station without one would keep them for nothing.
var (
	deviceName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.,:@-]{1,64}$`) })
	channelName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`) })
)

func check(s drivers.Setup) error {
	o := options(s)
	switch {
	case o.Device == "":
		return &drivers.OptionError{Key: "device", Problem: "is missing", Hint: "the name of the chip, as cat /sys/bus/iio/devices/*/name shows it"}
	case !deviceName().MatchString(o.Device):
		return &drivers.OptionError{Key: "device", Problem: fmt.Sprintf("%q is not the name of a device", o.Device), Hint: "cat /sys/bus/iio/devices/*/name shows them"}
	}
	for name, opts := range s.Values {
		v, ok := opts.(*ValueOpts)
		if ok && !channelName().MatchString(v.channel()) {
			return &drivers.OptionError{Key: "values." + name + ".channel", Problem: fmt.Sprintf("%q is not a channel", v.channel()),
				Hint: "such as temp, humidityrelative, pressure, illuminance, voltage0: the files in_CHANNEL_input or in_CHANNEL_raw of the device"}
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

// kind is a kind of channel: the unit of our readings, and the factor from the kernel's.
type kind struct {
	name   string
	unit   string
	factor float64
}

// kinds are those of the kernel's documentation whose units are certain. The first whose name the channel begins with counts.
var kinds = []kind{
	{"temp", "°C", 1e-3}, {"humidityrelative", "%", 1e-3}, {"pressure", "hPa", 10}, {"illuminance", "lx", 1},
	{"concentration_co2", "ppm", 1e4}, {"concentration_voc", "ppb", 1e7}, {"voltage", "V", 1e-3}, {"current", "A", 1e-3}, {"power", "W", 1e-3},
	{"resistance", "Ω", 1}, {"accel", "m/s²", 1}, {"anglvel", "rad/s", 1}, {"magn", "µT", 100}, {"distance", "m", 1}, {"ph", "", 1},
	{"uvindex", "", 1}, {"electricalconductivity", "S/m", 1},
}

func kindOf(channel string) kind {
	i := slices.IndexFunc(kinds, func(k kind) bool {
		rest, ok := strings.CutPrefix(channel, k.name)
		return ok && (rest == "" || rest[0] == '_' || rest[0] >= '0' && rest[0] <= '9')
	})
	if i < 0 {
		return kind{factor: 1}
	}
	return kinds[i]
}
