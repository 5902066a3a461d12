package bme280

import (
	"context"
	"errors"
	"fmt"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// The two addresses, by the level of the SDO pin (page 32).
const (
	lowAddress  = 0x76
	highAddress = 0x77
)

// Registers (page 27).
const (
	regID     = 0xD0
	regConfig = 0xF5
)

// Chip ids in register 0xD0.
const (
	idBMP280 = 0x58
	idBME280 = 0x60
)

// others are chips that are sold for a BME280 or sit at the same addresses.
var others = map[byte]string{
	0x50: "a BMP388",
	0x55: "a BMP180",
	0x56: "an engineering sample of a BMP280",
	0x57: "an engineering sample of a BMP280",
	0x61: "a BME680",
}

// Hints at the end of errors.
const (
	wiringHint = "check SDA, SCL, 3V3 and GND, and look for the chip with `i2cdetect -y 1`"
	otherHint  = "take the driver of that chip, or give the `address` of the BME280"
)

// errOther says that there is a chip and it is not ours.
var errOther = errors.New("not a BME280 or BMP280")

// find returns where a chip of ours is among the addresses, and its id.
func find(bus i2c.Bus, addresses []uint16) (addr uint16, id byte, err error) {
	for _, a := range addresses {
		id, failed := identify(bus, a)
		switch {
		case failed == nil:
			return a, id, nil
		case err == nil:
			err = failed
		default:
			err = fmt.Errorf("%w, %w", err, failed)
		}
	}
	return 0, 0, err
}

// identify reads the chip id at an address and refuses what is not ours. A line that nobody drives reads as 0xFF, one that is shorted as 0x00.
func identify(bus i2c.Bus, addr uint16) (byte, error) {
	id, err := readByte(bus, addr, regID)
	switch {
	case err != nil:
		return 0, fmt.Errorf("nothing answers at %#x: %w", addr, err)
	case id == idBME280 || id == idBMP280:
		return id, nil
	case id == 0xFF || id == 0x00:
		return 0, fmt.Errorf("nothing answers at %#x: the bus reads %#02x", addr, id)
	case others[id] != "":
		return 0, fmt.Errorf("the chip at %#x is %s (id %#02x), %w", addr, others[id], id, errOther)
	}
	return 0, fmt.Errorf("the chip at %#x has id %#02x, %w", addr, id, errOther)
}

// probe is for a bus that nobody has described. A multiplexer at one of the addresses takes the number of the register for its channels,
// and says it again when it is read: it gets back what it had.
func probe(_ context.Context, bus i2c.Bus, addr uint16) (drivers.Identity, error) {
	var before [1]byte
	if err := bus.Tx(addr, nil, before[:]); err != nil {
		return drivers.Identity{}, err
	}
	id, err := readByte(bus, addr, regID)
	if err == nil && id == regID {
		return drivers.Identity{}, errors.Join(errOther, bus.Tx(addr, before[:], nil))
	}
	_, err = identify(bus, addr)
	return drivers.Identity{Model: models[id]}, err
}

// models are the chips that an id says.
var models = map[byte]string{idBMP280: "BMP280", idBME280: "BME280", 0x50: "BMP388", 0x55: "BMP180", 0x61: "BME680"}

func readByte(bus i2c.Bus, addr uint16, reg byte) (byte, error) {
	var b [1]byte
	err := bus.Tx(addr, []byte{reg}, b[:])
	return b[0], err
}
