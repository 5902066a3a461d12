package config

import (
	"fmt"
	"reflect"
	"slices"
)

// allStreams is the stream that there is without the section.
const allStreams = "all"

// streams resolves what leaves the site. Without the section everything does, as one stream.
func (d *decoder) streams(list []Stream, v vars) []Stream {
	if len(list) == 0 {
		return []Stream{{Name: allStreams, Match: []string{"#"}, Class: LiveClass, Encode: EncodePass}}
	}
	for i := range list {
		s := &list[i]
		at := below("streams", s.Name)
		key := at + ".match"
		if s.Class == "" {
			s.Class = LiveClass
		}
		if s.Encode == "" {
			s.Encode = EncodePass
		}
		d.queue(at+".keep", s.Keep)
		switch {
		case !d.sound(at):
			continue
		case len(s.Match) == 0:
			d.fail(d.nearest(at, key), "matches nothing", `match: ["{site}/{gateway}/#"], or ["#"] for everything`)
			continue
		case len(s.Match) > maxFilters:
			d.fail(key, fmt.Sprintf("has more than %d filters", maxFilters), "wildcards say more with fewer: farm/#")
			continue
		}
		for j, m := range s.Match {
			at := fmt.Sprintf("%s[%d]", key, j)
			if d.checkTemplate(at, m, stationVars) {
				s.Match[j] = v.expand(m)
				d.checkLocalFilter(at, s.Match[j])
			}
		}
		d.content(at, s)
		d.encoding(at, s)
		d.expected(at, s)
	}
	return list
}

// Carried lists the streams of an uplink, in the order in which it names them.
func Carried(u Uplink, streams []Stream) []Stream {
	var carried []Stream
	for _, name := range u.Carry {
		for _, s := range streams {
			if s.Name == name {
				carried = append(carried, s)
			}
		}
	}
	return carried
}

// Pairs finds, among the streams of one uplink, each that makes up for a live one: class backfill over what that has. Such a pair
// shares its messages, each of which goes to one of the two. The result has the live one by the name of the other.
func Pairs(carried []Stream) map[string]string {
	pairs := map[string]string{}
	for i := range carried {
		for k := range carried {
			if live, back := &carried[i], &carried[k]; live.Class == LiveClass && back.Class == BackfillClass && samePart(live, back) {
				pairs[back.Name] = live.Name
			}
		}
	}
	return pairs
}

// samePart tells whether two streams select the same messages, as it is written.
func samePart(a, b *Stream) bool {
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(f string) bool { return !slices.Contains(b, f) })
	}
	return len(a.Match) > 0 && within(a.Match, b.Match) && within(b.Match, a.Match) && sameContent(a, b)
}

// sameContent tells whether two streams choose and reduce alike what they match.
func sameContent(a, b *Stream) bool {
	return a.When.Text == b.When.Text && reflect.DeepEqual(a.OnChange, b.OnChange) && reflect.DeepEqual(a.Reduce, b.Reduce)
}

// shared refuses what would have a message sent by a live stream and once more by one of class backfill: only what both have alike can
// be shared between the two.
func (d *decoder) shared(u *Uplink, carried []Stream) {
	at := below("uplinks", u.Name)
	key := d.nearest(at, at+".carry")
	for i := range carried {
		for k := range carried {
			live, back := &carried[i], &carried[k]
			if live.Class != LiveClass || back.Class != BackfillClass {
				continue
			}
			if d.pairs += len(live.Match) * len(back.Match); d.pairs > maxPairs {
				return
			}
			if f, g, meet := meeting(live.Match, back.Match); meet && !samePart(live, back) {
				d.fail(key, fmt.Sprintf("live stream %s and backfill stream %s share a part: what matches %q and %q would be sent by both", live.Name, back.Name, f, g),
					"give both the same match, when, on_change and reduce, or no filters that meet")
			}
		}
	}
	d.third(key, carried)
}

// third refuses a third stream beside a pair.
func (d *decoder) third(key string, carried []Stream) {
	for i := range carried {
		for k := range carried[:i] {
			a, b := &carried[k], &carried[i]
			paired := func(o Stream) bool {
				return o.Class != a.Class && samePart(&o, a) && (o.Class == LiveClass || o.Class == BackfillClass)
			}
			if (a.Class == LiveClass || a.Class == BackfillClass) && a.Class == b.Class && samePart(a, b) && slices.ContainsFunc(carried, paired) {
				d.fail(key, fmt.Sprintf("%s streams %s and %s match the same: only one of them can make a pair", a.Class, a.Name, b.Name), "carry one live and one backfill stream over the same match")
			}
		}
	}
}

// meeting finds two filters that match a topic in common.
func meeting(a, b []string) (f, g string, ok bool) {
	for _, f := range a {
		for _, g := range b {
			if overlap(f, g) {
				return f, g, true
			}
		}
	}
	return "", "", false
}

// encoding refuses what a stream says of blocks that it does not make.
func (d *decoder) encoding(at string, s *Stream) {
	for _, key := range []string{"linger", "block"} {
		if key := below(at, key); s.Encode == EncodePass && d.given(key) && d.sound(key) {
			d.fail(key, "is for messages that leave together; these leave one by one", "encode: pack, or encode: json")
		}
	}
	if key := below(at, "compress"); s.Encode != EncodeJSON && s.Compress != "" && d.sound(key) {
		d.fail(key, "is for json", "leave it out: pack is smaller than what gzip makes of json")
	}
	if key := below(at, "primer"); s.Primer > 0 && (s.Encode != EncodePack || s.Class != AlarmClass && s.Class != StateClass) && d.sound(key) {
		d.fail(key, "is for blocks that go on from a primer; these stand by themselves", "leave it out; or encode: pack, and class: alarm or state")
	}
	if key := below(at, "linger"); s.Class == AlarmClass && s.Linger != nil && *s.Linger > 0 && s.Encode != EncodePass && d.sound(key) {
		d.fail(key, "has alarms wait", "leave it out; or another class: alarms leave as they come")
	}
}
