package hdc302x

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

var model = &chip.Model{Name: "HDC302x", Addresses: []uint16{0x44, 0x45, 0x46, 0x47}, SetUp: setUp, Identify: identify, Commands: true}

// Kind is the driver.
var Kind = model.Kind("hdc302x", "Texas Instruments HDC3020, HDC3021, HDC3022: air temperature and humidity",
	drivers.ValueDoc{Name: "temperature", Unit: "°C", Doc: "air temperature"},
	drivers.ValueDoc{Name: "humidity", Unit: "%", Doc: "relative humidity"})

// Commands (table 7-9), and how long they take.
var (
	readMaker = []byte{0x37, 0x81}
	measure   = []byte{0x24, 0x00} // once, low power mode 0: the lowest noise
)

const (
	maker     = 0x3000
	short     = 2 * time.Millisecond
	converted = 16 * time.Millisecond
)

type device struct {
	bus  i2c.Bus
	addr uint16
}

// identify reads the id of the maker.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	var id [1]uint16
	err = chip.Ask(context.Background(), bus, addr, readMaker, short, id[:])
	switch {
	case errors.Is(err, chip.ErrChecksum):
		return "", fmt.Errorf("%w (%w)", chip.ErrOther, err)
	case err != nil:
		return "", err
	case id[0] != maker:
		return "", fmt.Errorf("%w: its maker's id is %#04x", chip.ErrOther, id[0])
	}
	return "", nil
}

func setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	_, err := identify(bus, addr)
	return &device{bus, addr}, err
}

// Measure makes one measurement.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var raw [2]uint16
	if err := chip.Ask(ctx, d.bus, d.addr, measure, converted, raw[:]); err != nil {
		return dst, err
	}
	at := time.Now()
	return append(dst, // section 7.3.3
		chip.Within(-40, 125, drivers.Number("temperature", -45+175*float64(raw[0])/65535, "°C", at)),
		drivers.Number("humidity", 100*float64(raw[1])/65535, "%", at)), nil
}

// Rest does nothing: the chip sleeps by itself.
func (d *device) Rest() error { return nil }
