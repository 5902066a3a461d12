package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"skerry/drivers"
)

const (
	maxOutputs     = 256
	defaultExpires = 5 * time.Minute
	lookEvery      = 30 * time.Second
)

var outputVars = []string{"site", "gateway", "output"}

// outputs resolves the section that hangs on all others: buses, topics of readings, lines of sensors, uplinks.
func (d *decoder) outputs(c *contents, cfg *Config, kinds []drivers.Kind) []Output {
	n := c.Outputs.node
	if n == nil || !d.isMap(n, "outputs") {
		return nil
	}
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(k drivers.Kind) bool { return k.Output == nil })
	pins, places := d.sensorPins(cfg.Sensors), map[string]string{}
	var all []Output
	for _, e := range d.entries(n, "outputs") {
		at := below("outputs", e.name)
		d.note(at, e.value)
		d.checkName(e.key, at, e.name)
		value := follow(e.value)
		if !d.plain(value, at) || !d.isMap(value, at) {
			if empty(value) {
				d.fail(at, "names no driver", "{driver: gpio, pin: GPIO27}")
			}
			continue
		}
		all = append(all, d.output(section{value, at}, e.name, c, kinds))
		if o := &all[len(all)-1]; d.sound(at) {
			d.ownPin(at, o, pins)
			d.ownPlaces(at, o, places)
			d.alone(at, o.Bus, o.Kind)
			d.loss(at, o, cfg.Uplinks)
			d.outputTopics(at, o, station(cfg.Gateway))
		}
	}
	if len(all) > maxOutputs {
		d.fail("outputs", fmt.Sprintf("has more than %d outputs", maxOutputs), "a second station takes the others")
	}
	d.interlocks(all)
	d.commands(all)
	return all
}

// output decodes one output and the options of its driver, which share one map.
func (d *decoder) output(from section, name string, c *contents, kinds []drivers.Kind) Output {
	o := Output{Name: name, Topic: "{site}/{gateway}/{output}", Every: lookEvery,
		Command: Command{Topic: "{site}/{gateway}/{output}/set", Expires: defaultExpires, Time: TimeOptional}}
	kind, ok := d.kind(from, kinds)
	if !ok {
		return o
	}
	targets := []reflect.Value{reflect.ValueOf(&o).Elem()}
	if kind.Output.Opts != nil {
		o.Setup.Opts = kind.Output.Opts()
		targets = append(targets, reflect.ValueOf(o.Setup.Opts).Elem())
	}
	d.mapping(from.node, from.path, targets...)
	o.Kind = d.placed(o.Setup.Opts, kind)
	o.Bus = d.busOf(from.path, o.Bus, o.Kind, c.Buses)
	o.Setup.Bus = o.Bus
	if d.sound(from.path) && kind.Output.Check != nil {
		d.options(from.path, kind.Output.Check(o.Setup))
	}
	if d.sound(from.path) {
		o.Doc = kind.Output.Describe(o.Setup)
		d.bounds(from.path, &o)
	}
	if d.sound(from.path) {
		d.settings(from.path, &o)
	}
	return o
}

// bounds checks what can be set against what the file allows.
func (d *decoder) bounds(at string, o *Output) {
	if o.Doc.Switch {
		for _, key := range []string{"range", "round", "unit"} {
			if d.given(below(at, key)) {
				d.fail(below(at, key), "is for numbers, and this output is on or off", "leave it out")
			}
		}
		for key, t := range map[string]time.Duration{"min_on": o.MinOn, "min_off": o.MinOff} {
			if t >= o.Command.Expires {
				d.fail(below(at, key), fmt.Sprintf("a command that waits for it would expire after %s", FormatDuration(o.Command.Expires)),
					"command: {expires: longer than min_on and min_off}")
			}
		}
		return
	}
	for _, key := range []string{"min_on", "min_off", "interlock"} {
		if d.given(below(at, key)) {
			d.fail(below(at, key), "is for outputs that are on or off, and this one is a number", "leave it out")
		}
	}
	o.Unit = cmp.Or(o.Unit, o.Doc.Unit)
	o.Doc.Unit = o.Unit
	if r := o.Range; r == nil && o.Doc.Wide {
		d.fail(at, "says nothing about what may be commanded", "range: 0..100")
	} else if r != nil {
		if r.Min < o.Doc.Min || r.Max > o.Doc.Max {
			d.fail(below(at, "range"), fmt.Sprintf("the device has %s", o.Span()), "a range within that")
			return
		}
		if r.Min == r.Max {
			d.fail(below(at, "range"), "leaves one value, and nothing to command", fmt.Sprintf("a range within %s", o.Span()))
			return
		}
		o.Doc.Min, o.Doc.Max = r.Min, r.Max
	}
	switch key := below(at, "round"); {
	case o.Round < 0:
		d.fail(key, "is not positive", "to the nearest multiple: 0.5")
	case o.Round > o.Doc.Max-o.Doc.Min:
		d.fail(key, fmt.Sprintf("has no two multiples in %s", o.Span()), "to the nearest multiple: 0.5")
	}
}

