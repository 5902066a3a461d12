package config

import (
	"fmt"
	"slices"
	"strings"

	"skerry/broker/packet"
	"skerry/edge/uplink/profile"
)

// maxPairs bounds the comparisons of filters. A file that needs more has its loops found by its traffic.
const maxPairs = 1 << 20

// loops refuses maps that would send messages round, as far as that can be seen in one file.
//
// With MQTT 5 an uplink's own messages do not come back, by No Local. With 3.1.1 they do when what it sends and what it
// receives overlap, and at Servers that do not obey No Local. Two uplinks to one Server are two Clients, and No Local helps neither. A
// Server that has topics of its own sends nothing on.
func (d *decoder) loops(list []Uplink, streams []Stream) {
	for _, in := range list {
		for _, out := range list {
			own, p := in.Name == out.Name, profile.Of(in.Profile)
			if p.OwnNames || own && in.Version == V5 && p.NoLocal || !own && !shareServer(in, out) {
				continue
			}
			d.loop(in, out, own, streams)
		}
	}
}

// loop reports the first receive map of one uplink that takes in what the other one sends.
func (d *decoder) loop(in, out Uplink, own bool, streams []Stream) {
	local := carriedFilters(out, streams)
	for _, r := range in.Receive {
		if d.pairs += len(local); d.pairs > maxPairs {
			return
		}
		i := slices.IndexFunc(local, func(sent string) bool { return overlap(r.Filter, out.Prefix+sent) })
		if i < 0 || !own && !slices.ContainsFunc(local, func(f string) bool { return overlap(f, r.Local) }) {
			continue
		}
		at, sent := below(below("uplinks", in.Name)+".receive", r.Filter), out.Prefix+local[i]
		if own {
			hint := "version: 5 keeps them apart, or a prefix that is not received"
			if p := profile.Of(in.Profile); !p.NoLocal || !p.Speaks(packet.V5) {
				hint = "a prefix that is not received"
			}
			d.fail(at, fmt.Sprintf("would receive what this uplink sends to %q", sent), hint)
		} else {
			d.fail(at, fmt.Sprintf("would receive what uplink %s sends to %q on the same server, and send it again", out.Name, sent),
				"give the uplinks prefixes that do not meet")
		}
		return
	}
}

// carriedFilters lists what an uplink sends, as local filters.
func carriedFilters(u Uplink, streams []Stream) []string {
	var all []string
	for _, s := range streams {
		if slices.Contains(u.Carry, s.Name) {
			all = append(all, s.Match...)
		}
	}
	return all
}

// overlap reports whether some topic matches both filters.
func overlap(a, b string) bool {
	if hidden(a) != hidden(b) {
		return false // a wildcard does not match a first level that begins with $
	}
	for {
		levelA, restA, moreA := strings.Cut(a, "/")
		levelB, restB, moreB := strings.Cut(b, "/")
		switch {
		case levelA == "#" || levelB == "#":
			return true
		case levelA != levelB && levelA != "+" && levelB != "+":
			return false
		case !moreA && !moreB:
			return true
		case !moreA || !moreB:
			return restA == "#" || restB == "#" // "#" stands for no level too
		}
		a, b = restA, restB
	}
}

func hidden(filter string) bool { return strings.HasPrefix(filter, "$") }
