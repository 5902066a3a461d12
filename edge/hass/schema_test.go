package hass_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/hass"
)

// What follows are the rules of Home Assistant for device discovery, written down apart from the package that is tested. Sources, as of
// release 2024.12 of home-assistant/core: homeassistant/components/mqtt/schemas.py (DEVICE_DISCOVERY_SCHEMA, which takes no other key on the top
// level, nor in a device), sensor.py, binary_sensor.py, switch.py and number.py beside it for the platforms, and
// homeassistant/components/sensor/const.py with homeassistant/const.py for classes, units and state classes.

// keysOf are those that a platform has; the first list is required.
var keysOf = map[string][2][]string{
	"sensor": {{"state_topic"}, {"value_template", "device_class", "state_class", "unit_of_measurement", "suggested_display_precision", "options",
		"expire_after", "json_attributes_topic"}},
	"binary_sensor": {{"state_topic"}, {"value_template", "device_class", "payload_on", "payload_off", "expire_after", "json_attributes_topic"}},
	"switch": {{"command_topic"}, {"state_topic", "value_template", "device_class", "payload_on", "payload_off", "state_on", "state_off", "optimistic",
		"retain", "qos", "json_attributes_topic", "command_template"}},
	"number": {{"command_topic"}, {"state_topic", "value_template", "device_class", "unit_of_measurement", "min", "max", "step", "mode", "optimistic",
		"retain", "qos", "json_attributes_topic", "command_template"}},
}

// common are the keys of all entities.
var common = []string{"platform", "unique_id", "name", "entity_category", "enabled_by_default", "availability", "availability_mode"}

// sensorClasses are the device classes of sensors, with their units and state classes. "-" is no unit; no state class: it may have none.
var sensorClasses = parseClasses(`
apparent_power: VA: measurement
aqi: -: measurement
atmospheric_pressure: Pa hPa kPa bar cbar mbar mmHg inHg psi: measurement
battery: %: measurement
carbon_dioxide: ppm: measurement
carbon_monoxide: ppm: measurement
conductivity: S/cm mS/cm µS/cm: measurement
current: A mA: measurement
data_rate: bit/s kbit/s Mbit/s Gbit/s B/s kB/s MB/s GB/s KiB/s MiB/s GiB/s: measurement
data_size: bit kbit Mbit Gbit B kB MB GB TB PB EB ZB YB KiB MiB GiB TiB PiB EiB ZiB YiB: measurement total total_increasing
distance: mm cm m km in ft yd mi nmi: measurement total total_increasing
duration: d h min s ms: measurement total total_increasing
energy: J kJ MJ GJ Wh kWh MWh GWh TWh cal kcal Mcal Gcal: total total_increasing
energy_storage: J kJ MJ GJ Wh kWh MWh GWh TWh cal kcal Mcal Gcal: measurement
enum: -:
frequency: Hz kHz MHz GHz: measurement
gas: m³ ft³ CCF: total total_increasing
humidity: %: measurement
illuminance: lx: measurement
irradiance: W/m² BTU/(h⋅ft²): measurement
moisture: %: measurement
ph: -: measurement
pm1: µg/m³: measurement
pm10: µg/m³: measurement
pm25: µg/m³: measurement
power: W kW MW GW TW: measurement
power_factor: % -: measurement
precipitation: in cm mm: measurement total total_increasing
precipitation_intensity: in/d in/h mm/d mm/h: measurement
pressure: Pa hPa kPa bar cbar mbar mmHg inHg psi: measurement
reactive_power: var: measurement
signal_strength: dB dBm: measurement
sound_pressure: dB dBA: measurement
speed: Beaufort ft/s in/s m/s km/h kn mph mm/s in/d in/h mm/d mm/h: measurement
temperature: °C °F K: measurement
timestamp: -:
volatile_organic_compounds: µg/m³: measurement
volatile_organic_compounds_parts: ppb ppm: measurement
voltage: V mV µV: measurement
volume: ft³ CCF m³ L mL gal fl.oz.: total total_increasing
volume_flow_rate: m³/h ft³/min L/min gal/min mL/s: measurement
volume_storage: ft³ CCF m³ L mL gal fl.oz.: measurement
water: ft³ CCF m³ gal L: total total_increasing
weight: g kg mg µg oz lb st: measurement total total_increasing
wind_speed: Beaufort ft/s in/s m/s km/h kn mph mm/s: measurement
`)

