package config

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// OnChange has a stream carry only what says something new about its topic. The zero OnChange carries everything.
type OnChange struct {
	On        bool          `yaml:"-"`
	Deadband  float64       `yaml:"deadband" in:"0..1000000000"` // numbers that differ by no more are the same
	Heartbeat time.Duration `yaml:"heartbeat" in:"1s..31d"`      // what has not left for so long does; 0: nothing does only for that
	Ignore    []string      `yaml:"ignore"`                      // members of payloads that do not count; nil: time
}

// decodeNode reads true, false, or a map.
func (c *OnChange) decodeNode(d *decoder, n *yaml.Node, path string) {
	if n.Kind != yaml.MappingNode {
		d.scalar(n, path, reflect.ValueOf(&c.On).Elem(), field{})
		return
	}
	c.On = true
	d.mapping(n, path, reflect.ValueOf(c).Elem())
}

// Chooses reports whether a stream carries only some of what it matches, by its content.
func (s Stream) Chooses() bool { return s.When.Expression != nil || s.OnChange.On }

// Reduce has a stream carry results of windows instead of what it matches.
type Reduce struct {
	Window time.Duration `yaml:"window" in:"1s..1d"`
	To     []Reduction   `yaml:"to" oneof:"mean min max last"`
}

// WhenTight thins a stream out while the budget of its link is tight.
type WhenTight struct {
	Every time.Duration `yaml:"every" in:"1s..1d"` // of each topic one message at most
}

// Last is the last number of a window of a stream.
const Last Reduction = "last"

// content checks what a stream says about the content of its messages.
func (d *decoder) content(at string, s *Stream) {
	if key := below(at, "reduce"); s.Reduce != nil && d.sound(key) {
		switch {
		case s.Reduce.Window == 0:
			d.fail(key, "has no window", "reduce: {window: 5min, to: [mean, min, max]}")
		case len(s.Reduce.To) == 0:
			d.fail(key, "does not say to what", "to: [mean, min, max, last], or some of them")
		}
		for i, to := range s.Reduce.To {
			if slices.Contains(s.Reduce.To[:i], to) {
				d.fail(fmt.Sprintf("%s.to[%d]", key, i), fmt.Sprintf("%s is named twice", to), "remove one")
			}
		}
	}
	if key := below(at, "when_tight"); s.WhenTight != nil && d.sound(key) {
		switch {
		case s.Class != LiveClass:
			d.fail(key, fmt.Sprintf("a stream of class %s is not thinned out", s.Class), "class: live, or leave it out: alarms and states are sent, and the old backlog waits")
		case s.WhenTight.Every == 0:
			d.fail(key, "does not say how far", "when_tight: {every: 10min}")
		}
	}
	if key := below(at, "reduce"); s.Reduce != nil && s.Class == AlarmClass && d.sound(key) {
		d.fail(key, "has alarms wait for the end of a window", "another class; alarms leave as they come")
	}
	if key := below(at, "on_change"); s.OnChange.On && s.Reduce != nil && d.sound(key) {
		d.fail(key, "leaves out readings that belong to the means under reduce", "one of the two: readings that change seldom, or means of all of them")
	}
}
