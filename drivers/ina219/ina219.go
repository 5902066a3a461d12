package ina219

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// Opts are the options of a sensor with `driver: ina219`.
type Opts struct {
	Address uint16  `yaml:"address"` // 0: 0x40
	Shunt   float64 `yaml:"shunt"`   // Ω
}

var model = &chip.Model{Name: "INA219", SetUp: setUp, Identify: identify, Addresses: []uint16{
	0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F}}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "ina219",
	Doc:  "Texas Instruments INA219: voltage, current and power",
	Bus:  drivers.I2CBus,
	Values: []drivers.ValueDoc{
		{Name: "voltage", Unit: "V", Doc: "at the load, against ground"},
		{Name: "current", Unit: "A", Doc: "through the shunt; negative: backwards"},
		{Name: "power", Unit: "W", Doc: "voltage times current"},
	},
	Opts:  func() any { return &Opts{Shunt: 0.1} },
	Check: check,
	New: func(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
		addr := options(s).Address
		if addr == 0 {
			addr = 0x40 // others at the higher addresses cannot be told from it
		}
		return model.Open(ctx, b, s, addr)
	},
	Probe: model.Probe(),
}

func check(s drivers.Setup) error {
	o := options(s)
	if !(o.Shunt >= 0.00001 && o.Shunt <= 100) {
		return &drivers.OptionError{Key: "shunt", Problem: "is not the resistance of a shunt", Hint: "in ohms: 0.1 is what most modules have (R100)"}
	}
	return model.CheckAddress(o.Address)
}

func options(s drivers.Setup) Opts {
	if o, ok := s.Opts.(*Opts); ok {
		return *o
	}
	return Opts{Shunt: 0.1}
}

// Registers (table 2) and settings (page 19).
const (
	regConfig = 0
	regShunt  = 1
	regBus    = 2

	afterReset = 0x399F
	reset      = 0x8000
	settings   = 0x3FFF // 32 V, 320 mV, 128 samples of each, without end
	converted  = 1 << 1 // in the bus register
	cycle      = 140 * time.Millisecond

	shuntStep = 10e-6 // V
	busStep   = 4e-3  // V
	shuntEnd  = 0.32  // V
)

type device struct {
	bus   i2c.Bus
	addr  uint16
	shunt float64
}

// identify reads the configuration: that of a chip after its supply came, or as this driver leaves it.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	config, err := (&device{bus: bus, addr: addr}).read(regConfig)
	switch {
	case err != nil:
		return "", err
	case config != afterReset && config != settings && config != settings&^7:
		return "", fmt.Errorf("%w: its configuration is %#04x", chip.ErrOther, config)
	}
	return "", nil
}

func setUp(bus i2c.Bus, addr uint16, s drivers.Setup) (chip.Device, error) {
	d := &device{bus, addr, options(s).Shunt}
	if err := d.write(regConfig, reset); err != nil {
		return nil, err
	}
	time.Sleep(time.Millisecond)
	config, err := d.read(regConfig)
	switch {
	case err != nil:
		return nil, err
	case config == 0 || config == 0xFFFF:
		return nil, chip.Absent([]byte{byte(config >> 8), byte(config)})
	case config != afterReset:
		return nil, fmt.Errorf("%w: its configuration is %#04x after a reset", chip.ErrOther, config)
	}
	return d, d.write(regConfig, settings)
}

func (d *device) read(reg byte) (uint16, error) {
	var b [2]byte
	err := d.bus.Tx(d.addr, []byte{reg}, b[:])
	return binary.BigEndian.Uint16(b[:]), err
}

func (d *device) write(reg byte, v uint16) error {
	return d.bus.Tx(d.addr, []byte{reg, byte(v >> 8), byte(v)}, nil)
}

// Measure begins anew, waits for the end of the measurement and reads it.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	config, err := d.read(regConfig)
	if err != nil {
		return dst, err
	}
	if config != settings { // it was without supply
		return dst, fmt.Errorf("the chip has lost its settings: its supply fails (its configuration is %#04x)", config)
	}
	if err := d.write(regConfig, settings); err != nil { // begins a measurement
		return dst, err
	}
	var bus uint16
	for bus&converted == 0 {
		if err := chip.Sleep(ctx, cycle); err != nil {
			return dst, err
		}
		if bus, err = d.read(regBus); err != nil {
			return dst, err
		}
	}
	raw, err := d.read(regShunt)
	if err != nil {
		return dst, err
	}
	return d.readings(dst, float64(bus>>3)*busStep, float64(int16(raw))*shuntStep), nil
}

func (d *device) readings(dst []drivers.Reading, volts, shunt float64) []drivers.Reading {
	at := time.Now()
	amperes := shunt / d.shunt
	list := []drivers.Reading{drivers.Number("voltage", volts, "V", at), drivers.Number("current", amperes, "A", at),
		drivers.Number("power", volts*amperes, "W", at)}
	if math.Abs(shunt) >= shuntEnd-shuntStep { // more flows than the shunt can tell
		list[1].Quality, list[2].Quality = drivers.Suspect, drivers.Suspect
	}
	return append(dst, list...)
}

// Rest powers the chip down.
func (d *device) Rest() error { return d.write(regConfig, settings&^7) }