type sensorClass struct{ units, states []string }

func parseClasses(table string) map[string]sensorClass {
	all := map[string]sensorClass{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		parts := strings.Split(strings.TrimSpace(line), ":")
		all[parts[0]] = sensorClass{strings.Fields(parts[1]), strings.Fields(parts[2])}
	}
	return all
}

// binaryClasses are those device classes of binary sensors that are used here.
var binaryClasses = []string{"", "problem", "connectivity"}

var (
	discoveryTopic = regexp.MustCompile(`^homeassistant/device/[a-zA-Z0-9_-]+/config$`)
	deviceKeys     = []string{"identifiers", "name", "manufacturer", "model", "sw_version", "suggested_area", "via_device"}
)

// checkDocument holds a document to the rules, as it is published.
func checkDocument(t *testing.T, a hass.Announce, uniqueIDs map[string]bool) {
	t.Helper()
	wrong := func(format string, args ...any) { t.Helper(); t.Errorf(a.Topic+": "+format, args...) }
	b, err := json.Marshal(a.Document)
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if !discoveryTopic.MatchString(a.Topic) {
		wrong("no topic of discovery")
	}
	if got := keys(d); !slices.Equal(got, []string{"components", "device", "origin"}) {
		wrong("keys %q: one more, and all of it is refused", got)
	}
	device := d["device"].(map[string]any)
	for _, k := range keys(device) {
		if !slices.Contains(deviceKeys, k) {
			wrong("device has the key %s", k)
		}
	}
	if ids, ok := device["identifiers"].([]any); !ok || len(ids) == 0 || device["name"] == "" {
		wrong("device %v", device)
	}
	if d["origin"].(map[string]any)["name"] == "" {
		wrong("origin %v", d["origin"])
	}
	for key, c := range d["components"].(map[string]any) {
		if strings.Contains(key, " ") {
			wrong("the key %q has a blank, by which ids are divided", key)
		}
		if problem := checkComponent(c.(map[string]any), uniqueIDs); problem != "" {
			wrong("%s: %s", key, problem)
		}
	}
}

func keys(m map[string]any) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func checkComponent(c map[string]any, uniqueIDs map[string]bool) string {
	get := func(key string) string { s, _ := c[key].(string); return s }
	rules, known := keysOf[get("platform")]
	if !known {
		return "platform " + get("platform")
	}
	for _, k := range rules[0] {
		if get(k) == "" {
			return "has no " + k
		}
	}
	for _, k := range keys(c) {
		if !slices.Contains(slices.Concat(common, rules[0], rules[1]), k) {
			return "has the key " + k
		}
	}
	id := get("unique_id")
	if id == "" || uniqueIDs[id] {
		return fmt.Sprintf("unique_id %q: it needs one of its own", id)
	}
	uniqueIDs[id] = true
	if category := get("entity_category"); category != "" && category != "diagnostic" && category != "config" {
		return "entity_category " + category
	}
	if x, given := c["expire_after"]; given && (x.(float64) < 1 || x.(float64) != float64(int(x.(float64)))) {
		return fmt.Sprint("expire_after ", x)
	}
	if problem := checkAvailability(c); problem != "" {
		return problem
	}
	if get("platform") == "binary_sensor" && !slices.Contains(binaryClasses, get("device_class")) {
		return "device class " + get("device_class")
	}
	if get("platform") != "sensor" {
		return ""
	}
	_, options := c["options"]
	return checkSensor(get("device_class"), get("state_class"), get("unit_of_measurement"), options)
}

func checkAvailability(c map[string]any) string {
	list, given := c["availability"].([]any)
	if !given {
		return ""
	}
	topics := map[string]bool{}
	for _, a := range list {
		topic := a.(map[string]any)["topic"].(string)
		if topic == "" || topics[topic] {
			return fmt.Sprintf("availability on %q, of which only the last counts", topic)
		}
		topics[topic] = true
	}
	if c["availability_mode"] != "all" {
		return fmt.Sprint("availability_mode ", c["availability_mode"])
	}
	return ""
}

