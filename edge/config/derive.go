package config

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"skerry/edge/formula"
)

// Derive is a value that is computed from others instead of being measured. The zero Derive is none.
type Derive struct {
	Text    string
	Formula *formula.Formula

	node *yaml.Node // for errors: it is compiled when all values are known
}

// decodeNode reads an expression. It may have several lines.
func (e *Derive) decodeNode(d *decoder, n *yaml.Node, path string) {
	e.Text = d.expressionText(n, path, "dew_point(temperature, humidity)")
	e.node = n
}

// Condition is one over the values of the station. The zero Condition is none.
type Condition struct {
	Text      string
	Condition *formula.Condition

	node *yaml.Node
}

// decodeNode reads an expression. It may have several lines.
func (c *Condition) decodeNode(d *decoder, n *yaml.Node, path string) {
	c.Text = d.expressionText(n, path, "air.temperature < 0")
	c.node = n
}

// expressionText reads the text of an expression.
func (d *decoder) expressionText(n *yaml.Node, path, example string) string {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(n, path, "wants an expression, not "+kindOf(n), `such as: "`+example+`"; one with { or [ needs quotes`)
		return ""
	case empty(n), strings.TrimSpace(n.Value) == "":
		d.wrong(n, path, "has no expression", "such as: "+example)
		return ""
	}
	return n.Value
}

// wrongFormula reports what is wrong with an expression, at the character where that is, if it is known.
func (d *decoder) wrongFormula(n *yaml.Node, path string, err error) {
	e, ok := err.(*formula.SyntaxError)
	if !ok {
		d.wrong(n, path, err.Error(), "such as: air.temperature < 0")
		return
	}
	hint := e.Hint
	if e.Word != "" {
		hint = cmp.Or(suggest(e.Word, e.Choices), hint)
	}
	at := placeOf(n)
	at.column += insideScalar(n, e.Column)
	d.report(at, path, e.Problem, cmp.Or(hint, "docs/values.md has the language"))
}

// maxDerived is how many values of a station can be derived.
const maxDerived = 1000

// formulas compiles the expressions over values, now that all are known, and puts derived values into an order in which each
// comes after those that it needs. Where a sensor is wrong its values are not known, and no expression can be judged.
func (d *decoder) formulas(cfg *Config) {
	if !d.sound("sensors") || d.exhausted {
		return
	}
	scope := d.scope(cfg)
	n := 0
	for i := range cfg.Sensors {
		s := &cfg.Sensors[i]
		scope.Own = s.Name
		for j := range s.Values {
			v := &s.Values[j]
			if v.Derive.node == nil {
				continue
			}
			if n++; n > maxDerived {
				d.fail(derivePath(s, v), fmt.Sprintf("more than %d values are derived", maxDerived), "fewer, or more stations")
				return
			}
			var err error
			if v.Derive.Formula, err = formula.Compile(v.Derive.Text, scope); err != nil {
				d.wrongFormula(v.Derive.node, derivePath(s, v), err)
			} else {
				d.derivedUnit(s, v)
			}
		}
	}
	if d.sound("sensors") {
		d.cycles(cfg.Sensors)
	}
	d.conditions(cfg.Alarms, d.scope(cfg))
}

// derivedUnit gives a derived value the unit of its formula, where that is known: it is converted to the one published like that of a
// driver. Of others the unit published is the one that the formula is taken to give.
func (d *decoder) derivedUnit(s *Sensor, v *Value) {
	given := d.given(below(strings.TrimSuffix(derivePath(s, v), ".derive"), "unit"))
	if unit := v.Derive.Formula.Unit; unit != "" {
		v.Doc.Unit = unit
		if !given {
			v.Unit = unit
		}
	}
}

func derivePath(s *Sensor, v *Value) string {
	return below(below(below(below("sensors", s.Name), "values"), v.Name), "derive")
}

