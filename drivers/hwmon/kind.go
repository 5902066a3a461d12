package hwmon

import (
	"regexp"
	"strings"
	"sync"

	"skerry/drivers"
	"skerry/drivers/channel"
)

// Opts are the options of a sensor with `driver: hwmon`, ValueOpts those of one value.
type (
	Opts      = channel.Opts
	ValueOpts = channel.ValueOpts
)

// Kind is the driver.
var Kind = drivers.Kind{
	Name:    "hwmon",
	Doc:     "sensors that the kernel drives as hardware monitoring: SHT3x, SHT4x, LM75, INA2xx, fans and others",
	Declare: channels.Declare,
	Named:   channels.Named,
	Opts:    func() any { return new(Opts) },
	Check:   channels.Check,
	New:     open,
}

// channels are those of hwmon. The INA2xx measure the bus voltage as in1.
var channels = &channel.Set{
	Chips: map[string][]string{
		"sht3x": {"temperature", "humidity"}, "sht4x": {"temperature", "humidity"}, "shtc1": {"temperature", "humidity"}, "sht21": {"temperature", "humidity"},
		"lm75": {"temperature"}, "tmp102": {"temperature"}, "jc42": {"temperature"}, "cpu_thermal": {"temperature"},
		"ina219": {"voltage", "current", "power"}, "ina226": {"voltage", "current", "power"}, "pwmfan": {"fan"},
	},
	Names: map[string]string{
		"temperature": "temp1", "humidity": "humidity1", "voltage": "in1", "current": "curr1", "power": "power1", "fan": "fan1", "energy": "energy1",
	},
	Valid: sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(temp|in|curr|power|energy|humidity|fan|freq)[0-9]{1,3}$`)
	}),
	Unit: func(channel string) string { return kindOf(channel).unit },
	List: "cat /sys/class/hwmon/*/name",
	Such: "such as temp1, humidity1, in0, curr1, power1, fan1: the files CHANNEL_input of the device",
}

// kind is a kind of channel: the unit of our readings, and the factor from the kernel's.
type kind struct {
	unit   string
	factor float64
}

var kinds = map[string]kind{
	"temp": {"°C", 1e-3}, "in": {"V", 1e-3}, "curr": {"A", 1e-3}, "power": {"W", 1e-6}, "energy": {"J", 1e-6}, "humidity": {"%", 1e-3},
	"fan": {"1/min", 1}, "freq": {"Hz", 1},
}

// kindOf is that of a channel, by its name without the number.
func kindOf(channel string) kind { return kinds[strings.TrimRight(channel, "0123456789")] }
