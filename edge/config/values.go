package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"skerry/drivers"
)

// values decodes the values of a sensor: those that the file names, or all that the driver has.
func (d *decoder) values(sensor string, from section, s *Sensor) {
	s.Setup.Values = map[string]any{}
	docs := s.Kind.Values
	if s.Kind.Declare != nil {
		docs = slices.Concat(docs, s.Kind.Declare(s.Setup))
	}
	if from.node == nil || empty(from.node) {
		if len(docs) == 0 {
			d.noValues(sensor, s)
		}
		for _, doc := range docs {
			s.Values = append(s.Values, s.newValue(doc.With(s.valueOptions(doc))))
		}
		return
	}
	if !d.isMap(from.node, from.path) {
		return
	}
	list := d.entries(from.node, from.path)
	if len(list) == 0 {
		d.fail(from.path, "names no value", "leave the line out to publish all: "+strings.Join(valueNames(docs), ", "))
	}
	for _, e := range list {
		s.Values = append(s.Values, d.oneValue(e, below(from.path, e.name), s, docs))
	}
}

// noValues says why a sensor has none: the driver knows whether its options should have given some.
func (d *decoder) noValues(sensor string, s *Sensor) {
	if s.Kind.Check != nil && d.sound(sensor) {
		d.options(sensor, s.Kind.Check(s.Setup))
	}
	if d.sound(sensor) {
		d.fail(sensor, "names no value", fmt.Sprintf("driver %s measures what is written under values:", s.Kind.Name))
	}
}

func (s *Sensor) newValue(doc drivers.ValueDoc) Value {
	return Value{Name: doc.Name, Doc: doc, Unit: doc.Unit, Multiply: 1,
		Payload: s.Payload, Template: s.Template, QoS: s.QoS, Retain: s.Retain}
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

// oneValue decodes one value: one of the driver's, or one that is derived.
func (d *decoder) oneValue(e entry, at string, s *Sensor, docs []drivers.ValueDoc) Value {
	d.note(at, e.value)
	doc, known := s.docOf(e.name, docs)
	derived := d.has(e.value, at, "derive")
	if derived {
		doc = drivers.ValueDoc{Name: e.name}
		known = slices.Contains(valueNames(docs), e.name)
	}
	v := s.newValue(doc)
	targets := []reflect.Value{reflect.ValueOf(&v).Elem()}
	opts := s.valueOptions(doc)
	if opts != nil {
		targets = append(targets, reflect.ValueOf(opts).Elem())
	}
	if n := follow(e.value); d.plain(n, at) {
		d.mapping(n, at, targets...)
	}
	v.Doc = v.Doc.With(opts)
	if !d.given(below(at, "unit")) {
		v.Unit = v.Doc.Unit
	}
	switch {
	case (known || derived) && s.Kind.Named != nil:
		d.checkName(e.key, at, e.name)
	case !known && !derived && d.sound(at):
		d.wrong(e.key, at, fmt.Sprintf("driver %s has no such value", s.Kind.Name), suggest(e.name, valueNames(docs)))
	}
	if v.Calibrate != nil && !d.given(below(at, "unit")) {
		v.Unit = cmp.Or(v.Calibrate.TrueUnit, v.Unit)
	}
	if derived {
		d.derived(at, known, &v)
	}
	if d.sound(at) {
		d.treatment(at, v)
		d.burst(at, &v, s)
		d.window(at, &v, s)
	}
	return v
}

// has reports whether a map of the file has a key.
func (d *decoder) has(n *yaml.Node, path, key string) bool {
	if n = follow(n); n.Kind != yaml.MappingNode {
		return false
	}
	return slices.ContainsFunc(d.entries(n, path), func(e entry) bool { return e.name == key })
}

// docOf finds what the driver says of a value, or of one that it leaves to the configuration to name.
func (s *Sensor) docOf(name string, docs []drivers.ValueDoc) (drivers.ValueDoc, bool) {
	for _, doc := range docs {
		if doc.Name == name {
			return doc, true
		}
	}
	if s.Kind.Named == nil {
		return drivers.ValueDoc{}, false
	}
	doc := s.Kind.Named(name)
	doc.Name = name
	return doc, true
}

func valueNames(docs []drivers.ValueDoc) []string {
	names := make([]string, len(docs))
	for i, v := range docs {
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
func (d *decoder) topics(at string, s *Sensor, v vars) {
	v["sensor"] = s.Name
	s.Site, s.Gateway = v["site"], v["gateway"]
	d.asking(at, s, v)
	defer d.payloads(at, s, v)
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
		if !d.claim(place, one.Topic, d.taken) {
			return // the others have the same mistake
		}
	}
	if len(together) == 0 {
		s.Topic = ""
		return
	}
	s.Topic = v.expand(template)
	if d.claim(d.nearest(at, key), s.Topic, d.taken) {
		d.together(at, s, together)
	}
}

// together checks values that share a topic. One alone has the topic for itself.
func (d *decoder) together(at string, s *Sensor, values []*Value) {
	if s.Payload != Bare && s.Payload != Formatted {
		return
	}
	if len(values) == 1 {
		values[0].Topic, s.Topic = s.Topic, ""
		return
	}
	d.fail(d.nearest(at, below(at, "payload")), fmt.Sprintf("the payload %s cannot hold the %d values published together to %s", s.Payload, len(values), s.Topic),
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
