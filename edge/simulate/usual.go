package simulate

import (
	"strings"
	"time"

	"skerry/edge/config"
	"skerry/edge/mapping"
)

// usual is the course of a value that the scenario does not name, as the device says it: a mild day, and something that moves while
// somebody looks.
func usual(s config.Sensor, v config.Value) config.Signal {
	unit, device := v.Doc.Unit, func(x float64) float64 { return x }
	if unit == "" { // only the configuration knows what it counts
		unit, device = v.Unit, func(x float64) float64 { return mapping.Device(v, x) }
	}
	if per, ok := energies[unit]; ok {
		power := config.Constant(device(per))
		return config.Signal{Parts: []config.Signal{config.Constant(device(1234 * per)), {Shape: config.Shape{Integral: &power, Per: time.Hour}}}}
	}
	r := usualExtent(s, v.Name, unit)
	r.low, r.high = device(r.low), device(r.high)
	if v.Valid != nil {
		r = r.inside(mapping.Device(v, v.Valid.Min), mapping.Device(v, v.Valid.Max))
	}
	middle, width := (r.low+r.high)/2, r.high-r.low
	if width == 0 {
		return config.Constant(middle)
	}
	wave := func(part float64, period time.Duration) config.Signal {
		return config.Signal{Shape: config.Shape{Sine: &config.Range{Min: -part * width, Max: part * width}, Period: period}}
	}
	// Neighbours differ a little: two thermometers never agree.
	middle += width * 0.03 * (float64(hash(s.Name)%1000)/1000 - 0.5)
	peak := config.TimeOfDay(r.peak)
	bow := config.Signal{Shape: config.Shape{Day: &config.Range{Min: middle - 0.38*width, Max: middle + 0.38*width}, Peak: &peak}}
	return config.Signal{Parts: []config.Signal{bow, wave(0.08, 2*time.Hour), wave(0.01, 47*time.Second), wave(0.01, 13*time.Second)}}
}

// inside is the extent itself where it lies between two numbers, or else one that does.
func (r extent) inside(a, b float64) extent {
	low, high := min(a, b), max(a, b)
	if min(r.low, r.high) >= low && max(r.low, r.high) <= high {
		return r
	}
	return extent{low + 0.3*(high-low), low + 0.6*(high-low), r.peak}
}

// extent is between what and what a number goes, and when it is at its highest.
type extent struct {
	low, high float64
	peak      time.Duration
}

const (
	afternoon = 15 * time.Hour
	noon      = 13 * time.Hour
	morning   = 5 * time.Hour
)

// energies is what a kilowatt, or a kilovar, adds in an hour.
var energies = map[string]float64{"kWh": 1, "Wh": 1000, "kvarh": 0.1, "varh": 100, "kVAh": 1}

// named are values that their names tell more of than their units. The first one that fits counts; empty fits all.
var named = []struct {
	part, unit, driver string
	extent
}{
	{"cpu_temperature", "°C", "", extent{38, 52, afternoon}},
	{"voltage", "V", "modbus", extent{228, 234, morning}},
	{"voltage", "V", "", extent{12.2, 13.4, noon}},
	{"battery", "V", "", extent{12.2, 13.4, noon}},
	{"under_voltage", "", "", extent{}},
	{"throttled", "", "", extent{}},
	{"disk_used", "%", "", extent{20, 20.5, noon}},
	{"speed", "km/h", "nmea", extent{0.1, 0.3, noon}},
	{"satellites", "", "", extent{8, 11, noon}},
	{"hdop", "", "", extent{0.9, 1.4, morning}},
	{"load", "", "health", extent{0.05, 0.3, noon}},
	{"power_factor", "%", "", extent{95, 99, noon}},
	{"power_factor", "", "", extent{0.95, 0.99, noon}},
	{"temperature", "", "", extent{8, 20, afternoon}},
	{"humidity", "", "", extent{45, 85, morning}},
	{"pressure", "", "", extent{1007, 1019, noon}},
	{"moisture", "%", "", extent{24, 31, morning}},
	{"co2", "", "", extent{450, 900, afternoon}},
}

// byUnit are the usual numbers in each unit.
var byUnit = map[string]extent{
	"°C": {8, 20, afternoon}, "K": {281, 293, afternoon}, "°F": {46, 68, afternoon}, "%": {45, 85, morning}, "hPa": {1007, 1019, noon},
	"Pa": {100_700, 101_900, noon}, "kPa": {100.7, 101.9, noon}, "lx": {10, 30_000, noon}, "ppm": {450, 900, afternoon}, "V": {0.8, 1.6, noon},
	"mV": {800, 1600, noon}, "A": {0.3, 1.2, noon}, "mA": {300, 1200, noon}, "W": {200, 1200, noon}, "kW": {0.2, 1.2, noon}, "VA": {210, 1250, noon},
	"var": {-60, -20, noon}, "Hz": {49.97, 50.03, noon}, "µg/m³": {8, 20, morning}, "m": {1.6, 2, noon}, "mm": {20, 40, noon}, "cm": {160, 200, noon},
	"kg": {39, 43, afternoon}, "mS/cm": {0.35, 0.45, noon}, "1/min": {900, 1400, noon}, "km/h": {3, 12, noon}, "m/s": {1, 4, noon},
	"°": {80, 100, noon}, "1/dL": {800, 1600, morning}, "Ω": {900, 1100, noon}, "MiB": {270, 290, morning},
}

// usualExtent finds one by name, or by unit.
func usualExtent(s config.Sensor, name, unit string) extent {
	for _, known := range named {
		if strings.Contains(name, known.part) && unit == known.unit && (known.driver == "" || known.driver == s.Driver) {
			return known.extent
		}
	}
	if r, ok := byUnit[unit]; ok {
		return r
	}
	return extent{20, 30, noon}
}

// Course is how a value goes over a day that the scenario says nothing of, as the device says it: a number for each time since midnight, which is to be
// asked for later and later times.
func Course(s config.Sensor, v config.Value) func(sinceMidnight time.Duration) float64 {
	f := compile(usual(s, v), 0)
	return func(t time.Duration) float64 { return f(instant{since: t, clock: t}) }
}
