package simulate_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/edge/simulate"
)

// load reads a configuration and a scenario for it.
func load(t *testing.T, text, scenario string) (*config.Config, *config.Scenario) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"skerry.yaml": text, "scenario.yaml": scenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "skerry.yaml"), all.Kinds())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s, err := config.LoadScenario(filepath.Join(dir, "scenario.yaml"), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, scenario)
	}
	return cfg, s
}

// open opens the board of a station.
func open(t *testing.T, cfg *config.Config, s *config.Scenario) drivers.Buses {
	t.Helper()
	x, err := simulate.New(cfg, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// read reads a sensor once.
func read(t *testing.T, c config.Sensor, b drivers.Buses) map[string]drivers.Reading {
	t.Helper()
	x, err := c.Kind.New(t.Context(), b, c.Setup)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Halt()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
	defer cancel()
	list, err := x.Sense(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]drivers.Reading{}
	for _, r := range list {
		got[r.Value] = r
	}
	return got
}

// want is what a value is said to be, and how near the device comes, in the unit published.
type want struct {
	value  string
	number float64
	within float64
}

// played are sensors of every driver, with values that are not the usual ones.
var played = map[string][]struct {
	sensor string // of the configuration
	want   []want
}{
	"ads1x15": {{`{driver: ads1x15, address: 0x49, values: {a: {channel: A0}, d: {channel: A0-A1}, level: {channel: A2, calibrate: {0.4V: 0m, 2.0V: 5m}}}}`,
		[]want{{"a", 3.3, 2e-4}, {"d", -0.25, 2e-4}, {"level", 3.21, 5e-4}}}},
	"aht20":  {{`{driver: aht20}`, []want{{"temperature", -12.34, 0.001}, {"humidity", 88.8, 0.001}}}},
	"bh1750": {{`{driver: bh1750, address: 0x5C}`, []want{{"illuminance", 12345, 1}}}},
	"bme280": {{`{driver: bme280, values: {temperature: {offset: -0.4}, humidity: {}, pressure: {unit: kPa}}}`,
		[]want{{"temperature", 31.5, 0.01}, {"humidity", 33.3, 0.03}, {"pressure", 78.9, 0.002}}}},
	"bmp180": {{`{driver: bmp180}`, []want{{"temperature", 24.4, 0.051}, {"pressure", 987.65, 0.06}}},
		{`{driver: bmp180}`, []want{{"temperature", -17.1, 0.051}, {"pressure", 1044.3, 0.06}}}},
	"ds18b20": {{`{driver: ds18b20, values: {deep: {probe: 28-0316a2795d1f}, low: {probe: 10-0416c0ffee12}}}`, []want{{"deep", 4.44, 0.04}, {"low", -21.3, 0.04}}},
		{`{driver: ds18b20}`, []want{{"temperature", 61.7, 0.04}}}},
	"frame": {{`{driver: frame, profile: sds011}`, []want{{"pm2_5", 42.3, 0.05}, {"pm10", 77.7, 0.05}}},
		{`{driver: frame, profile: pms5003}`, []want{{"pm1", 17, 0.5}, {"particles_10", 3, 0.5}}},
		{`{driver: frame, profile: mhz19}`, []want{{"co2", 1234, 0.5}}},
		{`{driver: frame, start: AA 55, length: 16, end: 0D, checksum: crc16-modbus, values: {a: {at: 2, type: int8}, b: {at: 3, type: int32, scale: 0.01}, c: {at: 7, type: float32, order: little}}}`,
			[]want{{"a", -77, 0.5}, {"b", -12345.67, 0.005}, {"c", 2.5e-3, 1e-9}}}},
	"hdc302x": {{`{driver: hdc302x}`, []want{{"temperature", -5.5, 0.002}, {"humidity", 12.5, 0.002}}}},
	"health": {{`{driver: health}`, []want{{"cpu_temperature", 71.2, 0.001}, {"throttled", 1, 0}, {"under_voltage", 0, 0}, {"load", 1.5, 0.005}, {"memory_free", 33.5, 0.001},
		{"disk_used", 91, 0.001}}}},
	"hwmon":  {{`{driver: hwmon, device: ina226, values: {voltage: {}, current: {}, power: {}, temp3: {}}}`, []want{{"voltage", 11.95, 1e-6}, {"current", -0.35, 1e-6}, {"power", 4.2, 1e-6}, {"temp3", -3.5, 1e-6}}}},
	"iio":    {{`{driver: iio, device: bme680, at: 1-0076}`, []want{{"temperature", 7.25, 1e-6}, {"humidity", 55.5, 1e-6}, {"pressure", 912.3, 1e-4}}}},
	"ina219": {{`{driver: ina219, shunt: 0.05, address: 0x41}`, []want{{"voltage", 25.5, 0.003}, {"current", -1.25, 0.0002}}}},
	"line": {{`{driver: line, pattern: 'ST,(GS|US),(?P<weight>[-+ 0-9.]+)kg(;T=(?P<t>\d{3}))?'}`, []want{{"weight", -7.25, 0.006}, {"t", 42, 0.5}}},
		{`{driver: line, separator: ";", decimal_comma: true, fields: 4, values: {a: {field: 2}, b: {field: 4}}}`, []want{{"a", 3.14, 0.005}, {"b", -2.5, 0.005}}},
		{`{driver: line, separator: " ", request: 'R\r', end: '\r', values: {a: {field: 1}}}`, []want{{"a", 99.5, 0.005}}}},
	"mcp9808": {{`{driver: mcp9808, address: 0x1F}`, []want{{"temperature", -33.3, 0.04}}}},
	"modbus": {
		{`{driver: modbus, profile: eastron-sdm120, unit_id: 7}`, []want{{"voltage", 241.5, 0.001}, {"power", -1234.5, 0.001}, {"energy_import", 98765.4, 0.01}}},
		{`{driver: modbus, tcp: "192.0.2.7", profile: sunspec-inverter}`, []want{{"current", 12.34, 0.006}, {"power", 4321, 0.5}, {"energy", 7654321, 0.5}, {"temperature", -4.5, 0.06}, {"state", 5, 0}}},
		{`{driver: modbus, tcp: "192.0.2.8:1502", framing: rtu, profile: abb-b23}`, []want{{"voltage_l1", 229.9, 0.06}}},
		{`{driver: modbus, order: CDAB, values: {i: {reference: 30001, type: int16, multiply: 0.1}, u: {reference: 40101, type: uint32, missing: 0xFFFFFFFF},
		  f: {table: holding, address: 200, type: float64, order: DCBA}, on: {table: coil, address: 3}, off: {table: discrete, address: 9},
		  low: {table: input, address: 50, type: uint16, bits: 0..3}, top: {table: input, address: 50, type: uint16, bits: 12}}}`,
			[]want{{"i", -41.7, 0.051}, {"u", 4000000000, 0.5}, {"f", math.Pi, 1e-12}, {"on", 1, 0}, {"off", 0, 0}, {"low", 11, 0}, {"top", 1, 0}}},
	},
	"nmea": {{`{driver: nmea}`, []want{{"latitude", -33.8568, 1e-6}, {"longitude", 151.2153, 1e-6}, {"altitude", 17.5, 0.06}, {"speed", 12.3, 0.02}, {"course", 271.5, 0.06},
		{"satellites", 7, 0}, {"hdop", 1.3, 0.06}}}},
	"pulse": nil, // TestPulses
	"scd4x": {{`{driver: scd4x}`, []want{{"co2", 1444, 0.5}, {"temperature", 25.5, 0.002}, {"humidity", 33, 0.002}}}},
	"sdi12": {{`{driver: sdi12, address: 3, measure: M1, expect: 5TE, values: {a: {index: 2}, b: {index: 5}}}`, []want{{"a", -1.2345, 1e-4}, {"b", 123.4, 1e-4}}},
		{`{driver: sdi12, address: "?", measure: R0, values: {a: {index: 1}}}`, []want{{"a", 7.5, 1e-4}}},
		{`{driver: sdi12, adapter: transparent, measure: C, values: {a: {index: 4}}}`, []want{{"a", 0.25, 1e-4}}}},
	"sht3x":  {{`{driver: sht3x}`, []want{{"temperature", 44.4, 0.002}, {"humidity", 95.5, 0.002}}}},
	"sht4x":  {{`{driver: sht4x}`, []want{{"temperature", -39.9, 0.002}, {"humidity", 0.5, 0.002}}}},
	"tmp102": {{`{driver: tmp102}`, []want{{"temperature", -24.9, 0.04}}}},
}

// TestEveryDriver: what a scenario says of the values of a sensor is what its driver reads, within the resolution of the device. A
// driver that is not in the table cannot be played, until somebody teaches this package how.
func TestEveryDriver(t *testing.T) {
	for _, k := range all.Kinds() {
		if k.New == nil { // it reads nothing
			continue
		}
		sensors, ok := played[k.Name]
		if !ok {
			t.Errorf("driver %s is not played: give it a player in players.go, and a line here", k.Name)
		}
		for i, p := range sensors {
			t.Run(fmt.Sprint(k.Name, i), func(t *testing.T) {
				t.Parallel()
				var values strings.Builder
				for _, w := range p.want {
					fmt.Fprintf(&values, "    %s: %v\n", w.value, w.number)
				}
				cfg, s := load(t, "sensors:\n  x: "+p.sensor+"\n", "sensors:\n  x:\n"+values.String())
				got := read(t, cfg.Sensors[0], open(t, cfg, s))
				for _, w := range p.want {
					compare(t, cfg.Sensors[0], w, got)
				}
			})
		}
	}
}

// compare compares by the number of the device, from which mapping makes the one that is published.
func compare(t *testing.T, c config.Sensor, w want, got map[string]drivers.Reading) {
	t.Helper()
	r, ok := got[w.value]
	if !ok || r.Quality != drivers.Good && c.Driver != "scd4x" {
		t.Errorf("%s: %+v", w.value, r)
		return
	}
	v := config.Value{Name: w.value, Multiply: 1}
	for _, one := range c.Values {
		if one.Name == w.value {
			v = one
		}
	}
	device := mapping.Device(v, w.number)
	slack := math.Abs(mapping.Device(v, w.number+w.within)-device) + 1e-9*math.Abs(device)
	if math.Abs(r.Number-device) > slack {
		t.Errorf("%s: the device says %v, want %v within %v", w.value, r.Number, device, slack)
	}
}

// TestTexts: texts are said as they stand in the scenario.
func TestTexts(t *testing.T) {
	for _, test := range []struct{ sensor, value, text string }{
		{`{driver: line, pattern: '(?P<state>[A-Z]+) (?P<n>\d+)', values: {state: {type: text}}}`, "state", "OPEN"},
		{`{driver: modbus, values: {name: {table: holding, address: 5, type: string, length: 9, order: BADC}}}`, "name", "SK-4711/b"},
		{`{driver: nmea}`, "fix", "float-rtk"},
	} {
		t.Run(test.value, func(t *testing.T) {
			t.Parallel()
			cfg, s := load(t, "sensors:\n  x: "+test.sensor+"\n", fmt.Sprintf("sensors: {x: {%s: %q}}\n", test.value, test.text))
			if r := read(t, cfg.Sensors[0], open(t, cfg, s))[test.value]; r.Text != test.text {
				t.Errorf("%+v, want %q", r, test.text)
			}
		})
	}
}

// TestUsual: without a scenario every sensor of the table says something that is good and in its place.
func TestUsual(t *testing.T) {
	for driver, sensors := range played {
		for i, p := range sensors {
			t.Run(fmt.Sprint(driver, i), func(t *testing.T) {
				t.Parallel()
				cfg, s := load(t, "sensors:\n  x: "+p.sensor+"\n", "# nothing\n")
				for name, r := range read(t, cfg.Sensors[0], open(t, cfg, s)) {
					if r.Quality == drivers.Bad || r.Quality == drivers.Suspect && driver != "scd4x" {
						t.Errorf("%s: %+v", name, r)
					}
				}
			})
		}
	}
}
