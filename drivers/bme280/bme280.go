package bme280

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// patience is how long one measurement with everything around it may take; by the datasheet (page 51) it is 25 ms.
const patience = time.Second

// configured is what bmxx80 leaves in the config register: 1 s standby, no filter. It is 0 after the supply was gone (page 30).
const configured = 5 << 5

type sensor struct {
	bus       *chip.Gate
	addresses []uint16
	addr      uint16
	id        byte
	dev       *bmxx80.Dev // nil: to be set up
}

func open(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
	bus, err := b.I2C(s.Bus)
	if err != nil {
		return nil, err
	}
	x := &sensor{bus: &chip.Gate{Bus: bus}, addresses: []uint16{lowAddress, highAddress}}
	if a := options(s).Address; a != 0 {
		x.addresses = []uint16{a}
	}
	x.bus.Open(ctx, patience)
	defer x.bus.Close()
	if err := x.setUp(); err != nil {
		return nil, x.explain(ctx, err)
	}
	return x, nil
}

// String names chip, address and bus.
func (x *sensor) String() string {
	name := "BME280"
	if x.id == idBMP280 {
		name = "BMP280"
	}
	if x.addr == 0 {
		return fmt.Sprintf("%s on %s", name, x.bus)
	}
	return fmt.Sprintf("%s at %#x on %s", name, x.addr, x.bus)
}

// setUp finds the chip and writes its settings.
func (x *sensor) setUp() error {
	addr, id, err := find(x.bus, x.addresses)
	if err != nil {
		return err
	}
	dev, err := bmxx80.NewI2C(x.bus, addr, &bmxx80.DefaultOpts)
	if err != nil {
		return fmt.Errorf("set up the chip at %#x: %w", addr, err)
	}
	x.addr, x.id, x.dev = addr, id, dev
	return nil
}

// Sense makes one measurement. A chip that was without supply since the last one is set up again.
func (x *sensor) Sense(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	x.bus.Open(ctx, patience)
	defer x.bus.Close()
	env, err := x.measure()
	if errors.Is(err, errForgot) {
		env, err = x.measure()
	}
	if err != nil {
		x.dev = nil
		return dst, x.explain(ctx, err)
	}
	return x.readings(dst, env, time.Now()), nil
}

var errForgot = errors.New("the chip has lost its settings: its supply fails")

func (x *sensor) measure() (env physic.Env, err error) {
	if x.dev == nil {
		if err := x.setUp(); err != nil {
			return env, err
		}
	}
	if err := x.dev.Sense(&env); err != nil {
		return env, err
	}
	err = x.verify()
	if err != nil {
		x.dev = nil
	}
	return env, err
}

// verify makes sure that what was just read came from the chip as it was set up: see the package comment.
func (x *sensor) verify() error {
	id, err := identify(x.bus, x.addr)
	if err != nil {
		return err
	}
	config, err := readByte(x.bus, x.addr, regConfig)
	switch {
	case err != nil:
		return fmt.Errorf("read the configuration back: %w", err)
	case id != x.id || config != configured:
		return errForgot
	}
	return nil
}

// readings marks what is outside of the operating range of the datasheet (page 8).
func (x *sensor) readings(dst []drivers.Reading, env physic.Env, at time.Time) []drivers.Reading {
	dst = append(dst, chip.Within(-40, 85, drivers.Number("temperature", env.Temperature.Celsius(), "°C", at)))
	if x.id == idBME280 {
		dst = append(dst, chip.Within(0, 100, drivers.Number("humidity", float64(env.Humidity)/float64(physic.PercentRH), "%", at)))
	}
	return append(dst, chip.Within(300, 1100, drivers.Number("pressure", float64(env.Pressure)/float64(100*physic.Pascal), "hPa", at)))
}

// explain makes an error that names the device; the end of the context comes first, as all else follows from it.
func (x *sensor) explain(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", x, cause)
	}
	if errors.Is(err, errOther) {
		return fmt.Errorf("%s: %w; %s", x, err, otherHint)
	}
	return fmt.Errorf("%s: %w; %s", x, err, wiringHint)
}

// Halt leaves the chip as it is: between measurements it sleeps by itself.
func (x *sensor) Halt() error { return nil }
