package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxErrors = 100      // reported; the rest is counted
	maxSteps  = 100_000  // values visited, with those behind aliases as often as they are used
	maxText   = 16 << 20 // bytes of these values and of their key paths, which places and errors hold on to
	maxDepth  = 32
)

// decoder fills structs from the nodes of one file and collects what is wrong on the way.
type decoder struct {
	file   string
	dir    string
	errs   Errors
	places map[string]place // of the values by key path
	told   map[Error]bool
	sick   map[string]bool // key paths at or below which something is wrong
	steps  int
	text   int // bytes
	depth  int
	pairs  int // of filters compared, see loop

	taken   map[string]string // topics of readings and alarms, with the key path of who has each
	asked   map[string]string // topics on which readings are asked for, likewise
	feeds   map[string]feed   // lines that feed sensors, by pin
	auto    autoModem         // the link that has ModemManager's
	counted map[string]string // what counts the bytes of an interface
	ports   map[string]owner  // serial and SPI ports, by kind and bus

	exhausted bool
}

func newDecoder(file, dir string) *decoder {
	return &decoder{file: file, dir: dir, places: map[string]place{}, told: map[Error]bool{}, sick: map[string]bool{},
		taken: map[string]string{}, asked: map[string]string{}, feeds: map[string]feed{}, counted: map[string]string{}, ports: map[string]owner{}}
}

// place is where something stands in the file, from 1.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// note remembers where the value of a key path stands.
func (d *decoder) note(path string, value *yaml.Node) { d.places[path] = placeOf(value) }

// given reports whether the key stands in the file.
func (d *decoder) given(path string) bool { return d.places[path] != place{} }

// nearestPlace returns the place of a key path, or of the nearest one above that stands in the file.
func nearestPlace(places map[string]place, path string) place {
	for p := path; p != ""; p = above(p) {
		if at := places[p]; at != (place{}) {
			return at
		}
	}
	return places[""]
}

// wrong reports a problem at a node.
func (d *decoder) wrong(n *yaml.Node, path, problem, hint string) {
	d.report(placeOf(n), path, problem, hint)
}

// fail reports a problem at the value of a key path.
func (d *decoder) fail(path, problem, hint string) {
	d.report(nearestPlace(d.places, path), path, problem, hint)
}

// report adds an error. Nothing is said about a file after it was too much to be read to its end.
func (d *decoder) report(at place, path, problem, hint string) {
	e := Error{File: d.file, Line: at.line, Column: at.column, Key: path, Problem: problem, Hint: hint}
	if d.exhausted || d.told[e] { // told: a part of the file that is read twice
		return
	}
	d.told[e] = true
	d.errs = append(d.errs, &e)
	for p := path; !d.sick[p]; p = above(p) {
		d.sick[p] = true
	}
}

// sound reports whether nothing was found wrong at a key path and below.
func (d *decoder) sound(path string) bool { return !d.sick[path] }

// result returns the errors in the order of the file, or nil.
func (d *decoder) result() error {
	if len(d.errs) == 0 {
		return nil
	}
	d.errs.Sort()
	if more := len(d.errs) - maxErrors; more > 0 {
		d.errs = append(d.errs[:maxErrors:maxErrors], &Error{File: d.file, Problem: fmt.Sprintf("and %d more problems", more)})
	}
	return d.errs
}

// below returns the key path of a key inside a map.
func below(path, key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !nameRune(r) }) || key == "" {
		key = fmt.Sprintf("%q", key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// above returns the key path without its last part.
func above(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// enter counts a visit to a value. It is false when the file has used up what it may have.
func (d *decoder) enter(n *yaml.Node, path string) bool {
	d.steps++
	d.text += len(path) + len(follow(n).Value)
	switch {
	case d.exhausted:
	case d.steps > maxSteps:
		d.wrong(n, path, fmt.Sprintf("the file has more than %d values", maxSteps), "do its aliases multiply each other?")
		d.exhausted = true
	case d.text > maxText:
		d.report(placeOf(n), "", fmt.Sprintf("the file has more than %v of keys and values", Size(maxText)), "do its aliases multiply each other?")
		d.exhausted = true
	case d.depth > maxDepth:
		d.wrong(n, path, fmt.Sprintf("nested deeper than %d levels", maxDepth), "does an alias contain itself?")
		d.exhausted = true
	}
	return !d.exhausted
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// entry is one key of a map and its value.
type entry struct {
	key, value *yaml.Node
	name       string
}

// entries returns the keys of a map in the order of the file, those of its merge keys at the end. Own keys win over merged
// ones, and earlier merged ones over later.
func (d *decoder) entries(n *yaml.Node, path string) []entry {
	d.depth++
	defer func() { d.depth-- }()
	var own, merged []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), n.Content[i+1]
		if d.text += len(key.Value); !d.enter(value, path) {
			return own
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			d.wrong(key, path, "a key is not a text", "names and keys are single words; text with { or [ needs quotes")
		case key.Tag == "!!merge":
			merged = append(merged, d.merge(value, path)...)
		case lines[key.Value] != 0:
			d.wrong(key, below(path, key.Value), "given twice", fmt.Sprintf("the first is in line %d", lines[key.Value]))
		default:
			lines[key.Value] = key.Line
			own = append(own, entry{key, value, key.Value})
		}
	}
	for _, e := range merged {
		if lines[e.name] == 0 {
			lines[e.name] = e.key.Line
			own = append(own, e)
		}
	}
	return own
}

// merge returns the keys behind `<<`, which names a map or a list of maps.
func (d *decoder) merge(n *yaml.Node, path string) []entry {
	n = follow(n)
	switch n.Kind {
	case yaml.MappingNode:
		return d.entries(n, path)
	case yaml.SequenceNode:
		var all []entry
		for _, one := range n.Content {
			if one = follow(one); one.Kind != yaml.MappingNode {
				d.wrong(one, path, "a merge key << names something that is no map", "<<: *ANCHOR, where &ANCHOR stands before a map")
			} else if d.enter(one, path) {
				all = append(all, d.entries(one, path)...)
			}
		}
		return all
	}
	d.wrong(n, path, "a merge key << names something that is no map", "<<: *ANCHOR, where &ANCHOR stands before a map")
	return nil
}
