package formula

import (
	"slices"
	"strings"
)

// Scope says which names an expression can use.
type Scope struct {
	Own       string             // the sensor whose values need no prefix; "": none
	Sensors   []Sensor           // in the order of their configuration
	Constants map[string]float64 // by their whole name: gateway.location.alt
	Missing   map[string]string  // constants that have no value here, with a hint what gives them one
}

// Sensor is one sensor and what it has.
type Sensor struct {
	Name   string
	Values []Value
}

// Value is one value of a sensor.
type Value struct {
	Name string
	Unit string // published; "": none
	Text bool
}

// Input is a value that an expression uses.
type Input struct {
	Sensor, Value string
	Unit          string
	Text          bool
}

// String is the whole name of an input.
func (i Input) String() string { return i.Sensor + "." + i.Value }

// find returns a value of a sensor.
func (s *Scope) find(sensor, value string) (Input, bool) {
	for _, x := range s.Sensors {
		if x.Name != sensor {
			continue
		}
		for _, v := range x.Values {
			if v.Name == value {
				return Input{Sensor: sensor, Value: value, Unit: v.Unit, Text: v.Text}, true
			}
		}
	}
	return Input{}, false
}

// valuesOf lists the values of a sensor; false if there is no such sensor.
func (s *Scope) valuesOf(sensor string) ([]string, bool) {
	i := slices.IndexFunc(s.Sensors, func(x Sensor) bool { return x.Name == sensor })
	if i < 0 {
		return nil, false
	}
	var all []string
	for _, v := range s.Sensors[i].Values {
		all = append(all, v.Name)
	}
	return all, true
}

func (s *Scope) sensors() []string {
	var all []string
	for _, x := range s.Sensors {
		all = append(all, x.Name)
	}
	return all
}

// choices are what a name alone can be: a value of the own sensor, or the first part of another name.
func (s *Scope) choices() []string {
	all, _ := s.valuesOf(s.Own)
	for _, x := range s.sensors() {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	for _, c := range s.constants() {
		first, _, _ := strings.Cut(c, ".")
		if !slices.Contains(all, first) {
			all = append(all, first)
		}
	}
	return all
}

// constants lists the whole names of constants, those without a value too.
func (s *Scope) constants() []string {
	var all []string
	for name := range s.Constants {
		all = append(all, name)
	}
	for name := range s.Missing {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
