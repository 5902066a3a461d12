package drivertest

import (
	"errors"

	"periph.io/x/conn/v3/physic"
)

// Registers is a chip with 8-bit registers on an I2C bus. A read starts at the register written before and goes up. A write is
// pairs of register and value, as Bosch's chips take it.
type Registers struct {
	Addr    uint16
	Mem     [256]byte
	OnWrite func(reg, value byte) // after the value is in Mem; may be nil
	OnHang  func()                // makes the chip never ready, for Machine.Hang; may be nil
}

// Chip is a chip on an I2C bus that takes commands.
type Chip struct {
	Addr   uint16
	Answer func(w, r []byte) error // a transfer: w was written, r is to be filled
	OnHang func()                  // makes the chip never ready, for Machine.Hang; may be nil
}

// ErrNoAnswer is the error of a transfer that no chip acknowledges.
var ErrNoAnswer = errNoAnswer

var errNoAnswer = errors.New("remote I/O error")

func (r *Registers) tx(w, read []byte) error {
	if len(w) == 1 {
		for i := range read {
			read[i] = r.Mem[w[0]+byte(i)]
		}
		return nil
	}
	for ; len(w) >= 2; w = w[2:] {
		r.Mem[w[0]] = w[1]
		if r.OnWrite != nil {
			r.OnWrite(w[0], w[1])
		}
	}
	return nil
}

type bus struct{ m *Machine }

func (b bus) String() string                    { return "test bus" }
func (b bus) SetSpeed(f physic.Frequency) error { return nil }

func (b bus) Tx(addr uint16, w, r []byte) error {
	if err := b.m.transfer(); err != nil {
		return err
	}
	if c := b.m.Chip; c != nil && c.Addr == addr {
		if b.m.hung && c.OnHang != nil {
			c.OnHang()
		}
		return c.Answer(w, r)
	}
	chip := b.m.Registers
	if chip == nil || chip.Addr != addr {
		return errNoAnswer
	}
	if b.m.hung && chip.OnHang != nil {
		defer chip.OnHang()
	}
	return chip.tx(w, r)
}
