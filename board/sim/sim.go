// Package sim is a whole board without hardware, at the level of its buses.
package sim

import (
	"errors"
	"log/slog"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// Options says what New builds.
type Options struct {
	Log *slog.Logger // nil: discard
}

// Board is the simulated machine. It satisfies drivers.Buses; every name of a bus or pin exists.
type Board struct{}

// New builds a board on which a lively weather station is connected.
func New(o Options) *Board { return &Board{} }

// Model is the name of the machine.
func (b *Board) Model() string { return "simulated board" }

// SerialNumber is the same on every simulated board.
func (b *Board) SerialNumber() string { return "sim" }

// I2C gives the bus of that name, with a BME280 at 0x76.
func (b *Board) I2C(name string) (i2c.Bus, error) { return nil, errors.New("not built yet") }

// Pin gives the line of that name, on which a rain gauge tips.
func (b *Board) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	return nil, errors.New("not built yet")
}

// Serial gives the port of that name, at which a GNSS receiver talks.
func (b *Board) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	return nil, errors.New("not built yet")
}

// Close ends the simulation.
func (b *Board) Close() error { return nil }

var _ drivers.Buses = (*Board)(nil)
