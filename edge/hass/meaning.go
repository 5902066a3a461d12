package hass

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"skerry/edge/config"
)

// meaning is what a value is to Home Assistant, beside its unit.
type meaning struct {
	device  string // class; "": none
	state   string // class; "": none: the number is not one to make statistics of
	flag    bool   // 0 and 1, shown as a binary sensor of that class
	station bool   // it tells of the station, not of what that measures
	hidden  bool   // it changes all the time, and few want to see it
	options []string
}

// known are the values of the drivers that have such by themselves. The tests see to it that it has all of them, and no others.
var known = map[string]map[string]meaning{
	"ads1x15": {},
	"aht20":   air, "hdc302x": air, "sht3x": air, "sht4x": air,
	"bh1750":  {"illuminance": {device: "illuminance", state: measurement}},
	"bme280":  {"temperature": temperature, "humidity": humidity, "pressure": barometer},
	"bmp180":  {"temperature": temperature, "pressure": barometer},
	"ds18b20": {},
	"frame":   {},
	"health": {
		"cpu_temperature":    {device: "temperature", state: measurement, station: true},
		"under_voltage":      problem,
		"throttled":          problem,
		"under_voltage_seen": problem,
		"throttled_seen":     problem,
		"load":               {state: measurement, station: true},
		"memory_free":        {device: "data_size", state: measurement, station: true},
		"disk_free":          {device: "data_size", state: measurement, station: true},
		"disk_used":          {state: measurement, station: true},
		"uptime":             {device: "duration", state: increasing, station: true, hidden: true},
	},
	"hwmon":   {},
	"iio":     {},
	"ina219":  {"voltage": {device: "voltage", state: measurement}, "current": {device: "current", state: measurement}, "power": {device: "power", state: measurement}},
	"line":    {},
	"mcp9808": {"temperature": temperature},
	"modbus":  {},
	"nmea": {
		"latitude": {}, "longitude": {}, // a mean of positions is none
		"altitude":   {device: "distance", state: measurement},
		"speed":      {device: "speed", state: measurement},
		"course":     {}, // a mean of directions is none
		"satellites": {state: measurement, station: true},
		"hdop":       {state: measurement, station: true},
		"fix": {device: "enum", station: true,
			options: []string{"none", "gps", "dgps", "pps", "rtk", "float-rtk", "estimated", "manual", "simulated"}},
		"time": {device: "timestamp", station: true, hidden: true},
	},
	"pulse": {
		"total":     {state: increasing}, // the unit says of what
		"rate":      {state: measurement},
		"frequency": {device: "frequency", state: measurement},
		"lost":      {state: increasing, station: true},
	},
	"scd4x":  {"co2": {device: "carbon_dioxide", state: measurement}, "temperature": temperature, "humidity": humidity},
	"sdi12":  {},
	"tmp102": {"temperature": temperature},
}

var (
	temperature = meaning{device: "temperature", state: measurement}
	humidity    = meaning{device: "humidity", state: measurement}
	barometer   = meaning{device: "atmospheric_pressure", state: measurement}
	problem     = meaning{device: "problem", flag: true, station: true}
	air         = map[string]meaning{"temperature": temperature, "humidity": humidity}
)

// meaningOf decides what a value is: by what its driver measures; where the configuration has named it, or changed what it is, by its
// name and unit.
func meaningOf(driver string, v config.Value) meaning {
	unit := unitOf(v.Unit)
	m, listed := known[driver][v.Name]
	switch {
	case v.Derive.Formula != nil || !listed:
		return guess(v.Name, unit, v.Doc.Text)
	case m.device != "" && !m.flag && !fits(m.device, unit), driver == "pulse" && m.device == "":
		other := guess(v.Name, unit, v.Doc.Text)
		if m.state == increasing && other.device == "distance" {
			other.device = "precipitation" // what pulses add up to in millimetres is rain
		}
		if m.state == increasing && other.device == "volume_storage" {
			other.device = "volume"
		}
		m.device = other.device
	case m.flag && (unit != "" || v.Multiply != 1 || v.Offset != 0 || v.Calibrate != nil):
		return guess(v.Name, unit, v.Doc.Text)
	}
	m.state = stateFor(m.device, m.state)
	return m
}

