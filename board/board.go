package board

import (
	"errors"
	"log/slog"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// Options says what Open opens.
type Options struct {
	Buses map[string]Bus // as named in the configuration
	Log   *slog.Logger   // nil: discard
}

// Bus is one named bus of the configuration. Exactly one of I2C and Serial is set.
type Bus struct {
	I2C     string        // "/dev/i2c-1", or the number "1"
	Timeout time.Duration // for one I2C transfer; 0: 200ms

	Serial string               // "/dev/serial0", "/dev/serial/by-id/usb-..."
	Line   drivers.SerialConfig // zero fields: what the driver asks for
	RS485  RS485
}

// RS485 is how the direction of an RS-485 line is switched.
type RS485 byte

// The ways.
const (
	RS485Off    RS485 = iota // no RS-485, or an adapter that does it by itself
	RS485Kernel              // the kernel's driver switches with RTS (TIOCSRS485)
)

// Board is a machine with its buses. It satisfies drivers.Buses and may be used by several goroutines.
type Board struct{}

// Open reads what machine this is. Buses and pins are opened when a driver asks for them.
func Open(o Options) (*Board, error) { return &Board{}, nil }

// Model is the name of the machine: "Raspberry Pi 4 Model B Rev 1.4".
func (b *Board) Model() string { return "unknown" }

// SerialNumber is the machine's; empty when it has none.
func (b *Board) SerialNumber() string { return "" }

// I2C opens the named bus, see drivers.Buses.
func (b *Board) I2C(name string) (i2c.Bus, error) { return nil, errors.New("not built yet") }

// Pin takes the named line, see drivers.Buses.
func (b *Board) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	return nil, errors.New("not built yet")
}

// Serial opens the named port, see drivers.Buses.
func (b *Board) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	return nil, errors.New("not built yet")
}

// Close gives everything back.
func (b *Board) Close() error { return nil }

var _ drivers.Buses = (*Board)(nil)
