package drivers

import (
	"context"

	"periph.io/x/conn/v3/i2c"
)

// Probe is how devices of a kind are found on an I2C bus that nobody has described. There may be anything at an address: Identify
// changes nothing in a device of its kind, and as little as possible in others.
type Probe struct {
	Addresses []uint16
	// Identify looks whether the device at an address is one. It reads, sends the number of a register and reads it, or sends a command
	// that asks for an identity. An error says that it is not, or that nothing is there; with one, Identity may name what is there instead.
	Identify func(ctx context.Context, bus i2c.Bus, addr uint16) (Identity, error)
	// Commands: Identify sends more than one byte, which a chip with registers takes for a write. It comes after all that do not.
	Commands bool
}

// Identity is what a device says that it is.
type Identity struct {
	Model string // "BMP280"
	// Doubt is why it may be another one all the same; empty: it said who it is.
	Doubt string
}
