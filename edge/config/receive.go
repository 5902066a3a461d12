package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"skerry/broker/topic"
)

// ReceiveMap lists what is subscribed upstream and where it goes, in the order of the file, in which it is a map.
type ReceiveMap []Receive

// Receive maps an upstream Topic Filter to local topics: the wildcards of Local stand for what the wildcards of Filter
// matched, in order. A Local without wildcards takes every message that Filter matches.
type Receive struct {
	Filter, Local string

	// Once says where a message has its id: CorrelationData, or the name of a member of its payload, which is JSON. One whose id has come
	// before under its topic is not published again. "": all are.
	Once string

	// Unpack: the messages are blocks of the encoding pack, and what is in them goes to its own topic; Local is "#", or a prefix and that.
	Unpack bool
}

// CorrelationData is the property of MQTT 5, as an id of a command.
const CorrelationData = "correlation_data"

// receiver is the long form of an entry of a receive map.
type receiver struct {
	To   string `yaml:"to"`
	Once string `yaml:"once"`

	Unpack bool `yaml:"unpack"`
}

// decodeNode reads {"upstream/filter/#": "local/#"}, or {"upstream/filter/#": {to: "local/#", once: id}}.
func (m *ReceiveMap) decodeNode(d *decoder, n *yaml.Node, path string) {
	if !d.isMap(n, path) {
		return
	}
	for _, e := range d.entries(n, path) {
		at := below(path, e.name)
		d.note(at, e.key)
		value := follow(e.value)
		switch {
		case value.Kind == yaml.MappingNode:
			var r receiver
			d.mapping(value, at, reflect.ValueOf(&r).Elem())
			if r.To == "" && d.sound(at) {
				d.wrong(value, at, "does not say where to", `{to: "cmd/#", once: id}`)
			}
			*m = append(*m, Receive{Filter: e.name, Local: r.To, Once: r.Once, Unpack: r.Unpack})
		case value.Kind != yaml.ScalarNode || empty(value):
			d.wrong(value, at, "wants a local topic, not "+kindOf(value), `{"cmd/station/#": "cmd/#"}`)
		default:
			*m = append(*m, Receive{Filter: e.name, Local: value.Value})
		}
	}
}

// mapped resolves the topics of an uplink: the prefix outward and the receive map inward.
func (d *decoder) mapped(at string, u *Uplink, v vars) {
	d.prefix(at+".prefix", u, v)
	key := at + ".receive"
	if len(u.Receive) > maxFilters {
		d.fail(key, fmt.Sprintf("has more than %d filters", maxFilters), "wildcards say more with fewer: cmd/#")
		return
	}
	for i := range u.Receive {
		r := &u.Receive[i]
		at := below(key, r.Filter)
		if !d.sound(at) || !d.checkTemplate(at, r.Filter, stationVars) || !d.checkTemplate(at, r.Local, stationVars) {
			continue
		}
		r.Filter, r.Local = v.expand(r.Filter), v.expand(r.Local)
		if d.checkFilter(at, r.Filter) && d.checkFilter(at, r.Local) {
			d.wildcards(at, *r)
		}
	}
}

func (d *decoder) prefix(key string, u *Uplink, v vars) {
	if u.Prefix == "" || !d.sound(key) || !d.checkTemplate(key, u.Prefix, stationVars) {
		return
	}
	u.Prefix = v.expand(u.Prefix)
	if d.checkTopicName(key, u.Prefix) && !strings.HasSuffix(u.Prefix, "/") {
		d.fail(key, fmt.Sprintf("prefix %q ends inside a level", u.Prefix), fmt.Sprintf("did you mean %q?", u.Prefix+"/"))
	}
}

// wildcards checks that both sides of a receive map fit: what a wildcard of the local side stands for must be known.
func (d *decoder) wildcards(at string, r Receive) {
	there, here := wildcardsOf(r.Filter), wildcardsOf(r.Local)
	switch {
	case topic.IsShared(r.Filter):
		d.fail(at, "a shared subscription has no place here", "leave $share/... out")
	case strings.HasPrefix(r.Local, "$"):
		d.fail(at, fmt.Sprintf("local topic %q begins with $", r.Local), "these topics belong to the broker")
	case r.Unpack && r.Once != "":
		d.fail(at, "once is for commands, and not for blocks", "leave it out: messages in blocks have a number, and are published once anyway")
	case r.Unpack && (here != "#" || !strings.HasSuffix(r.Local, "#")):
		d.fail(at, fmt.Sprintf("what is unpacked keeps its topic, and cannot go to %q", r.Local), `{to: "#", unpack: true}, or a prefix: {to: "fleet/#", unpack: true}`)
	case r.Unpack:
	case here != "" && here != there:
		d.fail(at, fmt.Sprintf("the wildcards of %q are not those of %q", r.Local, r.Filter),
			`the same ones in the same order, or none on the local side: "cmd/station/#": "cmd/#"`)
	}
}

// wildcardsOf returns the wildcards of a filter in their order.
func wildcardsOf(filter string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r == '#' {
			return r
		}
		return -1
	}, filter)
}
