package tmp102

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

var model = &chip.Model{Name: "TMP102", Addresses: []uint16{0x48, 0x49, 0x4A, 0x4B}, SetUp: setUp, Identify: identify}

// Kind is the driver.
var Kind = model.Kind("tmp102", "Texas Instruments TMP102: temperature", drivers.ValueDoc{Name: "temperature", Unit: "°C", Doc: "temperature of the chip"})

// Registers, and bits of the configuration (section 7.5).
const (
	regTemperature = 0
	regConfig      = 1

	resolution     = 0x6000 // cannot be changed
	shutdown       = 0x0100
	extended       = 0x0010
	never          = 0x000F // always 0
	firstConverted = 300 * time.Millisecond
)

type device struct {
	bus  i2c.Bus
	addr uint16
}

func setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	d := &device{bus, addr}
	config, err := d.identify()
	if err != nil {
		return nil, err
	}
	if config&(shutdown|extended) != 0 {
		config &^= shutdown | extended
		if err := bus.Tx(addr, []byte{regConfig, byte(config >> 8), byte(config)}, nil); err != nil {
			return nil, err
		}
	}
	time.Sleep(firstConverted) // before, the register holds what was measured before the chip was put to sleep, or 0
	return d, nil
}

// identify reads the configuration, which must be one that this chip can have: it has no other identity.
func (d *device) identify() (config uint16, err error) {
	config, err = d.read(regConfig)
	switch {
	case err != nil:
		return 0, err
	case config == 0 || config == 0xFFFF:
		return 0, chip.Absent([]byte{byte(config >> 8), byte(config)})
	case config&resolution != resolution || config&never != 0:
		return 0, fmt.Errorf("%w: its configuration is %#04x", chip.ErrOther, config)
	}
	return config, nil
}

// afterReset is the configuration of a chip that nobody has set up.
const afterReset = 0x60A0

func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	config, err := (&device{bus, addr}).identify()
	if err == nil && config != afterReset {
		doubt = fmt.Sprintf("it has no id, and its configuration is %#04x", config)
	}
	return doubt, err
}

func (d *device) read(reg byte) (uint16, error) {
	var b [2]byte
	err := d.bus.Tx(d.addr, []byte{reg}, b[:])
	return binary.BigEndian.Uint16(b[:]), err
}

// Measure reads the last measurement, and whether the chip is still as it was set up.
func (d *device) Measure(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	raw, err := d.read(regTemperature)
	if err != nil {
		return dst, err
	}
	config, err := d.read(regConfig)
	switch {
	case err != nil:
		return dst, err
	case config&resolution != resolution || config&(shutdown|extended|never) != 0:
		return dst, fmt.Errorf("%w: its configuration is %#04x", chip.ErrOther, config)
	}
	return append(dst, chip.Within(-55, 128, drivers.Number("temperature", float64(int16(raw)>>4)/16, "°C", time.Now()))), nil
}

// Rest leaves the chip as it is: 10 µA.
func (d *device) Rest() error { return nil }
