package chip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// Model is a kind of chip.
type Model struct {
	Name      string        // "AHT20"
	Addresses []uint16      // where it may be, the usual one first
	Patience  time.Duration // how long one measurement with everything around it may take; 0: a second
	// SetUp makes sure that the chip at an address is one of this kind, and sets it up. Another one is ErrOther.
	SetUp func(bus i2c.Bus, addr uint16, s drivers.Setup) (Device, error)
	// Identify is for Kind.Probe; see drivers.Probe.Identify. Doubt is empty when the chip has said what it is.
	Identify func(bus i2c.Bus, addr uint16) (doubt string, err error)
	Commands bool // Identify sends more than one byte
}

// Device is a chip that is set up.
type Device interface {
	// Measure appends the readings of one measurement.
	Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error)
	// Rest puts the chip into its lowest consumption, where it does not go there by itself.
	Rest() error
}

// ErrOther says that there is a chip and it is not of the kind.
var ErrOther = errors.New("another chip")

// Absent is the error of a chip that did not answer as one must; a line that nobody drives reads as ones, one that is shorted as zeros.
func Absent(got []byte) error { return fmt.Errorf("nothing answers: the bus reads %#02x", got) }

// CheckAddress is Kind.Check for an option "address": 0 is one of the model's.
func (m *Model) CheckAddress(addr uint16) error {
	if addr == 0 || slices.Contains(m.Addresses, addr) {
		return nil
	}
	return &drivers.OptionError{Key: "address", Problem: "no such address on this chip",
		Hint: "write " + places(m.Addresses, " or ") + ", or leave it out to try each"}
}

func places(addresses []uint16, between string) string {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = fmt.Sprintf("%#x", a)
	}
	return strings.Join(words, between)
}

type sensor struct {
	model     *Model
	setup     drivers.Setup
	bus       *Gate
	addresses []uint16 // one, once the chip was found
	device    Device   // nil: to be set up
}

// Open finds a chip, at addr where that is not 0, and sets it up.
func (m *Model) Open(ctx context.Context, b drivers.Buses, s drivers.Setup, addr uint16) (drivers.Sensor, error) {
	bus, err := b.I2C(s.Bus)
	if err != nil {
		return nil, err
	}
	x := &sensor{model: m, setup: s, bus: &Gate{Bus: bus}, addresses: m.Addresses}
	if addr != 0 {
		x.addresses = []uint16{addr}
	}
	x.bus.Open(ctx, m.patience())
	defer x.bus.Close()
	if err := x.find(); err != nil {
		return nil, x.explain(ctx, err)
	}
	return x, nil
}

func (m *Model) patience() time.Duration { return cmp.Or(m.Patience, time.Second) }

// String names chip, address and bus.
func (x *sensor) String() string {
	return fmt.Sprintf("%s at %s on %s", x.model.Name, places(x.addresses, ", "), x.bus)
}

// find sets up the first chip of the kind.
func (x *sensor) find() error {
	var errs []error
	for _, a := range x.addresses {
		device, err := x.model.SetUp(x.bus, a, x.setup)
		if err == nil {
			x.device, x.addresses = device, []uint16{a}
			return nil
		}
		errs = append(errs, fmt.Errorf("at %#x: %w", a, err))
	}
	return joined(errs)
}

// joined is errors.Join in one line.
func joined(errs []error) error {
	err := errs[0]
	for _, e := range errs[1:] {
		err = fmt.Errorf("%w; %w", err, e)
	}
	return err
}

// Sense makes one measurement.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	x.bus.Open(ctx, x.model.patience())
	defer x.bus.Close()
	if x.device == nil {
		if err := x.find(); err != nil {
			return dst, x.explain(ctx, err)
		}
	}
	got, err := x.device.Measure(ctx, dst)
	if err != nil {
		x.device = nil
		return got, x.explain(ctx, err)
	}
	return got, nil
}

// Halt puts the chip to rest.
func (x *sensor) Halt() error {
	if x.device == nil {
		return nil
	}
	x.bus.Open(context.Background(), x.model.patience())
	defer x.bus.Close()
	err := x.device.Rest()
	x.device = nil
	return err
}

// explain makes an error that names the device; the end of the context comes first, as all else follows from it.
func (x *sensor) explain(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", x, cause)
	}
	hint := "check SDA, SCL, 3V3 and GND, and look for the chip with `i2cdetect -y 1`"
	if errors.Is(err, ErrOther) {
		hint = "take the driver of that chip, or give the `address` of the " + x.model.Name
	}
	return fmt.Errorf("%s: %w; %s", x, err, hint)
}

// Within marks a reading outside of what the chip can measure.
func Within(low, high float64, r drivers.Reading) drivers.Reading {
	if r.Number < low || r.Number > high {
		r.Quality = drivers.Suspect
	}
	return r
}

// Sleep waits, at most until the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
