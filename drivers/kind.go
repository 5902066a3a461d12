package drivers

import (
	"context"
	"fmt"
)

// Kind is one driver: what the configuration names with `driver:`.
type Kind struct {
	Name   string // as in the configuration: "bme280"
	Doc    string // one line
	Bus    BusKind
	Values []ValueDoc
	// Opts returns a pointer to a new struct of options, defaults filled in. Its fields carry `yaml` tags and are of simple types:
	// string, bool, integers, floats, time.Duration, slices and maps of these, or an encoding.TextUnmarshaler.
	// Keys that every sensor has (driver, bus, every, topic, values ...) are not among them. Nil: the driver has no options.
	Opts func() any
	// Check looks at options together, without touching a device. Its errors are *OptionError, one or joined. Nil: nothing to check.
	Check func(s Setup) error
	// New finds the device, makes sure that it is the right one, and sets it up. Errors name bus and device and end with a hint;
	// calling again later is always right, as the device may be plugged in meanwhile.
	New func(ctx context.Context, b Buses, s Setup) (Sensor, error)
}

// Value finds the documentation of a value by its name.
func (k Kind) Value(name string) (ValueDoc, bool) {
	for _, v := range k.Values {
		if v.Name == name {
			return v, true
		}
	}
	return ValueDoc{}, false
}

// ValueDoc describes one value of a driver.
type ValueDoc struct {
	Name string
	Unit string // of the Reading when the configuration says no other; empty: a bare number or a text
	Doc  string // one line
	Text bool   // the value is Reading.Text, not Reading.Number
	// Opts returns a pointer to a new struct of the options which only this value of this driver has, as `per_pulse`; see Kind.Opts. Nil: none.
	Opts func() any
}

// Setup is one sensor of the configuration as its driver gets it.
type Setup struct {
	Bus    string         // name under `buses:`; empty: the first bus of the kind
	Opts   any            // from Kind.Opts, filled in
	Values map[string]any // per configured value: from ValueDoc.Opts, filled in. A value without options of its own may be absent
}

// OptionError is an option that is wrong by itself or beside another one.
type OptionError struct {
	Key     string // below the sensor: "debounce", "values.rate.over"
	Problem string
	Hint    string // what to write instead
}

func (e *OptionError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%s: %s", e.Key, e.Problem)
	}
	return fmt.Sprintf("%s: %s; %s", e.Key, e.Problem, e.Hint)
}

// BusKind is the kind of connection a driver needs. Sensors on the same bus are asked one after the other.
type BusKind byte

// The kinds of buses.
const (
	NoBus     BusKind = iota // none that is shared
	I2CBus                   // a bus of many devices with addresses; `bus:` names one of kind `i2c`
	GPIOBus                  // lines of the board; the options name them, there is no `bus:`
	SerialBus                // one device per port; `bus:` names one of kind `serial`
)

var busKindNames = [...]string{"none", "i2c", "gpio", "serial"}

// String is the key used for such a bus in the configuration.
func (k BusKind) String() string {
	if int(k) < len(busKindNames) {
		return busKindNames[k]
	}
	return fmt.Sprintf("bus(%d)", byte(k))
}
