package hass

import "slices"

// class is what Home Assistant takes for a device class of sensors: units, of which "" is none, and state classes.
type class struct{ units, states []string }

// classes are the device classes that are used here, with what Home Assistant has allowed since device discovery exists; what it has come
// to allow later is left out. Source: home-assistant/core, homeassistant/components/sensor/const.py, DEVICE_CLASS_UNITS and
// DEVICE_CLASS_STATE_CLASSES, and homeassistant/const.py for the units, as of release 2024.12.
var classes = map[string]class{
	"apparent_power":                   {units: []string{"VA"}, states: measured},
	"aqi":                              {units: []string{""}, states: measured},
	"atmospheric_pressure":             {units: pressures, states: measured},
	"battery":                          {units: []string{"%"}, states: measured},
	"carbon_dioxide":                   {units: []string{"ppm"}, states: measured},
	"carbon_monoxide":                  {units: []string{"ppm"}, states: measured},
	"conductivity":                     {units: []string{"S/cm", "mS/cm", "µS/cm"}, states: measured},
	"current":                          {units: []string{"A", "mA"}, states: measured},
	"data_rate":                        {units: []string{"bit/s", "kbit/s", "Mbit/s", "B/s", "kB/s", "MB/s", "KiB/s", "MiB/s"}, states: measured},
	"data_size":                        {units: []string{"B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"}, states: anyState},
	"distance":                         {units: []string{"mm", "cm", "m", "km", "in", "ft", "yd", "mi"}, states: anyState},
	"duration":                         {units: []string{"ms", "s", "min", "h", "d"}, states: anyState},
	"energy":                           {units: energies, states: totals},
	"energy_storage":                   {units: energies, states: measured},
	"enum":                             {units: []string{""}},
	"frequency":                        {units: []string{"Hz", "kHz", "MHz", "GHz"}, states: measured},
	"gas":                              {units: []string{"m³", "ft³", "CCF"}, states: totals},
	"humidity":                         {units: []string{"%"}, states: measured},
	"illuminance":                      {units: []string{"lx"}, states: measured},
	"irradiance":                       {units: []string{"W/m²"}, states: measured},
	"moisture":                         {units: []string{"%"}, states: measured},
	"ph":                               {units: []string{""}, states: measured},
	"pm1":                              {units: []string{dust}, states: measured},
	"pm10":                             {units: []string{dust}, states: measured},
	"pm25":                             {units: []string{dust}, states: measured},
	"power":                            {units: []string{"W", "kW", "MW"}, states: measured},
	"power_factor":                     {units: []string{"%", ""}, states: measured},
	"precipitation":                    {units: []string{"mm", "cm", "in"}, states: anyState},
	"precipitation_intensity":          {units: fluxes, states: measured},
	"pressure":                         {units: pressures, states: measured},
	"reactive_power":                   {units: []string{"var"}, states: measured},
	"signal_strength":                  {units: []string{"dB", "dBm"}, states: measured},
	"sound_pressure":                   {units: []string{"dB", "dBA"}, states: measured},
	"speed":                            {units: append([]string{"mm/s"}, append(speeds, fluxes...)...), states: measured},
	"temperature":                      {units: []string{"°C", "°F", "K"}, states: measured},
	"timestamp":                        {units: []string{""}},
	"volatile_organic_compounds":       {units: []string{dust}, states: measured},
	"volatile_organic_compounds_parts": {units: []string{"ppm", "ppb"}, states: measured},
	"voltage":                          {units: []string{"V", "mV"}, states: measured},
	"volume":                           {units: volumes, states: totals},
	"volume_flow_rate":                 {units: []string{"m³/h", "L/min", "ft³/min", "gal/min"}, states: measured},
	"volume_storage":                   {units: volumes, states: measured},
	"water":                            {units: []string{"m³", "L", "ft³", "CCF", "gal"}, states: totals},
	"weight":                           {units: []string{"kg", "g", "mg", "µg", "oz", "lb", "st"}, states: anyState},
	"wind_speed":                       {units: speeds, states: measured},
}

// The state classes.
const (
	measurement = "measurement"
	increasing  = "total_increasing"
)

const dust = "µg/m³"

var (
	measured  = []string{measurement}
	totals    = []string{"total", increasing}
	anyState  = append(totals, measurement)
	pressures = []string{"Pa", "hPa", "kPa", "mbar", "cbar", "bar", "inHg", "mmHg", "psi"}
	energies  = []string{"J", "kJ", "MJ", "GJ", "Wh", "kWh", "MWh"}
	fluxes    = []string{"mm/h", "mm/d", "in/h", "in/d"}
	speeds    = []string{"m/s", "km/h", "kn", "mph", "ft/s"}
	volumes   = []string{"m³", "L", "mL", "ft³", "CCF", "gal"}
)

// units are the names of our units where Home Assistant writes them otherwise.
var units = map[string]string{
	"l": "L", "ml": "mL", "l/min": "L/min", "lux": "lx", "μg/m³": dust, "ug/m3": dust, "m3": "m³", "m3/h": "m³/h", "W/m2": "W/m²",
	"μS/cm": "µS/cm", "uS/cm": "µS/cm", "1/min": "rpm",
}

// unitOf is a unit as Home Assistant writes it.
func unitOf(unit string) string {
	if own, ok := units[unit]; ok {
		return own
	}
	return unit
}

// fits tells whether a device class may have a unit.
func fits(device, unit string) bool { return slices.Contains(classes[device].units, unit) }
