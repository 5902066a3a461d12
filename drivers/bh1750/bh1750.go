package bh1750

import (
	"context"
	"encoding/binary"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

var model = &chip.Model{Name: "BH1750", Addresses: []uint16{0x23, 0x5C}, SetUp: setUp, Identify: identify}

// Kind is the driver.
var Kind = model.Kind("bh1750", "Rohm BH1750: illuminance", drivers.ValueDoc{Name: "illuminance", Unit: "lx", Doc: "light"})

const (
	powerOn  = 0x01
	powerOff = 0x00
	once     = 0x20                   // one measurement, 1 lx (page 5)
	takes    = 185 * time.Millisecond // at most 180 (page 2)
	countsLx = 1.2                    // page 11
	full     = 0xFFFF
)

type device struct {
	bus  i2c.Bus
	addr uint16
}

// identify reads only: the chip has no id, and a port expander at the address would switch its outputs by whatever is written.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	return "it has no id, only its address fits", bus.Tx(addr, nil, make([]byte, 2))
}

func setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	return &device{bus, addr}, bus.Tx(addr, []byte{powerOn}, nil)
}

// Measure makes one measurement.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	if err := d.bus.Tx(d.addr, []byte{once}, nil); err != nil {
		return dst, err
	}
	if err := chip.Sleep(ctx, takes); err != nil {
		return dst, err
	}
	var b [2]byte
	if err := d.bus.Tx(d.addr, nil, b[:]); err != nil {
		return dst, err
	}
	raw := binary.BigEndian.Uint16(b[:])
	r := drivers.Number("illuminance", float64(raw)/countsLx, "lx", time.Now())
	if raw == full {
		r.Quality = drivers.Suspect // it is brighter than the chip can tell, or nothing is there any more
	}
	return append(dst, r), nil
}

// Rest switches the chip off.
func (d *device) Rest() error { return d.bus.Tx(d.addr, []byte{powerOff}, nil) }
