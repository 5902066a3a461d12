package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"skerry/drivers"
)

// sensors resolves the section that hangs on all before it: defaults, buses, drivers.
func (d *decoder) sensors(c *contents, cfg *Config, kinds []drivers.Kind) []Sensor {
	if d.given("defaults.topic") {
		d.checkTemplate("defaults.topic", c.Defaults.Topic, sensorVars)
	}
	all := d.listed(c, cfg, kinds)
	d.renamed(all)
	all = append(all, d.health(c, cfg, kinds)...)
	d.answers()
	return all
}

// renamed checks that no two sensors are known by one name.
func (d *decoder) renamed(all []Sensor) {
	known := map[string]string{}
	for _, s := range all {
		known[s.Name] = below("sensors", s.Name)
	}
	for _, s := range all {
		key := below(below("sensors", s.Name), "was")
		if s.Was == "" || !d.sound(key) {
			continue
		}
		if problem := badName(s.Was, nameRune); problem != "" {
			d.fail(key, problem, "the name that the sensor had: letters, digits, _ and -, at most 64")
		} else if other, taken := known[s.Was]; taken {
			d.fail(key, fmt.Sprintf("%s is known by that name", other), "the name that this sensor had before, and no other has")
		} else {
			known[s.Was] = below("sensors", s.Name)
		}
	}
}

// listed resolves the sensors that the section names.
func (d *decoder) listed(c *contents, cfg *Config, kinds []drivers.Kind) []Sensor {
	n := c.Sensors.node
	if n == nil || !d.isMap(n, "sensors") {
		return nil
	}
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(k drivers.Kind) bool { return !k.Reads() })
	var all []Sensor
	for _, e := range d.entries(n, "sensors") {
		at := below("sensors", e.name)
		d.note(at, e.value)
		d.checkName(e.key, at, e.name)
		value := follow(e.value)
		if !d.plain(value, at) || !d.isMap(value, at) {
			if empty(value) {
				d.fail(at, "names no driver", "{driver: bme280}")
			}
			continue
		}
		all = append(all, d.sensor(section{value, at}, e.name, c, kinds))
		if s := &all[len(all)-1]; d.sound(at) && d.sound("gateway") && d.sound("defaults") {
			d.topics(at, s, station(cfg.Gateway))
			d.alone(at, s.Bus, s.Kind)
		}
	}
	return all
}

// sensor decodes one sensor and the options of its driver, which share one map.
func (d *decoder) sensor(from section, name string, c *contents, kinds []drivers.Kind) Sensor {
	def := c.Defaults
	s := Sensor{Name: name, Every: def.Every, Topic: def.Topic, Payload: def.Payload, Template: def.Template, QoS: def.QoS, Retain: def.Retain,
		StaleAfter: def.StaleAfter, Align: def.Align, Get: def.Get}
	kind, ok := d.kind(from, kinds)
	if !ok {
		return s
	}
	s.Kind = kind
	values := valueSection{}
	targets := []reflect.Value{reflect.ValueOf(&s).Elem(), reflect.ValueOf(&values).Elem()}
	if kind.Opts != nil {
		s.Setup.Opts = kind.Opts()
		targets = append(targets, reflect.ValueOf(s.Setup.Opts).Elem())
	}
	d.mapping(from.node, from.path, targets...)
	kind = d.placed(s.Setup.Opts, kind)
	s.Kind = kind
	s.Bus = d.busOf(from.path, s.Bus, kind, c.Buses)
	s.Setup.Bus = s.Bus
	d.values(from.path, values.Values, &s)
	d.stale(from.path, &s)
	if at := below(from.path, "set_clock"); s.SetClock && !kind.Clock {
		d.fail(at, fmt.Sprintf("driver %s knows no date", kind.Name), "leave it out; nmea does")
	}
	d.power(from.path, &s)
	if d.sound(from.path) && kind.Check != nil {
		d.options(from.path, kind.Check(s.Setup))
	}
	return s
}

// placed tells options that ask for it where the file is, as a profile may lie beside it, and asks them whether the sensor is on a bus
// at all: one with an address on the network is on none.
func (d *decoder) placed(opts any, kind drivers.Kind) drivers.Kind {
	if o, ok := opts.(interface{ SetFolder(path string) }); ok {
		o.SetFolder(d.dir)
	}
	if o, ok := opts.(interface{ OffBus() bool }); ok && o.OffBus() {
		kind.Bus = drivers.NoBus
	}
	return kind
}

// valueSection is the key of a sensor whose content depends on the driver.
type valueSection struct {
	Values section `yaml:"values"`
}

