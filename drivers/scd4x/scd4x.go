package scd4x

import (
	"context"
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
	"skerry/drivers/chip"
)

// Opts are the options of a sensor with `driver: scd4x`.
type Opts struct {
	Altitude int `yaml:"altitude" in:"0..3000"` // metres above sea level, for the air pressure; 0: as the chip has it
}

var model = &chip.Model{Name: "SCD4x", Addresses: []uint16{0x62}, SetUp: setUp, Patience: 8 * time.Second, Identify: identify, Commands: true}

// Kind is the driver.
var Kind = drivers.Kind{
	Name: "scd4x",
	Doc:  "Sensirion SCD40, SCD41, SCD43: CO2, air temperature and humidity",
	Bus:  drivers.I2CBus,
	Values: []drivers.ValueDoc{
		{Name: "co2", Unit: "ppm", Doc: "carbon dioxide"},
		{Name: "temperature", Unit: "°C", Doc: "air temperature"},
		{Name: "humidity", Unit: "%", Doc: "relative humidity"},
	},
	Opts: func() any { return new(Opts) },
	New: func(ctx context.Context, b drivers.Buses, s drivers.Setup) (drivers.Sensor, error) {
		return model.Open(ctx, b, s, 0)
	},
	Probe: model.Probe(),
}

// Commands (section 3.5).
var (
	start       = []byte{0x21, 0xB1}
	stop        = []byte{0x3F, 0x86}
	ready       = []byte{0xE4, 0xB8}
	read        = []byte{0xEC, 0x05}
	serial      = []byte{0x36, 0x82}
	setAltitude = []byte{0x24, 0x27}
)

const (
	short   = 2 * time.Millisecond
	stopped = 500 * time.Millisecond // after stop the chip answers nothing
	poll    = 100 * time.Millisecond
)

type device struct {
	bus     i2c.Bus
	addr    uint16
	settled bool
}

// identify asks whether a measurement is ready, which a chip answers whatever it is doing; the checksum tells that it is one of these.
func identify(bus i2c.Bus, addr uint16) (doubt string, err error) {
	var status [1]uint16
	if err = chip.Ask(context.Background(), bus, addr, ready, short, status[:]); errors.Is(err, chip.ErrChecksum) {
		err = fmt.Errorf("%w (%w)", chip.ErrOther, err)
	}
	return "", err
}

func setUp(bus i2c.Bus, addr uint16, s drivers.Setup) (chip.Device, error) {
	ctx := context.Background()
	// While it measures, from before a restart of this program, it answers to little; a chip that does not refuses, which is no error.
	_ = chip.Ask(ctx, bus, addr, stop, stopped, nil)
	var id [3]uint16
	err := chip.Ask(ctx, bus, addr, serial, short, id[:])
	switch {
	case errors.Is(err, chip.ErrChecksum):
		return nil, fmt.Errorf("%w (%w)", chip.ErrOther, err)
	case err != nil:
		return nil, err
	}
	if o, ok := s.Opts.(*Opts); ok && o.Altitude > 0 {
		word := []byte{byte(o.Altitude >> 8), byte(o.Altitude)}
		if err := chip.Ask(ctx, bus, addr, append(append(setAltitude[:2:2], word...), chip.Checksum(word)), short, nil); err != nil {
			return nil, err
		}
	}
	return &device{bus: bus, addr: addr}, chip.Ask(ctx, bus, addr, start, short, nil)
}

// Measure waits for the next measurement and reads it.
func (d *device) Measure(ctx context.Context, dst []drivers.Reading) ([]drivers.Reading, error) {
	for status := [1]uint16{}; status[0]&0x07FF == 0; {
		if err := chip.Ask(ctx, d.bus, d.addr, ready, short, status[:]); err != nil {
			return dst, err
		}
		if status[0]&0x07FF == 0 {
			if err := chip.Sleep(ctx, poll); err != nil {
				return dst, err
			}
		}
	}
	var raw [3]uint16
	if err := chip.Ask(ctx, d.bus, d.addr, read, short, raw[:]); err != nil {
		return dst, err
	}
	at, from := time.Now(), len(dst)
	dst = append(dst, // section 3.6.2
		chip.Within(0, 40_000, drivers.Number("co2", float64(raw[0]), "ppm", at)),
		chip.Within(-10, 60, drivers.Number("temperature", -45+175*float64(raw[1])/65535, "°C", at)),
		drivers.Number("humidity", 100*float64(raw[2])/65535, "%", at))
	if !d.settled {
		d.settled = true
		dst[from].Quality = drivers.Suspect
	}
	return dst, nil
}

// Rest stops measuring: 15 mA become 0.2.
func (d *device) Rest() error { return d.bus.Tx(d.addr, stop, nil) }