// stateFor is a state class if a device class may have it, or else the first that it may have.
func stateFor(device, state string) string {
	if device == "" || state == "" || slices.Contains(classes[device].states, state) {
		return state
	}
	if all := classes[device].states; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// rule gives a device class to values of a unit whose name has one of the words; no words: to all.
type rule struct {
	device string
	words  []string
}

// byUnit are the device classes that a unit may mean. The first whose word the name has counts.
var byUnit = map[string][]rule{
	"°C": {{device: "temperature"}}, "°F": {{device: "temperature"}}, "K": {{device: "temperature"}},
	"%": {{"humidity", []string{"humidity"}}, {"moisture", []string{"moisture", "vwc"}}, {"battery", []string{"battery", "charge", "soc"}},
		{"power_factor", []string{"power_factor"}}},
	"ppm": {{"carbon_dioxide", []string{"co2"}}, {"carbon_monoxide", []string{"co"}}, {"volatile_organic_compounds_parts", []string{"voc", "tvoc"}}},
	"ppb": {{"volatile_organic_compounds_parts", []string{"voc", "tvoc"}}},
	dust: {{"pm1", []string{"pm1"}}, {"pm25", []string{"pm2_5", "pm25"}}, {"pm10", []string{"pm10"}},
		{"volatile_organic_compounds", []string{"voc", "tvoc"}}},
	"mm": rainOr("distance"), "cm": rainOr("distance"), "in": rainOr("distance"),
	"m": {{device: "distance"}}, "km": {{device: "distance"}}, "ft": {{device: "distance"}},
	"mm/h": {{device: "precipitation_intensity"}}, "mm/d": {{device: "precipitation_intensity"}}, "in/h": {{device: "precipitation_intensity"}},
	"m/s": windOr("speed"), "km/h": windOr("speed"), "kn": windOr("speed"), "mph": windOr("speed"), "ft/s": windOr("speed"),
	"V": {{device: "voltage"}}, "mV": {{device: "voltage"}}, "A": {{device: "current"}}, "mA": {{device: "current"}},
	"W": {{device: "power"}}, "kW": {{device: "power"}}, "VA": {{device: "apparent_power"}}, "var": {{device: "reactive_power"}},
	"J": {{device: "energy"}}, "kJ": {{device: "energy"}}, "MJ": {{device: "energy"}}, "Wh": {{device: "energy"}}, "kWh": {{device: "energy"}}, "MWh": {{device: "energy"}},
	"Hz": {{device: "frequency"}}, "kHz": {{device: "frequency"}}, "MHz": {{device: "frequency"}},
	"lx": {{device: "illuminance"}}, "W/m²": {{device: "irradiance"}},
	"L": {{device: "volume_storage"}}, "mL": {{device: "volume_storage"}}, "m³": {{device: "volume_storage"}},
	"m³/h": {{device: "volume_flow_rate"}}, "L/min": {{device: "volume_flow_rate"}},
	"kg": {{device: "weight"}}, "g": {{device: "weight"}}, "lb": {{device: "weight"}},
	"ms": {{device: "duration"}}, "s": {{device: "duration"}}, "min": {{device: "duration"}}, "h": {{device: "duration"}}, "d": {{device: "duration"}},
	"B": {{device: "data_size"}}, "KiB": {{device: "data_size"}}, "MiB": {{device: "data_size"}}, "GiB": {{device: "data_size"}}, "MB": {{device: "data_size"}}, "GB": {{device: "data_size"}},
	"mS/cm": {{device: "conductivity"}}, "µS/cm": {{device: "conductivity"}}, "S/cm": {{device: "conductivity"}},
	"dBm": {{device: "signal_strength"}},
	"":    {{"power_factor", []string{"power_factor"}}, {"ph", []string{"ph"}}, {"aqi", []string{"aqi"}}},
	"Pa":  pressure, "hPa": pressure, "kPa": pressure, "mbar": pressure, "bar": pressure, "inHg": pressure, "psi": pressure,
}

// pressure of the air is what people have a barometer for; that in a pipe is another matter.
var pressure = []rule{{"atmospheric_pressure", []string{"pressure_msl", "barometer", "barometric", "air_pressure", "sea_level"}}, {device: "pressure"}}

func rainOr(device string) []rule {
	return []rule{{"precipitation", []string{"rain", "precipitation", "snow"}}, {device: device}}
}

func windOr(device string) []rule {
	return []rule{{"wind_speed", []string{"wind", "gust"}}, {device: device}}
}

// counted are units of what only adds up, but has no device class.
var counted = []string{"varh", "kvarh", "VAh", "kVAh", "Ah"}

// coded are words of values that are numbers for want of better: a mean of them is nothing.
var coded = []string{"state", "status", "mode", "code", "direction", "id", "address", "latitude", "longitude"}

// guess decides by name and unit.
func guess(name, unit string, text bool) meaning {
	if text {
		return meaning{}
	}
	m := meaning{state: measurement}
	for _, r := range byUnit[unit] {
		if r.words == nil || slices.ContainsFunc(r.words, func(w string) bool { return has(name, w) }) {
			m.device = r.device
			break
		}
	}
	adds := has(name, "total") || has(name, "count")
	switch {
	case m.device == "volume_storage" && (adds || has(name, "meter") || has(name, "water") || has(name, "consumption")):
		m.device, m.state = "volume", increasing
	case m.device == "precipitation" && adds, slices.Contains(counted, unit):
		m.state = increasing
	case m.device == "energy":
		m.state = increasing
	case m.device == "" && (unit == "°" || slices.ContainsFunc(coded, func(w string) bool { return has(name, w) })):
		m.state = ""
	}
	m.state = stateFor(m.device, m.state)
	return m
}

// has tells whether a word stands in a name by itself, be it several parts of it: "co" is not in "co2", nor in "count".
func has(name, word string) bool {
	return strings.Contains("_"+parts(name)+"_", "_"+word+"_")
}

func parts(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

// label is a name as people read it: "CPU temperature".
func label(name string) string {
	text := strings.TrimSpace(strings.ReplaceAll(parts(name), "_", " "))
	if text == "" {
		return name
	}
	words := strings.Fields(text)
	for i, w := range words {
		if slices.Contains(acronyms, w) {
			words[i] = strings.ToUpper(w)
		}
	}
	text = strings.Join(words, " ")
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// acronyms are words that people write in capitals.
var acronyms = []string{"cpu", "co2", "hdop", "gps", "pv", "ac", "dc", "l1", "l2", "l3", "msl", "voc", "pm1", "pm10"}

// as takes what the configuration says of a value in the place of what was decided.
func (m meaning) as(e config.Entity) meaning {
	if e.DeviceClass != "" {
		m.device, m.flag, m.options = without(e.DeviceClass), false, nil
		m.state = stateFor(m.device, cmp.Or(m.state, measurement))
	}
	if e.StateClass != "" {
		m.state = without(e.StateClass)
	}
	return m
}

// without is a class of the configuration: "none" takes it away.
func without(class string) string {
	if class == "none" {
		return ""
	}
	return class
}
