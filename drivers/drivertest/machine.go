package drivertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"path"
	"slices"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"skerry/drivers"
)

// ErrInjected is the error of a transfer that was made to fail.
var ErrInjected = errors.New("injected bus error")

// Machine is a drivers.Buses in memory with at most one device of each kind. A nil device is a missing one.
type Machine struct {
	Registers *Registers
	Chip      *Chip
	Line      *Line
	Talker    *Talker
	Kernel    map[string]string                         // files by name, without a leading slash; WriteFile changes them
	Conn      func(address string) (net.Conn, error)    // Dial
	Port      func(name string) (spi.PortCloser, error) // SPI

	drivers.Commons
	transfers int
	failAt    int
	hung      bool
}

// unplug takes every device away; plug brings them back.
func (m *Machine) unplug() (plug func()) {
	registers, chip, line, talker, kernel, conn, port := m.Registers, m.Chip, m.Line, m.Talker, m.Kernel, m.Conn, m.Port
	m.Registers, m.Chip, m.Line, m.Talker, m.Kernel, m.Conn, m.Port = nil, nil, nil, nil, nil, nil, nil
	return func() {
		m.Registers, m.Chip, m.Line, m.Talker, m.Kernel, m.Conn, m.Port = registers, chip, line, talker, kernel, conn, port
	}
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

// SPI gives Port.
func (m *Machine) SPI(name string) (spi.PortCloser, error) {
	if err := m.transfer(); err != nil {
		return nil, err
	}
	if m.Port == nil {
		return nil, fmt.Errorf("no SPI port %q; switch SPI on with dtparam=spi=on", name)
	}
	return m.Port(name)
}

// Output takes any line.
func (m *Machine) Output(name string, on bool) (drivers.Output, error) {
	if err := m.transfer(); err != nil {
		return nil, err
	}
	return output{m}, nil
}

type output struct{ m *Machine }

func (o output) Set(on bool) error { return o.m.transfer() }
func (o output) Close() error      { return nil }

// Dial gives Conn.
func (m *Machine) Dial(ctx context.Context, address string) (net.Conn, error) {
	if err := m.transfer(); err != nil {
		return nil, err
	}
	if m.Conn == nil {
		return nil, fmt.Errorf("dial %s: nobody is there; is it plugged in", address)
	}
	return m.Conn(address)
}

// Files gives Kernel.
func (m *Machine) Files() drivers.Files { return files{m} }

type files struct{ m *Machine }

// ReadFile reads a file of Kernel. When the machine hangs it waits for the context, as for a device that does not answer its driver.
func (f files) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if err := f.access(ctx, name); err != nil {
		return nil, err
	}
	return []byte(f.m.Kernel[name]), nil
}

func (f files) WriteFile(ctx context.Context, name string, data []byte) error {
	if err := f.access(ctx, name); err != nil {
		return err
	}
	f.m.Kernel[name] = string(data)
	return nil
}

func (f files) access(ctx context.Context, name string) error {
	if err := f.m.transfer(); err != nil {
		return err
	}
	if _, ok := f.m.Kernel[name]; !ok {
		return &fs.PathError{Op: "open", Path: "/" + name, Err: fs.ErrNotExist}
	}
	if f.m.hung {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("/%s does not answer: %w", name, ctx.Err())
	}
	return nil
}

func (f files) Space(ctx context.Context, name string) (free, size uint64, err error) {
	return 3 << 30, 8 << 30, f.access(ctx, name)
}

func (f files) Glob(pattern string) ([]string, error) {
	found := map[string]bool{}
	for name := range f.m.Kernel {
		for ; name != "."; name = path.Dir(name) {
			if ok, err := path.Match(pattern, name); err != nil {
				return nil, err
			} else if ok {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
