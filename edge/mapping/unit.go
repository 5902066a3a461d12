package mapping

import (
	"slices"
	"strings"
)

// unit places one unit on the scale of its quantity: base = number*scale + offset.
type unit struct {
	name     string
	quantity string
	scale    float64
	offset   float64
}

// units are the ones that sensors and the people who read them use side by side. Everything else is converted by multiply
// and offset.
var units = []unit{
	{"Pa", "pressure", 1, 0},
	{"hPa", "pressure", 100, 0},
	{"mbar", "pressure", 100, 0},
	{"kPa", "pressure", 1000, 0},
	{"bar", "pressure", 100_000, 0},
	{"inHg", "pressure", 3386.389, 0},
	{"°C", "temperature", 1, 0},
	{"°F", "temperature", 5.0 / 9, -160.0 / 9},
	{"K", "temperature", 1, -273.15},
	{"mm", "length", 0.001, 0},
	{"cm", "length", 0.01, 0},
	{"in", "length", 0.0254, 0},
	{"ft", "length", 0.3048, 0},
	{"m", "length", 1, 0},
	{"km", "length", 1000, 0},
	{"m/s", "speed", 1, 0},
	{"km/h", "speed", 1 / 3.6, 0},
	{"kn", "speed", 1852.0 / 3600, 0},
	{"mph", "speed", 0.44704, 0},
	{"mV", "voltage", 0.001, 0},
	{"V", "voltage", 1, 0},
	{"mA", "current", 0.001, 0},
	{"A", "current", 1, 0},
	{"W", "power", 1, 0},
	{"kW", "power", 1000, 0},
	{"Wh", "energy", 1, 0},
	{"kWh", "energy", 1000, 0},
}

// conversion turns numbers of one unit into numbers of another one of the same quantity.
type conversion struct{ from, to unit }

func (c *conversion) apply(x float64) float64 {
	if c == nil {
		return x
	}
	// The division comes last: 101325*1/100 is exact where 101325*0.01 is not.
	return (x*c.from.scale + c.from.offset - c.to.offset) / c.to.scale
}

// factor is what a multiplication in place of the conversion would need, 0 if there is no such number.
func (c *conversion) factor() float64 {
	if c.from.offset != c.to.offset {
		return 0
	}
	return c.from.scale / c.to.scale
}

// convert finds the way from one unit to another, false if the two do not measure the same quantity or one is unknown.
func convert(from, to string) (conversion, bool) {
	a, b := lookUp(from), lookUp(to)
	if a < 0 || b < 0 || units[a].quantity != units[b].quantity {
		return conversion{}, false
	}
	return conversion{units[a], units[b]}, true
}

func lookUp(name string) int {
	return slices.IndexFunc(units, func(u unit) bool { return u.name == name })
}

// convertible lists what a unit can be converted into, for a hint.
func convertible(from string) string {
	i := lookUp(from)
	if i < 0 {
		return ""
	}
	var names []string
	for _, u := range units {
		if u.quantity == units[i].quantity && u.name != from {
			names = append(names, u.name)
		}
	}
	return strings.Join(names, ", ")
}
