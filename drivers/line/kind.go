package line

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"skerry/drivers"
)

// Opts are the options of a sensor with `driver: line`.
type Opts struct {
	Pattern   Pattern       `yaml:"pattern"`                            // this or Separator
	Separator Escaped       `yaml:"separator"`                          // between fields; a space stands for any number of spaces and tabs
	Fields    int           `yaml:"fields" in:"0..100"`                 // how many a line must have; 0: enough for the values
	Comma     bool          `yaml:"decimal_comma"`                      // numbers are written 3,14
	Request   Escaped       `yaml:"request"`                            // sent first; empty: the device talks by itself
	End       Escaped       `yaml:"end"`                                // of a line; default \n, and \r before it is dropped
	Encoding  string        `yaml:"encoding" oneof:"ascii utf8 latin1"` // default ascii
	MaxLength int           `yaml:"max_length" in:"2..4096"`            // bytes; default 256
	Wait      time.Duration `yaml:"wait" in:"100ms..9s"`                // how long one reading waits for a line; default 3s
	Fresh     time.Duration `yaml:"fresh" in:"0s..1h"`                  // how old a line may be that has waited in the port; default 2s
}

// ValueOpts are the options of each value.
type ValueOpts struct {
	Field int    `yaml:"field" in:"1..100"`        // with a separator: the number of the field; the first is 1
	Type  string `yaml:"type" oneof:"number text"` // default number
}

// IsText tells the configuration what the value is.
func (o *ValueOpts) IsText() bool { return o.Type == "text" }

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "line",
	Doc:  "devices on a serial port that say lines of text",
	Bus:  drivers.SerialBus,
	Declare: func(s drivers.Setup) []drivers.ValueDoc {
		var docs []drivers.ValueDoc
		for _, name := range options(s).Pattern.groups() {
			docs = append(docs, doc(name))
		}
		return docs
	},
	Named: doc,
	Opts:  func() any { return newOpts() },
	Check: check,
	New:   open,
}

func doc(name string) drivers.ValueDoc {
	return drivers.ValueDoc{Name: name, Doc: "a part of the line", Opts: func() any { return &ValueOpts{Type: "number"} }}
}

func newOpts() *Opts {
	return &Opts{End: "\n", Encoding: "ascii", MaxLength: 256, Wait: 3 * time.Second, Fresh: 2 * time.Second}
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return *newOpts()
}

func check(s drivers.Setup) error {
	o := options(s)
	var errs []error
	wrong := func(is bool, key, problem, hint string) {
		if is {
			errs = append(errs, &drivers.OptionError{Key: key, Problem: problem, Hint: hint})
		}
	}
	byPattern, bySeparator := o.Pattern.Regexp != nil, o.Separator != ""
	wrong(byPattern == bySeparator, "pattern", "one of pattern and separator is wanted", `pattern: 'T=(?P<temperature>[-0-9.]+)', or separator: ","`)
	wrong(byPattern && len(o.Pattern.groups()) == 0, "pattern", "has no named group", `a value is a group with a name: (?P<temperature>[-0-9.]+)`)
	wrong(byPattern && o.Fields != 0, "fields", "is for a separator", "leave it out")
	wrong(o.Comma && strings.Contains(string(o.Separator), ","), "decimal_comma", "would be the separator, too", "leave it out, or read the line by a pattern")
	wrong(o.End == "", "end", "is empty", `leave it out for \n`)
	wrong(len(o.End) >= o.MaxLength, "max_length", "is shorter than the end of a line", "256")
	if byPattern == bySeparator {
		return errors.Join(errs...)
	}
	for _, v := range named(s) {
		key := "values." + v.name
		if byPattern {
			wrong(!slices.Contains(o.Pattern.groups(), v.name), key, "the pattern has no group of this name",
				"it has "+strings.Join(o.Pattern.groups(), ", "))
			wrong(v.field != 0, key+".field", "is for a separator", "leave it out")
			continue
		}
		wrong(v.field == 0, key+".field", "is missing", "write the number of the field, from 1 on")
		wrong(o.Fields != 0 && v.field > o.Fields, key+".field", fmt.Sprintf("a line has %d fields", o.Fields), "write a number up to that")
	}
	return errors.Join(errs...)
}

// value is a value of the configuration.
type value struct {
	name  string
	field int
	text  bool
}

// named lists the values by name.
func named(s drivers.Setup) []value {
	var all []value
	for name, opts := range s.Values {
		if o, ok := opts.(*ValueOpts); ok {
			all = append(all, value{name, o.Field, o.IsText()})
		}
	}
	slices.SortFunc(all, func(a, b value) int { return strings.Compare(a.name, b.name) })
	return all
}
