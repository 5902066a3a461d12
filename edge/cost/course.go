package cost

import (
	"math"
	"strings"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/simulate"
)

// resolutions are how finely devices tell their values, in the unit of the driver: the digits of a payload without `round` hang on it. The
// first that fits counts; an empty value is any.
var resolutions = []struct {
	driver, value string
	step          float64
}{
	{"bme280", "temperature", 0.01}, {"bme280", "humidity", 0.0001}, {"bme280", "pressure", 1.0 / 25600},
	{"bmp180", "temperature", 0.1}, {"bmp180", "", 0.01},
	{"sht3x", "humidity", 100.0 / 65535}, {"sht4x", "humidity", 100.0 / 65535}, {"hdc302x", "humidity", 100.0 / 65535}, {"scd4x", "humidity", 100.0 / 65535},
	{"sht3x", "", 175.0 / 65535}, {"sht4x", "", 175.0 / 65535}, {"hdc302x", "", 175.0 / 65535}, {"scd4x", "temperature", 175.0 / 65535}, {"scd4x", "", 1},
	{"aht20", "humidity", 0.00001}, {"aht20", "", 200.0 / (1 << 20)},
	{"ds18b20", "", 0.001}, {"mcp9808", "", 0.0625}, {"tmp102", "", 0.0625},
	{"ina219", "voltage", 0.004}, {"ina219", "power", 0.0000004}, {"ina219", "", 0.0001}, {"ads1x15", "", 0.000125}, {"bh1750", "", 1},
	{"pulse", "", 1}, {"health", "cpu_temperature", 0.001}, {"health", "disk", 1e-9}, {"health", "memory", 1.0 / 1024}, {"health", "load", 0.01}, {"health", "", 1},
	{"nmea", "itude", 0.000001}, {"nmea", "satellites", 1}, {"nmea", "", 0.1},
	{"modbus", "", 0.1}, {"hwmon", "", 0.001}, {"iio", "", 0.001},
}

// resolution of a value; 0.01 where nothing is known.
func resolution(driver, value string) float64 {
	for _, r := range resolutions {
		if r.driver == driver && strings.Contains(value, r.value) {
			return r.step
		}
	}
	return 0.01
}

// course gives the readings of a value over a usual day.
type course struct {
	value  config.Value
	step   float64
	number func(time.Duration) float64 // nil: a text
}

// courses are those of the values that a sensor measures.
func courses(s config.Sensor) []course {
	var all []course
	for _, v := range s.Values {
		if v.Derive.Formula != nil {
			continue
		}
		c := course{value: v, step: resolution(s.Driver, v.Name)}
		if v.Doc.Unit == "" && v.Multiply != 0 { // it counts something, in the unit of the configuration
			c.step = min(c.step, c.step/math.Abs(v.Multiply))
		}
		if !v.Doc.Text {
			c.number = simulate.Course(s, v)
		}
		all = append(all, c)
	}
	return all
}

// at is the reading of a moment of the day.
func (c *course) at(since time.Duration, date time.Time) drivers.Reading {
	if c.number == nil {
		return drivers.Text(c.value.Name, "a usual text", date)
	}
	return drivers.Number(c.value.Name, math.Round(c.number(since)/c.step)*c.step, c.value.Doc.Unit, date)
}