// kind finds the driver of a sensor. When there is none, its other keys cannot be judged.
func (d *decoder) kind(from section, kinds []drivers.Kind) (drivers.Kind, bool) {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	for _, e := range d.entries(from.node, from.path) {
		if e.name != "driver" {
			continue
		}
		at := below(from.path, "driver")
		d.note(at, e.value)
		var name string
		d.value(e.value, at, reflect.ValueOf(&name).Elem(), field{oneof: names})
		for _, k := range kinds {
			if k.Name == name {
				return k, true
			}
		}
		return drivers.Kind{}, false
	}
	if e, ok := d.misspelt(from, "driver"); ok {
		d.wrong(e.key, below(from.path, e.name), "unknown key", "did you mean driver?")
		return drivers.Kind{}, false
	}
	d.fail(from.path, "names no driver", "driver: "+strings.Join(names, " | "))
	return drivers.Kind{}, false
}

// misspelt finds the key that somebody wrote for the one that is missing.
func (d *decoder) misspelt(from section, missing string) (entry, bool) {
	for _, e := range d.entries(from.node, from.path) {
		if suggest(e.name, []string{missing}) == "did you mean "+missing+"?" {
			return e, true
		}
	}
	return entry{}, false
}

// busOf returns the bus of a sensor: the one named, or the first one of the kind.
func (d *decoder) busOf(at, name string, kind drivers.Kind, buses []Bus) string {
	key := below(at, "bus")
	needs := kind.Bus.Named()
	if !d.sound(key) {
		return name
	}
	if !d.given(key) {
		i := slices.IndexFunc(buses, func(b Bus) bool { return busKind(b) == kind.Bus })
		if !needs || i < 0 {
			return ""
		}
		return buses[i].Name
	}
	if !needs {
		d.fail(key, fmt.Sprintf("driver %s is on no bus", kind.Name), "leave the line out")
		return name
	}
	i := slices.IndexFunc(buses, func(b Bus) bool { return b.Name == name })
	var choices []string
	for _, b := range buses {
		if busKind(b) == kind.Bus {
			choices = append(choices, b.Name)
		}
	}
	switch {
	case i < 0 && len(choices) == 0:
		d.fail(key, fmt.Sprintf("no bus %q", name), fmt.Sprintf("buses: {%s: {%v: /dev/...}}, or leave the line out", name, kind.Bus))
	case i < 0:
		d.fail(key, fmt.Sprintf("no bus %q", name), suggest(name, choices))
	case d.sound(below("buses", name)) && busKind(buses[i]) != kind.Bus:
		d.fail(key, fmt.Sprintf("bus %s is not of kind %v, which driver %s needs", name, kind.Bus, kind.Name),
			cmp.Or(suggest(name, choices), "leave the line out to have the board's own"))
	}
	return name
}

// alone refuses a second sensor or output at a port that belongs to one, unless both are devices with addresses.
func (d *decoder) alone(at, bus string, kind drivers.Kind) {
	if kind.Bus != drivers.SerialBus && kind.Bus != drivers.SPIBus {
		return
	}
	key := kind.Bus.String() + " " + bus
	other, taken := d.ports[key]
	if !taken {
		d.ports[key] = owner{at, kind}
		return
	}
	if kind.Shares && other.kind.Name == kind.Name {
		return
	}
	d.fail(d.nearest(at, below(at, "bus")), fmt.Sprintf("shares its %v port with %s", kind.Bus, other.at),
		fmt.Sprintf("a %v port has one device: name another bus", kind.Bus))
}

// owner is the sensor or output that has a port.
type owner struct {
	at   string
	kind drivers.Kind
}

func busKind(b Bus) drivers.BusKind {
	switch {
	case b.I2C != "":
		return drivers.I2CBus
	case b.Serial != "":
		return drivers.SerialBus
	case b.SPI != "":
		return drivers.SPIBus
	case b.OneWire != "":
		return drivers.OneWireBus
	}
	return drivers.NoBus
}

func (d *decoder) stale(at string, s *Sensor) {
	s.Stale = s.StaleAfter.Of(s.Every)
	if s.Stale != 0 && s.Stale < s.Every && d.sound(at) {
		key := below(at, "stale_after")
		d.fail(key, fmt.Sprintf("readings every %s would be stale after %s", FormatDuration(s.Every), FormatDuration(s.Stale)), "5x is five times every")
	}
}

// options reports what a driver found wrong with its options, at their keys.
func (d *decoder) options(at string, err error) {
	for _, o := range optionErrors(err) {
		d.fail(deeper(at, o.Key), o.Problem, o.Hint)
	}
}

// deeper appends a key path to another one.
func deeper(at, key string) string {
	if key == "" {
		return at
	}
	return at + "." + key
}

// optionErrors takes joined errors apart. One of an unforeseen type is a problem of the sensor as a whole.
func optionErrors(err error) []*drivers.OptionError {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*drivers.OptionError
		for _, one := range joined.Unwrap() {
			all = append(all, optionErrors(one)...)
		}
		return all
	}
	if o, ok := errors.AsType[*drivers.OptionError](err); ok {
		return []*drivers.OptionError{o}
	}
	return []*drivers.OptionError{{Problem: err.Error()}}
}