// settings fills in and checks what is set without a command.
func (d *decoder) settings(at string, o *Output) {
	zero := Setting{Rule: SetValue, Value: o.Least()}
	if o.Initial.Rule == 0 {
		o.Initial = zero
		if o.Doc.Keeps && o.Interlock == nil {
			o.Initial = Setting{Rule: SetKeep}
		}
	}
	if o.OnStop.Rule == 0 {
		if o.OnStop = o.Initial; o.Initial.Rule != SetValue {
			o.OnStop = Setting{Rule: SetKeep}
		}
	}
	if o.Initial.Rule == SetKeep && !o.Doc.Keeps {
		d.fail(below(at, "initial"), fmt.Sprintf("a %s has no value of its own before it is set", o.Driver), "a value, or last")
	}
	if o.OnStop.Rule == SetLast {
		d.fail(below(at, "on_stop"), "last is what it has already", "keep, or a value")
	}
	d.setting(at, "initial", o, o.Initial)
	d.setting(at, "on_stop", o, o.OnStop)
	if l := o.OnUplinkLoss; l != nil {
		key := below(at, "on_uplink_loss")
		if l.After == 0 || l.Set.Rule != SetValue {
			d.fail(d.nearest(key, below(key, "set")), "wants a time and a value", "{after: 30min, set: off}")
			return
		}
		d.setting(at, "on_uplink_loss.set", o, l.Set)
	}
}

// setting checks that a value is one that the output can have.
func (d *decoder) setting(at, key string, o *Output, s Setting) {
	at = at + "." + key
	switch {
	case s.Rule != SetValue || !d.given(at):
	case o.Doc.Switch && !s.word:
		d.fail(at, formatNumber(s.Value)+" is neither on nor off", "on or off")
	case !o.Doc.Switch && s.word:
		d.fail(at, "this output is a number", o.Span())
	case !o.Doc.Switch && (s.Value < o.Doc.Min || s.Value > o.Doc.Max):
		d.fail(at, fmt.Sprintf("%s is outside %s", formatNumber(s.Value), o.Span()), "a value that it may have")
	}
}

// loss checks that there is an uplink to be lost.
func (d *decoder) loss(at string, o *Output, uplinks []Uplink) {
	if o.OnUplinkLoss == nil {
		return
	}
	key, name := below(at, "on_uplink_loss"), o.OnUplinkLoss.Uplink
	var names []string
	for _, u := range uplinks {
		names = append(names, u.Name)
	}
	switch {
	case len(names) == 0:
		d.fail(key, "there is no uplink that could be lost", "leave it out, or write uplinks:")
	case name != "" && !slices.Contains(names, name):
		d.fail(below(key, "uplink"), fmt.Sprintf("no uplink %q", name), suggest(name, names))
	}
}

// outputTopics expands the topics of an output, and takes that of its state.
func (d *decoder) outputTopics(at string, o *Output, v vars) {
	if !d.sound("gateway") {
		return
	}
	v["output"] = o.Name
	key := below(at, "topic")
	if !d.checkTemplate(d.nearest(at, key), o.Topic, outputVars) || !d.checkTemplate(d.nearest(at, at+".command.topic"), o.Command.Topic, outputVars) {
		return
	}
	o.Topic, o.Command.Topic = v.expand(o.Topic), v.expand(o.Command.Topic)
	if other, ok := d.taken[o.Topic]; ok {
		d.fail(d.nearest(at, key), fmt.Sprintf("topic %q is taken by %s", o.Topic, other), "put {output} into the topic")
		return
	}
	d.claim(d.nearest(at, key), o.Topic, d.taken)
}

// commands checks where outputs are commanded: each on a topic of its own, where the station itself publishes nothing.
func (d *decoder) commands(all []Output) {
	commanded := map[string]string{}
	for i := range all {
		o := &all[i]
		at := below("outputs", o.Name)
		if o.Command.Topic == "" || !d.sound(at) {
			continue
		}
		key := d.nearest(at, at+".command.topic")
		switch other := cmp.Or(d.taken[o.Command.Topic], d.asked[o.Command.Topic]); {
		case !d.checkTopicName(key, o.Command.Topic):
		case commanded[o.Command.Topic] != "":
			d.fail(key, fmt.Sprintf("topic %q commands %s already", o.Command.Topic, commanded[o.Command.Topic]), "put {output} into the topic")
		case other != "":
			d.fail(key, fmt.Sprintf("topic %q is that of %s", o.Command.Topic, other), "another topic, such as {site}/{gateway}/{output}/set")
		default:
			commanded[o.Command.Topic] = at
		}
	}
}

