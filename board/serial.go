package board

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

const (
	headerSerial = "/dev/serial0"         // what Raspberry Pi OS calls the UART on the pin header
	reopenEvery  = 250 * time.Millisecond // at most so often is a missing adapter looked for, however often Read is called
	writeTimeout = 5 * time.Second        // 600 bytes at 1200 bit/s
)

// Serial opens the named port, see drivers.Buses. Without any configured it is /dev/serial0.
func (b *Board) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	bus, found, err := b.named(name, drivers.SerialBus)
	if err != nil {
		return nil, err
	}
	if !found {
		bus.Serial = headerSerial
	}
	if c = Merge(bus.Line, c); bus.ParityGiven {
		c.Parity = bus.Line.Parity
	}
	p, err := openPort(bus.Serial, c, bus.RS485)
	if err != nil {
		return nil, err
	}
	b.log.Info("serial port opened", "device", bus.Serial, "baud", c.Baud, "rs485_by_kernel", p.line.byKernel)
	if ignored := p.line.ignored(c); len(ignored) > 0 {
		b.log.Warn("the kernel's driver of this port does not take all settings: what comes may be garbled", "device", bus.Serial, "ignored", ignored,
			"hint", "take an adapter that can; on a Raspberry Pi the small UART has no parity, and dtoverlay=disable-bt puts the full one on the header")
	}
	if stable := stablePath("/", bus.Serial); stable != "" {
		b.log.Warn("the number of this port depends on what is plugged in first; name it by its stable path", "device", bus.Serial, "stable", stable)
	}
	return p, nil
}

// Merge fills what the configuration leaves open with what the driver asks for.
func Merge(configured, asked drivers.SerialConfig) drivers.SerialConfig {
	return drivers.SerialConfig{
		Baud:     cmp.Or(configured.Baud, asked.Baud, 9600),
		DataBits: cmp.Or(configured.DataBits, asked.DataBits, 8),
		Parity:   cmp.Or(configured.Parity, asked.Parity),
		StopBits: cmp.Or(configured.StopBits, asked.StopBits, 1),
	}
}

// port is a serial port that survives its adapter.
type port struct {
	device string
	config drivers.SerialConfig
	rs485  RS485
	closed chan struct{}

	mu       sync.Mutex
	line     *line     // nil: unplugged
	lookAt   time.Time // when a missing adapter is looked for again
	deadline time.Time
}

var _ drivers.Port = (*port)(nil)

// OpenPort opens a serial device by its path.
func OpenPort(device string, c drivers.SerialConfig, rs485 RS485) (drivers.Port, error) {
	p, err := openPort(device, c, rs485)
	if err != nil {
		return nil, err // a nil *port would be a Port that is not nil
	}
	return p, nil
}

func openPort(device string, c drivers.SerialConfig, rs485 RS485) (*port, error) {
	p := &port{device: device, config: c, rs485: rs485, closed: make(chan struct{})}
	l, err := openLine(device, c, rs485)
	if err != nil {
		return nil, err
	}
	p.line = l
	return p, nil
}

// Read reads what is there, waiting for at least one byte; see drivers.Port.
func (p *port) Read(b []byte) (int, error) {
	l, err := p.plugged()
	if err != nil || len(b) == 0 {
		return 0, err
	}
	n, err := l.file.Read(b)
	if n > 0 {
		return n, nil
	}
	return 0, p.judge(l, err)
}

// Write writes all of b, or fails when the line takes nothing for 5 s.
func (p *port) Write(b []byte) (int, error) {
	l, err := p.plugged()
	if err != nil {
		return 0, err
	}
	if err := l.file.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, p.judge(l, err)
	}
	n, err := l.file.Write(b)
	if err != nil {
		return n, p.judge(l, err)
	}
	return n, nil
}

// SetReadDeadline holds for a Read that waits and for those to come.
func (p *port) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	if p.line == nil {
		return nil
	}
	return p.line.file.SetReadDeadline(t)
}

// Discard throws away what was received and not read.
func (p *port) Discard() error {
	l, err := p.plugged()
	if err != nil {
		return err
	}
	if err := l.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }); err != nil {
		return p.judge(l, err)
	}
	return nil
}

// Close frees a waiting Read.
func (p *port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return nil
	}
	close(p.closed)
	if p.line == nil {
		return nil
	}
	err := p.line.close()
	p.line = nil
	return err
}

func (p *port) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// judge tells what an error of reading or writing means. With a tty in raw mode the end of the file is a hang-up. The line is
// opened anew after anything but a deadline.
func (p *port) judge(l *line, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return os.ErrClosed
	}
	if p.line == l {
		l.close()
		p.line = nil
		p.lookAt = time.Now().Add(reopenEvery)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) { // closed: by a call beside this one that saw the hang-up first
		err = unix.EIO
	}
	return serialHints.explain(p.device, err)
}

// plugged gives the line, looking for the adapter when it is missing: once, and not before its time, so that a caller who
// tries for ever does so four times a second.
func (p *port) plugged() (*line, error) {
	if l, err := p.current(); l != nil || err != nil {
		return l, err
	}
	if !p.pause() {
		return nil, os.ErrClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil || p.isClosed() {
		return p.line, closedIf(p.line == nil)
	}
	l, err := openLine(p.device, p.config, p.rs485)
	if err == nil {
		if err = l.file.SetReadDeadline(p.deadline); err != nil {
			l.close()
		}
	}
	if err != nil {
		p.lookAt = time.Now().Add(reopenEvery)
		return nil, err
	}
	p.line = l
	return l, nil
}

func (p *port) current() (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line, closedIf(p.isClosed())
}

func closedIf(closed bool) error {
	if closed {
		return os.ErrClosed
	}
	return nil
}

// pause waits until the adapter may be looked for. false: the port was closed meanwhile.
func (p *port) pause() bool {
	p.mu.Lock()
	timer := time.NewTimer(time.Until(p.lookAt))
	p.mu.Unlock()
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.closed:
		return false
	}
}
