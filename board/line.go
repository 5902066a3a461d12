package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// line is an open serial device: tarm's port, which holds the settings, and our descriptor, which carries the bytes.
type line struct {
	tty      *serial.Port
	file     *os.File // not blocking, in Go's poller
	byKernel bool     // the kernel switches the direction of RS-485
}

// openLine takes the device for this program and sets it up. A device that is not there is drivers.ErrUnplugged.
func openLine(device string, c drivers.SerialConfig, rs485 RS485) (*line, error) {
	l, err := takeLine(device, c)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w (%w)", err, drivers.ErrUnplugged)
		}
		return nil, serialHints.explain(device, err)
	}
	if err := l.setUp(c.Parity, rs485); err != nil {
		l.close()
		return nil, fmt.Errorf("%s: set up: %w", device, err)
	}
	return l, nil
}

// takeLine locks the device before tarm changes its settings under somebody else's feet.
func takeLine(device string, c drivers.SerialConfig) (*line, error) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return nil, err
	}
	tty, err := openTTY(device, c)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &line{tty: tty, file: os.NewFile(uintptr(fd), device)}, nil
}

var parities = map[drivers.Parity]serial.Parity{
	drivers.NoParity: serial.ParityNone, drivers.OddParity: serial.ParityOdd, drivers.EvenParity: serial.ParityEven,
}

func openTTY(device string, c drivers.SerialConfig) (*serial.Port, error) {
	tty, err := serial.OpenPort(&serial.Config{
		Name: device, Baud: c.Baud, Size: byte(c.DataBits), Parity: parities[c.Parity], StopBits: serial.StopBits(c.StopBits),
	})
	var system unix.Errno
	if err != nil && !errors.As(err, &system) { // tarm refuses by itself what it does not know
		return nil, fmt.Errorf("%w: %d bit/s, %d data bits, %d stop bits; take one of the common speeds such as 9600 or 115200, 5 to 8 data bits, 1 or 2 stop bits",
			err, c.Baud, c.DataBits, c.StopBits)
	}
	return tty, err
}

// setUp keeps others out (root gets in all the same, hence the lock) and switches to RS-485.
func (l *line) setUp(parity drivers.Parity, rs485 RS485) error {
	return l.control(func(fd int) error {
		if err := checkParity(fd, parity); err != nil {
			return err
		}
		if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
			return err
		}
		var err error
		l.byKernel, err = rs485.apply(fd)
		return err
	})
}

// control calls f with the descriptor, which stays open meanwhile.
func (l *line) control(f func(fd int) error) error {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// close drops unsent bytes first: on a line that does not drain the kernel would hold the last close for 30 s.
func (l *line) close() error {
	flushed := l.control(func(fd int) error {
		unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH) // fails on a device that is gone, where there is nothing to flush
		return unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
	})
	if gone(flushed) || errors.Is(flushed, unix.ENOTTY) {
		flushed = nil
	}
	return errors.Join(flushed, l.file.Close(), l.tty.Close())
}
