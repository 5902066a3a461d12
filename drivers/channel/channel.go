package channel

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"skerry/drivers"
)

// Opts are the options of a sensor.
type Opts struct {
	Device string `yaml:"device"` // as in the file name: "sht4x"
	At     string `yaml:"at"`     // a part of its place in the device tree, where several have one name: "1-0044"
}

// ValueOpts are those of one value.
type ValueOpts struct {
	Channel string `yaml:"channel"` // "temp1", "voltage0"; empty: what the value's name stands for

	set  *Set // nil: made by hand, with a Channel
	name string
}

// Of is the channel of the value.
func (o *ValueOpts) Of() string {
	if o.Channel != "" || o.set == nil {
		return o.Channel
	}
	if c, ok := o.set.Names[o.name]; ok {
		return c
	}
	return o.name
}

// Unit is that of the readings of the channel; empty for one that is not known, whose numbers are the kernel's.
func (o *ValueOpts) Unit() string {
	if o.set == nil {
		return ""
	}
	return o.set.Unit(o.Of())
}

// Set is what a kind of devices of the kernel has.
type Set struct {
	Chips map[string][]string         // the values of common chips, so that a configuration need not name them
	Names map[string]string           // what a value's name stands for
	Valid func() *regexp.Regexp       // how a channel is written
	Unit  func(channel string) string // of its readings
	List  string                      // a command that shows the names of the devices
	Such  string                      // what channels are: "such as temp1: the files CHANNEL_input of the device"
}

// Declare is that of drivers.Kind.
func (s *Set) Declare(setup drivers.Setup) (docs []drivers.ValueDoc) {
	for _, name := range s.Chips[Options(setup).Device] {
		docs = append(docs, s.Named(name).With(s.value(name)))
	}
	return docs
}

// Named is that of drivers.Kind.
func (s *Set) Named(name string) drivers.ValueDoc {
	return drivers.ValueDoc{Name: name, Doc: "a channel of the device", Opts: func() any { return s.value(name) }}
}

func (s *Set) value(name string) *ValueOpts { return &ValueOpts{set: s, name: name} }

// Channels are those of the configured values, by the names of these.
func (s *Set) Channels(setup drivers.Setup) map[string]string {
	channels := map[string]string{}
	for name, opts := range setup.Values {
		if o, ok := opts.(*ValueOpts); ok {
			channels[name] = o.Of()
		} else {
			channels[name] = s.value(name).Of()
		}
	}
	return channels
}

// deviceName is made when a sensor asks for it: a station without one would keep it for nothing.
var deviceName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.,:@-]{1,64}$`) })

// IsDevice tells whether a configuration can have a name of the kernel for a device.
func IsDevice(name string) bool { return deviceName().MatchString(name) }

// Check is that of drivers.Kind.
func (s *Set) Check(setup drivers.Setup) error {
	device := Options(setup).Device
	switch {
	case device == "":
		return &drivers.OptionError{Key: "device", Problem: "is missing", Hint: "the name of the chip, as " + s.List + " shows it"}
	case !IsDevice(device):
		return &drivers.OptionError{Key: "device", Problem: fmt.Sprintf("%q is not the name of a device", device), Hint: s.List + " shows them"}
	}
	channels := s.Channels(setup)
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		if c := channels[name]; !s.Valid().MatchString(c) {
			return &drivers.OptionError{Key: "values." + name + ".channel", Problem: fmt.Sprintf("%q is not a channel", c), Hint: s.Such}
		}
	}
	return nil
}

// Options are those of a sensor; the zero ones if it has others.
func Options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{}
}
