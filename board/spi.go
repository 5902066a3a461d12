package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/host/v3/sysfs"

	"skerry/drivers"
)

// defaultSPI is the first chip select of the bus on the pin header.
const defaultSPI = "/dev/spidev0.0"

// SPI opens the named port, see drivers.Buses. Without any configured it is /dev/spidev0.0.
func (b *Board) SPI(name string) (spi.PortCloser, error) {
	bus, found, err := b.named(name, drivers.SPIBus)
	if err != nil {
		return nil, err
	}
	if !found {
		bus.SPI = defaultSPI
	}
	p := &spiPort{device: bus.SPI, limit: bus.MaxSpeed, open: openSPI}
	if err := p.plug(); err != nil {
		return nil, err
	}
	b.log.Info("SPI port opened", "device", bus.SPI, "max_speed", bus.MaxSpeed)
	return p, nil
}

// openSPI opens a port by its path, or by a link to it.
func openSPI(device string) (spi.PortCloser, error) {
	target, err := filepath.EvalSymlinks(device)
	if err != nil {
		return nil, err
	}
	var number, chip int
	if n, err := fmt.Sscanf(target, "/dev/spidev%d.%d", &number, &chip); n != 2 || err != nil {
		return nil, fmt.Errorf("not an SPI port; write a device such as %s", defaultSPI)
	}
	port, err := sysfs.NewSPI(number, chip)
	if err != nil {
		return nil, spiReason(err)
	}
	return port, nil
}

// spiReason finds the reason that a hint is known for behind an error of sysfs, which keeps only the text.
func spiReason(err error) error {
	if strings.Contains(err.Error(), fs.ErrPermission.Error()) {
		return fmt.Errorf("%w (%w)", err, fs.ErrPermission)
	}
	return err
}

// spiPort is a port with its chip select that survives its adapter: one that was pulled and is back is opened and set up again.
type spiPort struct {
	device string
	limit  physic.Frequency // of the wires, by the configuration; 0: none
	open   func(device string) (spi.PortCloser, error)

	mu        sync.Mutex
	raw       spi.PortCloser // nil: unplugged or closed
	conn      spi.Conn       // nil: not connected
	closed    bool
	connected bool
	speed     physic.Frequency // what the driver asked for, as are the next two
	mode      spi.Mode
	bits      int
}

// String is the path of the device.
func (p *spiPort) String() string { return p.device }

// LimitSpeed lowers the highest clock.
func (p *spiPort) LimitSpeed(f physic.Frequency) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f <= 0 {
		return fmt.Errorf("%s: a clock of %v", p.device, f)
	}
	p.limit = slower(p.limit, f)
	return nil
}

// slower is the lower of two limits, of which 0 is none.
func slower(a, b physic.Frequency) physic.Frequency {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Connect sets the port up for a device: its highest clock, its mode, bits of a word. Once.
func (p *spiPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, os.ErrClosed
	case p.connected:
		return nil, fmt.Errorf("%s: connected already", p.device)
	}
	p.speed, p.mode, p.bits = f, mode, bits
	if err := p.ready(); err != nil {
		return nil, err
	}
	p.connected = true
	return spiConn{p}, nil
}

// plug opens the port.
func (p *spiPort) plug() error {
	raw, err := p.open(p.device)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w (%w)", err, drivers.ErrUnplugged)
	}
	if err != nil {
		return spiHints.explain(p.device, err)
	}
	p.raw = raw
	return nil
}

// ready opens and sets up what is not.
func (p *spiPort) ready() error {
	if p.conn != nil {
		return nil
	}
	if p.raw == nil {
		if err := p.plug(); err != nil {
			return err
		}
	}
	c, err := p.raw.Connect(slower(p.limit, p.speed), p.mode, p.bits)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: set up mode %v, %d bits: %w", p.device, p.mode, p.bits, err), p.unplug())
	}
	p.conn = c
	return nil
}

func (p *spiPort) unplug() error {
	if p.raw == nil {
		return nil
	}
	err := p.raw.Close()
	p.raw, p.conn = nil, nil
	return err
}

// use makes a transfer. After one that failed the port is opened anew: it may have been pulled meanwhile.
func (p *spiPort) use(transfer func(spi.Conn) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	if err := p.ready(); err != nil {
		return err
	}
	err := transfer(p.conn)
	if err == nil {
		return nil
	}
	p.unplug()
	if _, missing := os.Stat(p.device); errors.Is(missing, fs.ErrNotExist) {
		err = fmt.Errorf("%w (%w)", err, drivers.ErrUnplugged)
	}
	return fmt.Errorf("%s: %w", p.device, err)
}

// Close gives the port back.
func (p *spiPort) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.unplug()
}

// spiConn is a port that is connected.
type spiConn struct{ p *spiPort }

// String is the path of the device.
func (c spiConn) String() string { return c.p.device }

// Tx writes w and reads r at the same time, see spi.Conn.
func (c spiConn) Tx(w, r []byte) error {
	return c.p.use(func(raw spi.Conn) error { return raw.Tx(w, r) })
}

// TxPackets is several transfers in one, see spi.Conn.
func (c spiConn) TxPackets(list []spi.Packet) error {
	return c.p.use(func(raw spi.Conn) error { return raw.TxPackets(list) })
}

// Duplex is that of the mode.
func (c spiConn) Duplex() conn.Duplex {
	if c.p.mode&spi.HalfDuplex != 0 {
		return conn.Half
	}
	return conn.Full
}
