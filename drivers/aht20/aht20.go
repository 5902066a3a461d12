package aht20

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/aht20"

	"skerry/drivers"
	"skerry/drivers/chip"
)

var model = &chip.Model{Name: "AHT20", Addresses: []uint16{0x38}, SetUp: setUp, Identify: identify}

// Kind is the driver.
var Kind = model.Kind("aht20", "Aosong AHT20: air temperature and humidity",
	drivers.ValueDoc{Name: "temperature", Unit: "°C", Doc: "air temperature"},
	drivers.ValueDoc{Name: "humidity", Unit: "%", Doc: "relative humidity"})

type device struct{ dev *aht20.Dev }

// statusCommand asks for the status (page 8). Bits 4 to 6 of a chip that answers are not all set; those of an idle bus are.
const statusCommand = 0x71

// Bits of the status (page 8).
const (
	calibrated = 1 << 3
	mode       = 3 << 5
)

// identify reads the status, which comes first in whatever is read. There may be a port expander at this address, whose outputs any
// byte that is written would switch: nothing is.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	var status [1]byte
	if err := bus.Tx(addr, nil, status[:]); err != nil {
		return "", err
	}
	switch {
	case status[0] == 0xFF:
		return "", chip.Absent(status[:])
	case status[0]&(calibrated|mode) != calibrated:
		return "", fmt.Errorf("%w: its status is %#02x", chip.ErrOther, status[0])
	}
	return "it has no id; a port expander PCF8574A can be at this address too", nil
}

func setUp(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	var status [1]byte
	if err := bus.Tx(addr, []byte{statusCommand}, status[:]); err != nil {
		return nil, err
	}
	if status[0] == 0xFF {
		return nil, chip.Absent(status[:])
	}
	dev, err := aht20.NewI2C(bus, nil)
	if err != nil {
		return nil, err
	}
	return &device{dev}, nil
}

// Measure makes one measurement.
func (d *device) Measure(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var env physic.Env
	err := d.dev.Sense(&env)
	if _, corrupt := errors.AsType[*aht20.DataCorruptionError](err); corrupt {
		return dst, fmt.Errorf("%w (%w; an AHT10 sends none)", chip.ErrOther, err)
	}
	if err != nil {
		return dst, err
	}
	at := time.Now()
	return append(dst, chip.Within(-40, 85, drivers.Number("temperature", env.Temperature.Celsius(), "°C", at)),
		chip.Within(0, 100, drivers.Number("humidity", float64(env.Humidity)/float64(physic.PercentRH), "%", at))), nil
}

// Rest does nothing: the chip sleeps by itself.
func (d *device) Rest() error { return nil }