// scope is what expressions can name.
func (d *decoder) scope(cfg *Config) formula.Scope {
	scope := formula.Scope{Constants: map[string]float64{}, Missing: map[string]string{}}
	for _, s := range cfg.Sensors {
		known := formula.Sensor{Name: s.Name}
		for _, v := range s.Values {
			known.Values = append(known.Values, formula.Value{Name: v.Name, Unit: v.Unit, Text: v.Doc.Text})
		}
		scope.Sensors = append(scope.Sensors, known)
	}
	const hint = "gateway: {location: {lat: 45.832, lon: 6.865, alt: 2310m}}"
	for _, key := range []string{"lat", "lon", "alt"} {
		at := "gateway.location." + key
		if cfg.Gateway.Location == nil || !d.given(at) {
			scope.Missing[at] = hint
		}
	}
	if l := cfg.Gateway.Location; l != nil {
		for at, x := range map[string]float64{"lat": l.Latitude, "lon": l.Longitude, "alt": float64(l.Altitude)} {
			if at = "gateway.location." + at; scope.Missing[at] == "" {
				scope.Constants[at] = x
			}
		}
	}
	return scope
}

// cycles refuses values that are derived from each other, and notes the order of the others.
func (d *decoder) cycles(sensors []Sensor) {
	w := walker{d: d, derived: map[string]step{}, state: map[string]visit{}}
	for i := range sensors {
		s := &sensors[i]
		for j := range s.Values {
			if s.Values[j].Derive.Formula != nil {
				w.derived[s.Name+"."+s.Values[j].Name] = step{s, &s.Values[j]}
			}
		}
	}
	for i := range sensors {
		for _, v := range sensors[i].Values {
			if v.Derive.Formula != nil {
				w.walk(sensors[i].Name+"."+v.Name, nil)
			}
		}
	}
}

// walker goes through derived values, those first that others need.
type walker struct {
	d       *decoder
	derived map[string]step
	state   map[string]visit
}

type step struct {
	sensor *Sensor
	value  *Value
}

type visit byte

const (
	unvisited visit = iota
	underWay
	visited
)

func (w *walker) walk(name string, way []string) {
	one, ok := w.derived[name]
	if !ok || w.state[name] == visited {
		return
	}
	way = append(way, name)
	if w.state[name] == underWay {
		w.d.fail(derivePath(one.sensor, one.value), "is derived from itself: "+strings.Join(way, " from "), "one of them has to be measured")
		return
	}
	w.state[name] = underWay
	for _, in := range one.value.Derive.Formula.Inputs {
		w.walk(in.String(), way)
	}
	w.state[name] = visited
	one.sensor.Derived = append(one.sensor.Derived, one.value.Name)
}

// derived finishes a value that is not measured.
func (d *decoder) derived(at string, known bool, v *Value) {
	v.Doc.Unit = v.Unit // what a formula gives needs no conversion
	if v.Burst != nil {
		d.fail(below(at, "burst"), "is of readings, and a derived value is not read", "give it to the values it is derived from")
	}
	if known {
		d.fail(below(at, "derive"), fmt.Sprintf("the driver measures %s", v.Name), "another name for what is derived")
	}
	if v.Calibrate != nil && v.Calibrate.RawUnit+v.Calibrate.TrueUnit != "" {
		d.fail(below(at, "calibrate"), "has units, and a derived value has its own", "numbers alone: {0: 0.1, 10: 10.3}")
	}
}

// conditions compiles those of alarms.
func (d *decoder) conditions(list []Alarm, scope formula.Scope) {
	for i := range list[:min(len(list), maxAlarms)] {
		at := below("alarms", list[i].Name)
		for key, c := range map[string]*Condition{"when": &list[i].When, "clear": &list[i].Clear} {
			if c.Text == "" {
				continue
			}
			var err error
			if c.Condition, err = formula.CompileCondition(c.Text, scope); err != nil {
				d.wrongFormula(c.node, below(at, key), err)
			} else if len(c.Condition.Inputs) == 0 {
				d.fail(below(at, key), "asks for no value", "air.temperature < 0")
			}
		}
	}
}