// checkSensor holds a sensor to the rules of classes and units.
func checkSensor(device, state, unit string, options bool) string {
	if options != (device == "enum") {
		return "options go with enum"
	}
	if device == "" {
		if !slices.Contains([]string{"", "measurement", "total", "total_increasing"}, state) {
			return "state class " + state
		}
		return ""
	}
	class, known := sensorClasses[device]
	if unit == "" {
		unit = "-"
	}
	switch {
	case !known:
		return "device class " + device
	case !slices.Contains(class.units, unit):
		return fmt.Sprintf("device class %s in %q", device, unit)
	case state != "" && !slices.Contains(class.states, state):
		return fmt.Sprintf("device class %s with state class %s", device, state)
	}
	return ""
}

// TestSchema holds what stations announce to the rules: one with several sensors, at its broker and upstream; the example of the
// documentation; and one sensor of each driver with each of its profiles.
func TestSchema(t *testing.T) {
	station := readStation(t)
	example, err := os.ReadFile("../../docs/examples/home-assistant.yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"station": station, "upstream": upstream(station), "example": string(example)}
	for name, text := range eachDriver() {
		texts[name] = text
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			ids := map[string]bool{}
			p := plan(t, text)
			if len(p.Documents) == 0 || p.Entities == 0 {
				t.Fatalf("%d documents", len(p.Documents))
			}
			for _, a := range p.Documents {
				checkDocument(t, a, ids)
			}
			if len(ids) != p.Entities {
				t.Errorf("%d entities counted, %d announced", p.Entities, len(ids))
			}
		})
	}
}

// profiles are those that drivers declare values by.
func profiles() map[string][]string {
	all := map[string][]string{"frame": {"pms5003", "mhz19", "sds011"}}
	files, _ := os.ReadDir("../../drivers/modbus/profiles")
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".profile"); ok {
			all["modbus"] = append(all["modbus"], name)
		}
	}
	return all
}

// eachDriver is a station with one sensor for each driver that has values by itself, and for each profile.
func eachDriver() map[string]string {
	const frame = "gateway: {id: wx, site: lake}\nbuses: {port: {serial: /dev/ttyUSB0, baud: 9600}}\nhome_assistant: {to: local}\nsensors: {x: {driver: %s}}\n"
	more := map[string]string{
		"pulse":   "pulse, pin: GPIO17, values: {total: {per_pulse: 0.2794, unit: mm}, rate: {of: total, per: 1h, over: 5min, unit: mm/h}, frequency: {}, lost: {}}",
		"ads1x15": "ads1x15, values: {a0: {}, a1: {}}",
		"hwmon":   "hwmon, device: x, values: {temp1: {}, in0: {}, curr1: {}, power1: {}, energy1: {}, humidity1: {}, fan1: {}, freq1: {}}",
		"iio": "iio, device: x, values: {temp: {}, humidityrelative: {}, pressure: {}, illuminance: {}, concentration_co2: {}, concentration_voc: {}, voltage0: {}," +
			" current0: {}, power0: {}, resistance: {}, accel_x: {}, anglvel_x: {}, magn_x: {}, distance: {}, ph: {}, uvindex: {}, electricalconductivity: {}}",
		"line":  "line, bus: port, fields: {separator: ','}, values: {a: {field: 0}}",
		"sdi12": "sdi12, bus: port, address: '0', values: {moisture: {at: 0, unit: '%'}}",
	}
	texts := map[string]string{}
	for _, k := range all.Kinds() {
		driver, ok := more[k.Name]
		switch {
		case k.New == nil: // of outputs only
			continue
		case k.Name == "modbus" || k.Name == "frame":
			for _, profile := range profiles()[k.Name] {
				texts[k.Name+" "+profile] = fmt.Sprintf(frame, k.Name+", bus: port, profile: "+profile)
			}
			continue
		case k.Name == "line" || k.Name == "sdi12": // all of their values are named by the configuration
			continue
		case !ok:
			driver = k.Name
		}
		texts[k.Name] = fmt.Sprintf(frame, driver)
	}
	return texts
}

