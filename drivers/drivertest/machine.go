package drivertest

import (
	"errors"
	"fmt"
	"time"

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// ErrInjected is the error of a transfer that was made to fail.
var ErrInjected = errors.New("injected bus error")

// Machine is a drivers.Buses in memory with at most one device of each kind. A nil device is a missing one.
type Machine struct {
	Registers *Registers
	Line      *Line
	Talker    *Talker

	transfers int
	failAt    int
	hung      bool
}

// FailAt makes the n-th transfer from now on fail, on whichever bus; 0 heals.
func (m *Machine) FailAt(n int) { m.transfers, m.failAt = 0, n }

// Transfers counts the transfers since FailAt.
func (m *Machine) Transfers() int { return m.transfers }

// Hang makes the device take part in transfers and never get ready: see Registers.OnHang and Talker.
func (m *Machine) Hang() { m.hung = true }

// aTransfer is how long one takes: 3 bytes on I2C at 100 kHz. Simulated time passes only where somebody sleeps.
const aTransfer = 300 * time.Microsecond

// transfer counts one and tells whether it fails.
func (m *Machine) transfer() error {
	time.Sleep(aTransfer)
	m.transfers++
	if m.transfers == m.failAt {
		return ErrInjected
	}
	return nil
}

// I2C gives the bus with Registers on it.
func (m *Machine) I2C(name string) (i2c.Bus, error) { return bus{m}, nil }

// Pin gives Line.
func (m *Machine) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	if err := m.transfer(); err != nil {
		return nil, err
	}
	if m.Line == nil {
		return nil, fmt.Errorf("no line named %s; write a name as GPIO17", name)
	}
	return &edges{m: m}, nil
}

// Serial gives a port at which Talker talks.
func (m *Machine) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	if err := m.transfer(); err != nil {
		return nil, err
	}
	if m.Talker == nil {
		return nil, fmt.Errorf("serial port %q: %w; plug in the adapter", name, drivers.ErrUnplugged)
	}
	return &port{m: m}, nil
}
