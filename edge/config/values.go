package config

import (
	"fmt"
	"reflect"
	"strings"

	"skerry/drivers"
)

// values decodes the values of a sensor: those that the file names, or all that the driver has.
func (d *decoder) values(from section, s *Sensor) {
	s.Setup.Values = map[string]any{}
	if from.node == nil || empty(from.node) {
		for _, doc := range s.Kind.Values {
			s.Values = append(s.Values, newValue(doc))
			s.valueOptions(doc)
		}
		return
	}
	if !d.isMap(from.node, from.path) {
		return
	}
	list := d.entries(from.node, from.path)
	if len(list) == 0 {
		d.fail(from.path, "names no value", "leave the line out to publish all: "+strings.Join(valueNames(s.Kind), ", "))
	}
	for _, e := range list {
		s.Values = append(s.Values, d.oneValue(e, below(from.path, e.name), s))
	}
}

func newValue(doc drivers.ValueDoc) Value {
	return Value{Name: doc.Name, Doc: doc, Unit: doc.Unit, Multiply: 1}
}

// valueOptions makes the options that a value has by its driver; nil if it has none.
func (s *Sensor) valueOptions(doc drivers.ValueDoc) any {
	if doc.Opts == nil {
		return nil
	}
	opts := doc.Opts()
	s.Setup.Values[doc.Name] = opts
	return opts
}

// oneValue decodes one value. A name that no driver has is not the mistake where a planned key would make the value.
func (d *decoder) oneValue(e entry, at string, s *Sensor) Value {
	d.note(at, e.value)
	doc, known := s.Kind.Value(e.name)
	v := newValue(doc)
	targets := []reflect.Value{reflect.ValueOf(&v).Elem()}
	if opts := s.valueOptions(doc); opts != nil {
		targets = append(targets, reflect.ValueOf(opts).Elem())
	}
	if n := follow(e.value); d.plain(n, at) {
		d.mapping(n, at, targets...)
	}
	if !known && d.sound(at) {
		d.wrong(e.key, at, fmt.Sprintf("driver %s has no such value", s.Kind.Name), suggest(e.name, valueNames(s.Kind)))
	}
	if d.sound(at) {
		d.treatment(at, v)
	}
	return v
}

func valueNames(kind drivers.Kind) []string {
	names := make([]string, len(kind.Values))
	for i, v := range kind.Values {
		names[i] = v.Name
	}
	return names
}

// treatment checks numbers that would make a value useless.
func (d *decoder) treatment(at string, v Value) {
	if v.Multiply == 0 {
		d.fail(below(at, "multiply"), "multiplying by 0 leaves nothing", "1 leaves the value as it is")
	}
	if v.Round < 0 || v.Round == 0 && d.given(below(at, "round")) {
		d.fail(below(at, "round"), "is not a step to round to", "the step: 0.01 for two decimals, 5 for 0, 5, 10")
	}
	if d.given(below(at, "unit")) && v.Unit == "" && v.Doc.Unit != "" {
		d.fail(below(at, "unit"), "is empty", "leave the line out to publish in "+v.Doc.Unit)
	}
}

// topics gives each value its Topic Name: its own, that of the sensor's template, or that of the sensor as a whole.
func (d *decoder) topics(at string, s *Sensor, v vars, taken map[string]string) {
	v["sensor"] = s.Name
	key, template := below(at, "topic"), s.Topic
	if d.given(key) && !d.checkTemplate(key, template, sensorVars) {
		return
	}
	each := strings.Contains(template, "{value}")
	var together []*Value
	for i := range s.Values {
		one := &s.Values[i]
		v["value"] = one.Name
		place := below(below(at, "values"), one.Name)
		switch own := below(place, "topic"); {
		case d.given(own):
			if !d.checkTemplate(own, one.Topic, sensorVars) {
				return
			}
			place, one.Topic = own, v.expand(one.Topic)
		case each:
			place, one.Topic = d.nearest(place, key), v.expand(template)
		default:
			together = append(together, one)
			continue
		}
		if !d.claim(place, one.Topic, taken) {
			return // the others have the same mistake
		}
	}
	if len(together) == 0 {
		s.Topic = ""
		return
	}
	s.Topic = v.expand(template)
	if d.claim(d.nearest(at, key), s.Topic, taken) {
		d.together(at, s, together)
	}
}

// together checks values that share a topic. One alone has the topic for itself.
func (d *decoder) together(at string, s *Sensor, values []*Value) {
	if s.Payload != Bare {
		return
	}
	if len(values) == 1 {
		values[0].Topic, s.Topic = s.Topic, ""
		return
	}
	d.fail(d.nearest(at, below(at, "payload")), fmt.Sprintf("a bare value cannot hold the %d values published together to %s", len(values), s.Topic),
		"put {value} into the topic, or write payload: json")
}

// nearest returns the key if it is in the file, and otherwise the other path.
func (d *decoder) nearest(otherwise, key string) string {
	if d.given(key) {
		return key
	}
	return otherwise
}

// claim takes a topic for one value or sensor. Two on one topic would overwrite each other's retained message.
func (d *decoder) claim(path, name string, taken map[string]string) bool {
	if !d.checkTopicName(path, name) {
		return false
	}
	if other, ok := taken[name]; ok {
		d.fail(path, fmt.Sprintf("topic %q is taken by %s", name, other), "put {sensor} and {value} into the topic")
		return false
	}
	taken[name] = path
	return true
}
