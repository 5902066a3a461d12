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
	// Clock: its sensors are Timekeepers.
	Clock bool
	// Shares: several sensors may be on one serial port, by their addresses. See Buses.Common.
	Shares bool
	// Declare gives the values which a sensor has by its options, beside Values: those of a device profile. It is called before Check,
	// which says what is wrong with the options. Nil: none.
	Declare func(s Setup) []ValueDoc
	// Named documents a value that only the configuration names. Where it has no Unit its readings have none either, and the
	// configuration says which it is. Options with a method IsText() bool say whether the value is a text, and with Unit() string which
	// unit its readings have. Nil: the configuration can name no others.
	Named func(name string) ValueDoc
	// Two optional methods of the options: OffBus() bool says that they put the sensor on the network, so that it is on no bus;
	// SetFolder(path string) tells them the folder of the configuration, for files beside it.
	//
	// Opts returns a pointer to a new struct of options, defaults filled in. Its fields carry `yaml` tags and are of simple types:
	// string, bool, integers, floats, time.Duration, slices and maps of these, or an encoding.TextUnmarshaler.
	// Keys that every sensor has (driver, bus, every, topic, values ...) are not among them. Nil: the driver has no options.
	Opts func() any
	// Check looks at options together, without touching a device. Its errors are *OptionError, one or joined. Nil: nothing to check.
	Check func(s Setup) error
	// New finds the device, makes sure that it is the right one, and sets it up. Errors name bus and device and end with a hint;
	// calling again later is always right, as the device may be plugged in meanwhile.
	New func(ctx context.Context, b Buses, s Setup) (Sensor, error)
	// Probe finds devices of this kind on an I2C bus. Nil: they cannot be looked for.
	Probe *Probe
	// Output is what the driver is to `outputs:`. Nil: it sets nothing.
	Output *OutputKind
}

// Reads tells whether the driver is one for `sensors:`.
func (k Kind) Reads() bool { return k.Output == nil || k.New != nil }

// Value finds the documentation of a value by its name.
func (k Kind) Value(name string) (ValueDoc, bool) {
	for _, v := range k.Values {
		if v.Name == name {
			return v, true
		}
	}
	return ValueDoc{}, false
}

// Document finds the documentation of a value of one sensor: see Values, Declare and Named.
func (k Kind) Document(s Setup, name string) (doc ValueDoc, ok bool) {
	doc, ok = k.Value(name)
	if !ok && k.Declare != nil {
		for _, v := range k.Declare(s) {
			if v.Name == name {
				doc, ok = v, true
			}
		}
	}
	if !ok && k.Named != nil {
		doc, ok = k.Named(name), true
		doc.Name = name
	}
	return doc.With(s.Values[name]), ok
}

// With adds what the options of a value say of it.
func (v ValueDoc) With(opts any) ValueDoc {
	if x, ok := opts.(interface{ IsText() bool }); ok {
		v.Text = x.IsText()
	}
	if x, ok := opts.(interface{ Unit() string }); ok {
		v.Unit = x.Unit()
	}
	return v
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
	NoBus      BusKind = iota // none that is shared
	I2CBus                    // a bus of many devices with addresses; `bus:` names one of kind `i2c`
	GPIOBus                   // lines of the board; the options name them, there is no `bus:`
	SerialBus                 // one device per port, unless Kind.Shares; `bus:` names one of kind `serial`
	SPIBus                    // one device per port, which is a bus and a chip select; `bus:` names one of kind `spi`
	OneWireBus                // many devices with ids, found by the kernel; `bus:` names one of kind `onewire`
)

var busKindNames = [...]string{"none", "i2c", "gpio", "serial", "spi", "onewire"}

// Named tells whether the configuration may name buses of this kind.
func (k BusKind) Named() bool { return k != NoBus && k != GPIOBus }

// String is the key used for such a bus in the configuration.
func (k BusKind) String() string {
	if int(k) < len(busKindNames) {
		return busKindNames[k]
	}
	return fmt.Sprintf("bus(%d)", byte(k))
}
