package ads1x15

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// Registers, and bits of the configuration (table 8).
const (
	regConversion = 0
	regConfig     = 1

	begin     = 1 << 15 // written: begin; read: no conversion is under way
	inputAt   = 12
	rangeAt   = 9
	single    = 1 << 8
	rate      = 4 << 5 // ADS1115: 128 a second; ADS1015: 1600
	noCompare = 3
	mostly    = 8 * time.Millisecond // at 128 a second
	look      = time.Millisecond
)

// probe is one value.
type probe struct {
	name   string
	config uint16  // without begin
	full   float64 // V
}

type device struct {
	bus    i2c.Bus
	addr   uint16
	probes []probe
}

// afterReset is the configuration of a chip that nobody has set up (table 8).
const afterReset = 0x8583

// identify reads the configuration: what stands in the bits that this driver always writes, or that of a chip after its supply came.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	config, err := (&device{bus: bus, addr: addr}).read(regConfig)
	switch {
	case err != nil:
		return "", err
	case config == afterReset:
		return "", nil
	case config&(begin|single|7<<5|0x1F) == begin|single|rate|noCompare:
		return fmt.Sprintf("it has no id, and its configuration is %#04x", config), nil
	}
	return "", fmt.Errorf("%w: its configuration is %#04x", chip.ErrOther, config)
}

func setUp(bus i2c.Bus, addr uint16, s drivers.Setup) (chip.Device, error) {
	d := &device{bus: bus, addr: addr}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if o, ok := s.Values[name].(*ValueOpts); ok {
			d.probes = append(d.probes, newProbe(name, o))
		}
	}
	config, err := d.read(regConfig)
	switch {
	case err != nil:
		return nil, err
	case config == 0 || config == 0xFFFF:
		return nil, chip.Absent([]byte{byte(config >> 8), byte(config)})
	}
	return d, d.takesBack()
}

// newProbe takes the smallest range that holds what is to be measured.
func newProbe(name string, o *ValueOpts) probe {
	at := 0
	for i, r := range ranges {
		if r >= o.Range {
			at = i
		}
	}
	return probe{name, inputs[o.Channel]<<inputAt | uint16(at)<<rangeAt | single | rate | noCompare, ranges[at]}
}

// takesBack tells whether what is written to the configuration is read again, as it is of this chip.
func (d *device) takesBack() error {
	for _, config := range []uint16{single | rate | noCompare, 5<<inputAt | 3<<rangeAt | single | rate | noCompare} {
		if err := d.write(config); err != nil {
			return err
		}
		got, err := d.read(regConfig)
		if err != nil {
			return err
		}
		if got&^begin != config {
			return fmt.Errorf("%w: %#04x was written to its configuration, and %#04x is read", chip.ErrOther, config, got)
		}
	}
	return nil
}

func (d *device) read(reg byte) (uint16, error) {
	var b [2]byte
	err := d.bus.Tx(d.addr, []byte{reg}, b[:])
	return binary.BigEndian.Uint16(b[:]), err
}

func (d *device) write(config uint16) error {
	return d.bus.Tx(d.addr, []byte{regConfig, byte(config >> 8), byte(config)}, nil)
}

// Measure makes one conversion for each value.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	for _, p := range d.probes {
		raw, err := d.convert(ctx, p)
		if err != nil {
			return dst, fmt.Errorf("value %s: %w", p.name, err)
		}
		r := drivers.Number(p.name, float64(raw)/(1<<15)*p.full, "V", time.Now())
		if raw >= 0x7FF0 || raw <= -0x7FF0 { // an ADS1015 has no lower four bits
			r.Quality = drivers.Suspect
		}
		dst = append(dst, r)
	}
	return dst, nil
}

// convert makes one conversion, and reads it when the chip says that it has ended and was that one.
func (d *device) convert(ctx context.Context, p probe) (int16, error) {
	if err := d.write(begin | p.config); err != nil {
		return 0, err
	}
	for wait := mostly; ; wait = look {
		if err := chip.Sleep(ctx, wait); err != nil {
			return 0, err
		}
		config, err := d.read(regConfig)
		switch {
		case err != nil:
			return 0, err
		case config&^begin != p.config:
			return 0, fmt.Errorf("the chip has lost its settings: its supply fails (its configuration is %#04x)", config)
		case config&begin != 0:
			raw, err := d.read(regConversion)
			return int16(raw), err
		}
	}
}

// Rest does nothing: the chip sleeps after each conversion.
func (d *device) Rest() error { return nil }