// interlocks checks the pairs, and what they have without a command.
func (d *decoder) interlocks(all []Output) {
	var names []string
	for _, o := range all {
		if o.Doc.Switch {
			names = append(names, o.Name)
		}
	}
	for i := range all {
		o := &all[i]
		at := below("outputs", o.Name)
		if o.Interlock == nil || !d.sound(at) {
			continue
		}
		j := slices.IndexFunc(all, func(x Output) bool { return x.Name == o.Interlock.With })
		switch {
		case o.Interlock.With == o.Name:
			d.fail(below(at, "interlock"), "is with itself", suggest("", names))
		case j < 0 || !all[j].Doc.Switch:
			d.fail(below(at, "interlock"), fmt.Sprintf("%q is no output that is on or off", o.Interlock.With), suggest(o.Interlock.With, names))
		default:
			d.gap(at, o.Interlock, o, &all[j])
			d.exclusive(at, o, &all[j])
		}
	}
}

// gap refuses one that no command would live to see the end of.
func (d *decoder) gap(at string, i *Interlock, pair ...*Output) {
	for _, o := range pair {
		if i.Gap >= o.Command.Expires {
			d.fail(at+".interlock.gap", fmt.Sprintf("a command to outputs.%s that waits for it would expire after %s", o.Name, FormatDuration(o.Command.Expires)),
				"command: {expires: longer than the gap}")
			return
		}
	}
}

// exclusive refuses settings that would have both of a pair on.
func (d *decoder) exclusive(at string, a, b *Output) {
	if !d.sound(below("outputs", b.Name)) {
		return
	}
	if b.Initial.Rule == SetKeep && !d.given(below("outputs", b.Name)+".initial") {
		b.Initial = Setting{Rule: SetValue}
	}
	for _, o := range []*Output{a, b} {
		if o.Initial.Rule == SetKeep {
			d.fail(below("outputs", o.Name)+".initial", "both of an interlock could be on at the start", "off, on or last")
		}
	}
	on := func(s Setting) bool { return s.Rule == SetValue && s.Value != 0 }
	lossOn := func(o *Output) bool { return o.OnUplinkLoss != nil && on(o.OnUplinkLoss.Set) }
	both := fmt.Sprintf("would have both %s and %s on", a.Name, b.Name)
	switch {
	case on(a.Initial) && on(b.Initial):
		d.fail(d.nearest(at, at+".initial"), both, "initial: off for one")
	case on(a.OnStop) && on(b.OnStop):
		d.fail(d.nearest(at, at+".on_stop"), both, "on_stop: off for one")
	case lossOn(a) && lossOn(b):
		d.fail(at+".on_uplink_loss", both, "set: off for one")
	}
}

// sensorPins are the lines that sensors have, and those that feed them.
func (d *decoder) sensorPins(sensors []Sensor) map[string]string {
	pins := map[string]string{}
	for pin, f := range d.feeds {
		pins[pin] = f.at
	}
	for _, s := range sensors {
		if pin := pinOf(s.Setup.Opts); pin != "" {
			pins[pin] = below("sensors", s.Name)
		}
	}
	return pins
}

// ownPin refuses a line that is in use. One that is written in another way is found out by the kernel.
func (d *decoder) ownPin(at string, o *Output, pins map[string]string) {
	pin := pinOf(o.Setup.Opts)
	if pin == "" {
		return
	}
	if other, taken := pins[pin]; taken {
		d.fail(below(at, "pin"), fmt.Sprintf("%s is used by %s", pin, other), "name another line")
		return
	}
	pins[pin] = at
}

// ownPlaces refuses what another output sets: each would take the other one for a device that changes by itself, and set it again, for ever.
func (d *decoder) ownPlaces(at string, o *Output, places map[string]string) {
	for _, p := range o.Doc.Places {
		if other, taken := places[p]; taken {
			d.fail(at, fmt.Sprintf("%s is set by %s", p, other), "one output for each")
			return
		}
		places[p] = at
	}
}

// pinOf is the option `pin` of a driver; "" where there is none.
func pinOf(opts any) string {
	if opts == nil {
		return ""
	}
	if f, ok := pick(fieldsOf(reflect.ValueOf(opts).Elem()), "pin"); ok && f.value.Kind() == reflect.String {
		return f.value.String()
	}
	return ""
}
