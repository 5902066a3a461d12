package bme280

import (
	"context"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// BMP180 is the driver of the older chip, and of the BMP085 before it (Bosch BST-BMP180-DS000). It keeps no settings: there is nothing to
// lose with the supply.
var BMP180 = (&chip.Model{Name: "BMP180", Addresses: []uint16{highAddress}, SetUp: setUp180,
	Identify: func(bus i2c.Bus, addr uint16) (string, error) {
		return "", (&device180{bus: bus, addr: addr}).identify()
	}}).Kind("bmp180",
	"Bosch BMP180 and BMP085: air temperature and pressure",
	drivers.ValueDoc{Name: "temperature", Unit: "°C", Doc: "air temperature"},
	drivers.ValueDoc{Name: "pressure", Unit: "hPa", Doc: "absolute air pressure at the sensor, not reduced to sea level"})

const idBMP180 = 0x55

type device180 struct {
	bus  i2c.Bus
	addr uint16
	dev  *bmxx80.Dev
}

func setUp180(bus i2c.Bus, addr uint16, _ drivers.Setup) (chip.Device, error) {
	d := &device180{bus: bus, addr: addr}
	err := d.identify()
	if err == nil {
		d.dev, err = bmxx80.NewI2C(bus, addr, &bmxx80.DefaultOpts)
	}
	return d, err
}

func (d *device180) identify() error {
	id, err := readByte(d.bus, d.addr, regID)
	switch {
	case err != nil:
		return err
	case id == 0 || id == 0xFF:
		return chip.Absent([]byte{id})
	case id != idBMP180:
		return fmt.Errorf("%w: its id is %#02x", chip.ErrOther, id)
	}
	return nil
}

// Measure makes one measurement, and asks afterwards whether it is still that chip.
func (d *device180) Measure(_ context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	var env physic.Env
	if err := d.dev.Sense(&env); err != nil {
		return dst, err
	}
	if err := d.identify(); err != nil {
		return dst, err
	}
	at := time.Now()
	return append(dst, chip.Within(-40, 85, drivers.Number("temperature", env.Temperature.Celsius(), "°C", at)),
		chip.Within(300, 1100, drivers.Number("pressure", float64(env.Pressure)/float64(100*physic.Pascal), "hPa", at))), nil
}

// Rest does nothing: the chip sleeps by itself.
func (d *device180) Rest() error { return nil }
