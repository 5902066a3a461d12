package uplink

import (
	"fmt"
	"slices"
	"strings"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/config"
)

// mapping is one entry of the receive map.
type mapping struct {
	filter string
	local  string
	once   string // see config.Receive
	unpack bool   // likewise: local is "#", or ends with it
}

// newMapping checks that what the wildcards of the local side stand for is known.
func newMapping(r config.Receive) (mapping, error) {
	for _, f := range []string{r.Filter, r.Local} {
		if err := topic.ValidFilter(f); err != nil {
			return mapping{}, fmt.Errorf("receive %q: %q: %w", r.Filter, f, err)
		}
	}
	here, there := wildcards(r.Local), wildcards(r.Filter)
	if r.Unpack {
		if here != "#" || r.Once != "" {
			return mapping{}, fmt.Errorf("receive %q: what is unpacked goes to %q, or to a prefix and that (hint: %q), and once is not for it", r.Filter, "#", "site/#")
		}
		return mapping{filter: r.Filter, local: r.Local, unpack: true}, nil
	}
	if here != "" && here != there {
		return mapping{}, fmt.Errorf("receive %q: the wildcards of %q are not the same, in the same order (hint: %q: %q)",
			r.Filter, r.Local, "cmd/station/#", "cmd/#")
	}
	return mapping{filter: r.Filter, local: r.Local, once: r.Once}, nil
}

// wildcards gives the wildcards of a filter in their order.
func wildcards(filter string) string {
	var b strings.Builder
	for level := range strings.SplitSeq(filter, "/") {
		if level == "+" || level == "#" {
			b.WriteString(level)
		}
	}
	return b.String()
}

// localName gives the local topic of a message that came under name; false if the filter does not match it, or nothing is
// left of the name ("cmd/#" on "cmd" with the local side "#").
func (m mapping) localName(name string) (string, bool) {
	if m.filter == "" || !topic.Match(m.filter, name) {
		return "", false
	}
	var matched []string
	levels := strings.Split(name, "/")
	for i, f := range strings.Split(m.filter, "/") {
		switch f {
		case "+":
			matched = append(matched, levels[i])
		case "#":
			matched = append(matched, strings.Join(levels[min(i, len(levels)):], "/"))
			if i == len(levels) {
				matched[len(matched)-1] = parent // "#" stands for the level above as well [MQTT-4.7.1-2]
			}
		}
	}
	local := fill(m.local, matched)
	return local, topic.ValidName(local) == nil && local[0] != '$' // those are the broker's own
}

// unpacked is the local topic of a message that was published under name on its site.
func (m mapping) unpacked(name string) string { return strings.TrimSuffix(m.local, "#") + name }

// parent is what "#" has matched when the name ended a level before it. No level can contain it.
const parent = "\x00"

// fill replaces the wildcards of a pattern by what they stand for.
func fill(pattern string, matched []string) string {
	levels := strings.Split(pattern, "/")
	for i, level := range levels {
		if level != "+" && level != "#" {
			continue
		}
		if matched[0] == parent {
			return strings.Join(levels[:i], "/")
		}
		levels[i], matched = matched[0], matched[1:]
	}
	return strings.Join(levels, "/")
}

// overlap tells whether some Topic Name is matched by both filters.
func overlap(a, b string) bool {
	f, g := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range max(len(f), len(g)) {
		switch {
		case i < len(f) && f[i] == "#", i < len(g) && g[i] == "#":
			return true
		case i >= len(f), i >= len(g):
			return false
		case f[i] != g[i] && f[i] != "+" && g[i] != "+":
			return false
		}
	}
	return true
}

// echoed is a filter of the receive map that matches what the uplink itself sends; "" if there is none.
func (u *Uplink) echoed() string {
	if u.names.Given() {
		return ""
	}
	for _, m := range u.receive {
		for _, s := range u.streams {
			for _, filter := range s.match {
				if overlap(m.filter, u.config.Prefix+filter) {
					return m.filter
				}
			}
		}
	}
	return ""
}

// receives tells whether a local topic is one that what is received goes to. No Local keeps apart what is published while the
// program runs; who published a retained message is not known after a restart.
func (u *Uplink) receives(name string) bool {
	return slices.ContainsFunc(u.receive, func(m mapping) bool { return topic.Match(m.local, name) })
}

// placeOf finds the entry of the receive map that a message came by, and its place. A 5.0 Server names the subscription; else it is the first
// of the map that fits. name is its topic, as the map knows it. What is in a block has its own place.
func (l *link) placeOf(name string, p *packet.Publish) (m mapping, local string, ok bool) {
	for id := range p.Properties.SubscriptionIdentifiers() {
		if m := l.identified[id]; m.takes(name, &local) {
			return m, local, true
		}
	}
	for _, m := range l.u.receive {
		if m.takes(name, &local) {
			return m, local, true
		}
	}
	return mapping{}, "", false
}

// takes tells whether the message of that name is for this entry, and gives its local topic; none of a block. The primers of its blocks are for it too, whether its filter
// matches them or they were asked for.
func (m mapping) takes(name string, local *string) (ok bool) {
	if m.unpack {
		*local = ""
		return topic.Match(m.filter, name) || topic.Match(m.filter, strings.TrimSuffix(name, primerLevel))
	}
	*local, ok = m.localName(name)
	return ok
}

// StateTopic is where an uplink says that it is there. Characters that a Topic Name cannot have become "_".
func StateTopic(prefix, site, gateway, name string) string {
	return gatewayTopic(prefix, site, gateway, "uplink", name)
}

// gatewayTopic is a topic of the gateway's own, upstream.
func gatewayTopic(prefix, site, gateway, kind, name string) string {
	clean := strings.NewReplacer("+", "_", "#", "_", "\x00", "_").Replace
	levels := []string{clean(gateway), kind, clean(name)}
	if site != "" {
		levels = append([]string{clean(site)}, levels...)
	}
	return prefix + strings.Join(levels, "/")
}