// TestEveryValueIsDecided: each value of each driver has its meaning in the table, and the table has no other.
func TestEveryValueIsDecided(t *testing.T) {
	decided := hass.Decided()
	for _, k := range all.Kinds() {
		if k.New == nil { // of outputs only
			continue
		}
		for _, v := range k.Values {
			if !decided[k.Name][v.Name] {
				t.Errorf("%s.%s is not decided: what is it to Home Assistant?", k.Name, v.Name)
			}
			delete(decided[k.Name], v.Name)
		}
		if left := decided[k.Name]; len(left) > 0 {
			t.Errorf("%s has no values %v", k.Name, left)
		}
		if _, listed := decided[k.Name]; !listed {
			t.Errorf("driver %s is not in the table", k.Name)
		}
		delete(decided, k.Name)
	}
	for driver := range decided {
		t.Errorf("there is no driver %s", driver)
	}
}

// TestProfilesAreDecided: of what profiles declare with a unit that Home Assistant has a class for, none is without one; and what has
// none is known to have none.
func TestProfilesAreDecided(t *testing.T) {
	none := []string{"kvarh", "1/dL", "%"} // no class for these, and a % may be of anything
	for _, k := range all.Kinds() {
		for _, profile := range profiles()[k.Name] {
			cfg := load(t, fmt.Sprintf("buses: {port: {serial: /dev/ttyUSB0}}\nsensors: {x: {driver: %s, bus: port, profile: %s}}\n", k.Name, profile))
			for _, v := range cfg.Sensors[0].Values {
				device, _ := hass.Meaning(k.Name, v)
				if v.Unit != "" && device == "" && !slices.Contains(none, v.Unit) {
					t.Errorf("%s %s: %s in %s has no device class", k.Name, profile, v.Name, v.Unit)
				}
			}
		}
	}
}

// TestMeaning: what values are that the configuration names, by their names and units, and what drivers measure in other units.
func TestMeaning(t *testing.T) {
	for _, c := range []struct{ driver, name, unit, want string }{
		{"modbus", "power", "W", "power measurement"},
		{"modbus", "energy_import", "kWh", "energy total_increasing"},
		{"modbus", "reactive_energy_total", "kvarh", " total_increasing"},
		{"modbus", "battery_state", "", " "},
		{"modbus", "power_factor_l1", "", "power_factor measurement"},
		{"modbus", "battery_charge", "%", "battery measurement"},
		{"frame", "pm2_5_standard", "µg/m³", "pm25 measurement"},
		{"frame", "particles_0_3", "1/dL", " measurement"},
		{"sdi12", "soil_moisture", "%", "moisture measurement"},
		{"sdi12", "wind_speed", "m/s", "wind_speed measurement"},
		{"sdi12", "wind_direction", "°", " "},
		{"sdi12", "rain_total", "mm", "precipitation total_increasing"},
		{"sdi12", "depth", "mm", "distance measurement"},
		{"iio", "concentration_co2", "ppm", "carbon_dioxide measurement"},
		{"hwmon", "fan1", "1/min", " measurement"},
		{"line", "count", "", " measurement"},
		{"bme280", "pressure", "inHg", "atmospheric_pressure measurement"},
		{"bme280", "temperature", "°F", "temperature measurement"},
		{"bme280", "pressure_msl", "hPa", "atmospheric_pressure measurement"},
		{"pulse", "total", "mm", "precipitation total_increasing"},
		{"pulse", "total", "l", "volume total_increasing"},
		{"pulse", "total", "kWh", "energy total_increasing"},
		{"pulse", "total", "", " total_increasing"},
		{"pulse", "rate", "mm/h", "precipitation_intensity measurement"},
		{"pulse", "rate", "kW", "power measurement"},
		{"pulse", "frequency", "m/s", "speed measurement"},
		{"ads1x15", "depth", "m", "distance measurement"},
		{"ads1x15", "tank", "l", "volume_storage measurement"},
		{"health", "disk_free", "GiB", "data_size measurement"},
		{"nmea", "course", "°", " "},
		{"nmea", "speed", "kn", "speed measurement"},
	} {
		device, state := hass.Meaning(c.driver, config.Value{Name: c.name, Unit: c.unit, Multiply: 1, Doc: drivers.ValueDoc{Name: c.name}})
		if got := device + " " + state; got != c.want {
			t.Errorf("%s.%s in %q is %q, want %q", c.driver, c.name, c.unit, got, c.want)
		}
	}
}
