package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Calibration turns the numbers of a device into true ones: by a table of points, or by a polynomial. Exactly one of Points and
// Polynomial is there.
type Calibration struct {
	Points     []Point   // two or more, ascending by Raw; straight lines between them
	RawUnit    string    // of Raw, as written; "": the driver's
	TrueUnit   string    // of True, as written; "": the one published
	Polynomial []float64 // coefficients: of 1, x, x², ...
	Outside    Outside   // of the table
}

// Point is one measurement of a calibration.
type Point struct{ Raw, True float64 }

// Outside says what is done with a number outside a table.
type Outside string

// The choices. The first is the default: thermometers are calibrated in ice and boiling water, and then measure below ice.
const (
	Extrapolate Outside = "extrapolate" // the nearest line goes on
	OutsideBad  Outside = "bad"         // it cannot be true
)

const (
	maxPoints       = 256
	maxCoefficients = 8
)

const calibrateHint = "raw: true, two or more: {0.4V: 0m, 2.0V: 5m}; or {polynomial: [0.1, 1.02, 0.003]}"

// decodeNode reads {0.4V: 0m, 2.0V: 5m, outside: bad} or {polynomial: [c0, c1, c2]}.
func (c *Calibration) decodeNode(d *decoder, n *yaml.Node, path string) {
	if !d.isMap(n, path) {
		if empty(n) {
			d.wrong(n, path, "has no points", calibrateHint)
		}
		return
	}
	c.Outside = Extrapolate
	for _, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.value)
		value := follow(e.value)
		switch e.name {
		case "polynomial":
			c.polynomial(d, value, at)
		case "outside":
			c.outside(d, value, at)
		default:
			c.point(d, e, at)
		}
	}
	c.check(d, n, path)
}

func (c *Calibration) polynomial(d *decoder, n *yaml.Node, at string) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, at, "wants a list, not "+kindOf(n), "coefficients of 1, x, x²: [0.1, 1.02, 0.003]")
		return
	}
	for i, item := range n.Content {
		x, err := parseNumber(follow(item).Value)
		if err != nil {
			d.wrong(item, fmt.Sprintf("%s[%d]", at, i), err.Error(), hintOf(err))
			return
		}
		c.Polynomial = append(c.Polynomial, x)
	}
	if len(c.Polynomial) < 2 || len(c.Polynomial) > maxCoefficients {
		d.wrong(n, at, fmt.Sprintf("has %d coefficients", len(c.Polynomial)), fmt.Sprintf("2 to %d: of 1, x, x²", maxCoefficients))
	}
}

func (c *Calibration) outside(d *decoder, n *yaml.Node, at string) {
	words := []string{string(Extrapolate), string(OutsideBad)}
	if n.Kind != yaml.ScalarNode || !slices.Contains(words, n.Value) {
		d.wrong(n, at, unknownWord(n.Value), suggest(n.Value, words))
		return
	}
	c.Outside = Outside(n.Value)
}

// point reads one point. All have the units of the first.
func (c *Calibration) point(d *decoder, e entry, at string) {
	value := follow(e.value)
	raw, rawUnit, err := parseQuantity(e.name)
	if err != nil {
		d.wrong(e.key, at, err.Error(), calibrateHint)
		return
	}
	if value.Kind != yaml.ScalarNode {
		d.wrong(value, at, "wants a number, not "+kindOf(value), calibrateHint)
		return
	}
	truth, unit, err := parseQuantity(value.Value)
	if err != nil {
		d.wrong(value, at, err.Error(), calibrateHint)
		return
	}
	if len(c.Points) == 0 {
		c.RawUnit, c.TrueUnit = rawUnit, unit
	}
	if rawUnit != c.RawUnit || unit != c.TrueUnit {
		d.wrong(e.key, at, "has other units than the points before", "one unit on the left, one on the right: {0.4V: 0m, 2.0V: 5m}")
		return
	}
	c.Points = append(c.Points, Point{raw, truth})
}

func (c *Calibration) check(d *decoder, n *yaml.Node, path string) {
	slices.SortFunc(c.Points, func(a, b Point) int {
		if a.Raw < b.Raw {
			return -1
		}
		return 1
	})
	switch {
	case !d.sound(path):
	case c.Polynomial != nil && c.Points != nil:
		d.wrong(n, path, "has both a table and a polynomial", "one of the two")
	case c.Polynomial != nil && d.given(below(path, "outside")):
		d.fail(below(path, "outside"), "is for tables", "valid: bounds what a polynomial gives")
	case c.Polynomial != nil:
	case len(c.Points) < 2:
		d.wrong(n, path, fmt.Sprintf("has %d points", len(c.Points)), "two or more: {0.4V: 0m, 2.0V: 5m}; a single one is an offset")
	case len(c.Points) > maxPoints:
		d.wrong(n, path, fmt.Sprintf("has more than %d points", maxPoints), "between two points there is a straight line")
	}
	for i := 1; i < len(c.Points); i++ {
		if c.Points[i].Raw == c.Points[i-1].Raw {
			d.wrong(n, path, fmt.Sprintf("has two points at %v", c.Points[i].Raw), "each raw number once")
			return
		}
	}
}

var quantity = regexp.MustCompile(`^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) ?([^\s0-9.+-].*)?$`)

// parseQuantity reads a number and the unit behind it, if there is one: 0.4V, -5 °C, 12.
func parseQuantity(text string) (number float64, unit string, err error) {
	m := quantity.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, "", fmt.Errorf("%q is not a number, with or without a unit", text)
	}
	number, err = parseNumber(m[1])
	return number, strings.TrimSpace(m[2]), err
}
