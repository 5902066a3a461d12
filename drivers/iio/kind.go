package iio

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"skerry/drivers"
	"skerry/drivers/channel"
)

// Opts are the options of a sensor with `driver: iio`, ValueOpts those of one value.
type (
	Opts      = channel.Opts
	ValueOpts = channel.ValueOpts
)

// Kind is the driver.
var Kind = drivers.Kind{
	Name:    "iio",
	Doc:     "sensors and converters that the kernel drives (Industrial I/O): one reader for dozens of chips",
	Declare: channels.Declare,
	Named:   channels.Named,
	Opts:    func() any { return new(Opts) },
	Check:   channels.Check,
	New:     open,
}

// channels are those of IIO.
var channels = &channel.Set{
	Chips: map[string][]string{
		"bme280": {"temperature", "humidity", "pressure"}, "bmp280": {"temperature", "pressure"}, "bmp180": {"temperature", "pressure"},
		"bme680": {"temperature", "humidity", "pressure"}, "bmp380": {"temperature", "pressure"}, "si7020": {"temperature", "humidity"},
		"htu21": {"temperature", "humidity"}, "hdc1000": {"temperature", "humidity"}, "hdc3020": {"temperature", "humidity"},
		"dht11": {"temperature", "humidity"}, "scd41": {"co2", "temperature", "humidity"}, "scd30": {"co2", "temperature", "humidity"},
		"bh1750": {"illuminance"}, "veml6030": {"illuminance"}, "tsl2583": {"illuminance"}, "ms5637": {"temperature", "pressure"},
		"ms5611": {"temperature", "pressure"}, "tmp117": {"temperature"}, "max31856": {"temperature"},
	},
	Names: map[string]string{
		"temperature": "temp", "humidity": "humidityrelative", "co2": "concentration_co2", "light": "illuminance", "voltage": "voltage0",
		"current": "current0",
	},
	Valid: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`) }),
	Unit:  func(channel string) string { return kindOf(channel).unit },
	List:  "cat /sys/bus/iio/devices/*/name",
	Such:  "such as temp, humidityrelative, pressure, illuminance, voltage0: the files in_CHANNEL_input or in_CHANNEL_raw of the device",
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
