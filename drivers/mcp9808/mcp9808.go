package mcp9808

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/devices/v3/mcp9808"

	"skerry/drivers"
	"skerry/drivers/chip"
)

var model = &chip.Model{Name: "MCP9808", Addresses: []uint16{0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F}, SetUp: setUp, Identify: identify}

// Kind is the driver.
var Kind = model.Kind("mcp9808", "Microchip MCP9808: temperature", drivers.ValueDoc{Name: "temperature", Unit: "°C", Doc: "temperature of the chip"})

// Registers and what is in them (pages 27 and 28).
const (
	regMaker, maker   = 6, 0x0054
	regDevice, device = 7, 0x04 // the higher byte; the lower one is the revision
	firstMeasurement  = 250 * time.Millisecond
)

type sensor struct{ dev *mcp9808.Dev }

// identify reads the ids of maker and device.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	for _, id := range []struct {
		reg        byte
		mask, want uint16
	}{{regMaker, 0xFFFF, maker}, {regDevice, 0xFF00, device << 8}} {
		var b [2]byte
		if err := bus.Tx(addr, []byte{id.reg}, b[:]); err != nil {
			return "", err
		}
		switch got := binary.BigEndian.Uint16(b[:]); {
		case got == 0 || got == 0xFFFF:
			return "", chip.Absent(b[:])
		case got&id.mask != id.want:
			return "", fmt.Errorf("%w: register %d is %#04x", chip.ErrOther, id.reg, got)
		}
	}
	return "", nil
}

func setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	if _, err := identify(bus, addr); err != nil {
		return nil, err
	}
	dev, err := mcp9808.New(bus, &mcp9808.Opts{Addr: int(addr), Res: mcp9808.Maximum})
	if err != nil {
		return nil, err
	}
	time.Sleep(firstMeasurement) // what it has before is of an earlier time, or nothing
	return &sensor{dev}, nil
}

// Measure reads the last measurement.
func (d *sensor) Measure(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	t, err := d.dev.SenseTemp()
	if err != nil {
		return dst, err
	}
	return append(dst, chip.Within(-40, 125, drivers.Number("temperature", t.Celsius(), "°C", time.Now()))), nil
}

// Rest puts the chip to sleep.
func (d *sensor) Rest() error { return d.dev.Halt() }
