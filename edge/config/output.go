package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"skerry/drivers"
)

// Output is one device or line that is set by commands.
//
// It is commanded on Command.Topic and says what it has on Topic, as a JSON object whose "value" is as Format writes it; package output
// documents the rest. Doc says whether it is a switch or a number; of a number Min, Max, Round and Unit are what a slider wants.
type Output struct {
	Name   string            `yaml:"-"`
	Driver string            `yaml:"driver"`
	Kind   drivers.Kind      `yaml:"-"`   // its Output is not nil
	Setup  drivers.Setup     `yaml:"-"`   // bus and options, checked: what Kind.Output.New wants
	Doc    drivers.OutputDoc `yaml:"-"`   // what it can be set to: what the driver says, within Range
	Bus    string            `yaml:"bus"` // as that of a Sensor

	Range *Range  `yaml:"range"` // of a number: what may be commanded; nil: all that the driver can
	Round float64 `yaml:"round"` // of a number: to the nearest multiple; 0: not at all
	Unit  string  `yaml:"unit"`  // of a number; may be empty

	Initial      Setting       `yaml:"initial"`
	OnStop       Setting       `yaml:"on_stop"`
	OnUplinkLoss *UplinkLoss   `yaml:"on_uplink_loss"`      // nil: nothing happens
	MinOn        time.Duration `yaml:"min_on" in:"0s..1d"`  // of a switch: it stays on so long
	MinOff       time.Duration `yaml:"min_off" in:"0s..1d"` // likewise off
	Interlock    *Interlock    `yaml:"interlock"`           // of a switch; nil: none in the file of this one
	Every        time.Duration `yaml:"every" in:"1s..1d"`   // how often the device is looked at
	Topic        string        `yaml:"topic"`               // Topic Name of the state
	Command      Command       `yaml:"command"`
}

// Command is how an output is commanded.
type Command struct {
	Topic   string        `yaml:"topic"`                // Topic Name; "": by `skerry outputs set` only
	Expires time.Duration `yaml:"expires" in:"1s..31d"` // a command that is older is refused, also while it waits
	Time    CommandTime   `yaml:"time" oneof:"optional required"`
}

// CommandTime says whether a command must say when it was given.
type CommandTime string

// The choices.
const (
	TimeOptional CommandTime = "optional" // its age counts from its arrival, unless it says
	TimeRequired CommandTime = "required"
)

// UplinkLoss is what happens when no uplink has been online for a while.
type UplinkLoss struct {
	After  time.Duration `yaml:"after" in:"1s..31d"`
	Set    Setting       `yaml:"set"`
	Uplink string        `yaml:"uplink"` // name of the one that counts; "": any
}

// Interlock keeps two switches from being on at the same time. It holds for both.
type Interlock struct {
	With string        `yaml:"with"`            // name of the other one
	Gap  time.Duration `yaml:"gap" in:"0s..1h"` // from off of one to on of the other
}

// Setting is a value of an output in the file.
type Setting struct {
	Rule  SettingRule
	Value float64 // with SetValue: 1 and 0 of a switch
	word  bool    // written as on or off
}

// SettingRule says what a Setting comes to.
type SettingRule byte

// The rules. The zero SettingRule is none given.
const (
	SetValue SettingRule = iota + 1
	SetLast              // what was set last, also in a former run
	SetKeep              // what the device has
)

// UnmarshalText reads on, off, a number, last or keep.
func (s *Setting) UnmarshalText(b []byte) error {
	switch text := string(b); text {
	case "last":
		*s = Setting{Rule: SetLast}
	case "keep":
		*s = Setting{Rule: SetKeep}
	default:
		if on, ok := switchWord(text); ok {
			*s = Setting{SetValue, on, true}
			return nil
		}
		n, err := parseNumber(text)
		if err != nil {
			return &hinted{fmt.Sprintf("%q is nothing that can be set", text), "on, off or a number"}
		}
		*s = Setting{Rule: SetValue, Value: n}
	}
	return nil
}

// switchWord reads the words of a switch.
func switchWord(text string) (value float64, ok bool) {
	switch strings.ToLower(text) {
	case "on", "true":
		return 1, true
	case "off", "false":
		return 0, true
	}
	return 0, false
}

// Parse reads a value in a command: on, off, true, false, 1 or 0 of a switch, else a number within Doc, which is rounded. The error
// says what is wanted.
func (o *Output) Parse(text string) (float64, error) {
	if o.Doc.Switch {
		if on, ok := switchWord(text); ok {
			return on, nil
		}
		if text == "1" || text == "0" {
			return float64(text[0] - '0'), nil
		}
		return 0, fmt.Errorf("%.40q is neither on nor off", text)
	}
	n, err := parseNumber(text)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	if o.Round > 0 {
		n = math.Round(n/o.Round)*o.Round + 0 // -0 is 0
	}
	if n < o.Doc.Min || n > o.Doc.Max {
		return 0, fmt.Errorf("%s is outside %s", o.Format(n), o.Span())
	}
	return n, nil
}

// Format writes a value as states and commands have it: on, off, or a number without its unit.
func (o *Output) Format(value float64) string {
	switch {
	case !o.Doc.Switch:
		return strconv.FormatFloat(value, 'f', o.digits(), 64)
	case value != 0:
		return "on"
	}
	return "off"
}

// digits is how many stand behind the point: those of Round, or as many as are needed.
func (o *Output) digits() int {
	if o.Round == 0 {
		return -1
	}
	_, behind, _ := strings.Cut(strconv.FormatFloat(o.Round, 'f', -1, 64), ".")
	return len(behind)
}

// Span is what a number may be: 0..100 %.
func (o *Output) Span() string {
	return strings.TrimSpace(formatNumber(o.Doc.Min) + ".." + formatNumber(o.Doc.Max) + " " + o.Doc.Unit)
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// Least is the value of an output that nothing is known of: off, or what is nearest to 0.
func (o *Output) Least() float64 { return min(max(0, o.Doc.Min), o.Doc.Max) }

// Remembers tells whether what was set last outlasts the program.
func (o *Output) Remembers() bool { return o.Initial.Rule == SetLast }
