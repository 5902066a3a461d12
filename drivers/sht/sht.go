package sht

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// family is what differs between the two.
type family struct {
	serial   []byte // command that asks for the serial number
	measure  []byte // command for one measurement with high repeatability
	takes    time.Duration
	humidity func(raw float64) float64 // %
}

var (
	sht3x = &family{
		serial: []byte{0x37, 0x80}, measure: []byte{0x24, 0x00}, takes: 16 * time.Millisecond, // pages 10 and 7
		humidity: func(raw float64) float64 { return 100 * raw }, // page 14
	}
	sht4x = &family{
		serial: []byte{0x89}, measure: []byte{0xFD}, takes: 9 * time.Millisecond, // pages 12 and 7
		humidity: func(raw float64) float64 { return -6 + 125*raw }, // page 12
	}
)

// afterCommand is how long the chip needs to have the serial number ready.
const afterCommand = 2 * time.Millisecond

type device struct {
	family *family
	bus    i2c.Bus
	addr   uint16
}

// identify asks for the serial number.
func (f *family) identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	var serial [2]uint16
	err = chip.Ask(context.Background(), bus, addr, f.serial, afterCommand, serial[:])
	if errors.Is(err, chip.ErrChecksum) {
		err = fmt.Errorf("%w (%w)", chip.ErrOther, err)
	}
	return "", err
}

func (f *family) setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	_, err := f.identify(bus, addr)
	return &device{f, bus, addr}, err
}

// Measure makes one measurement.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var raw [2]uint16
	if err := chip.Ask(ctx, d.bus, d.addr, d.family.measure, d.family.takes, raw[:]); err != nil {
		return dst, err
	}
	at := time.Now()
	celsius, humidity := -45+175*float64(raw[0])/65535, d.family.humidity(float64(raw[1])/65535)
	humidity = min(max(humidity, 0), 100) // the formula goes a little beyond both ends; the datasheet says to crop
	return append(dst,
		chip.Within(-40, 125, drivers.Number("temperature", celsius, "°C", at)),
		drivers.Number("humidity", humidity, "%", at)), nil
}

// Rest does nothing: the chip sleeps by itself.
func (d *device) Rest() error { return nil }
