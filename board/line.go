package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// line is an open serial device: tarm's port, which holds the settings, and our descriptor, which carries the bytes.
type line struct {
	tty  *serial.Port
	file *os.File // not blocking, in Go's poller
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
	if err := l.control(func(fd int) error { return setUpLine(fd, rs485) }); err != nil {
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

// setUpLine keeps others out (root gets in all the same, hence the lock) and switches to RS-485.
func setUpLine(fd int, rs485 RS485) error {
	if err := unix.IoctlSetInt(fd, unix.TIOCEXCL, 0); err != nil {
		return err
	}
	if rs485 != RS485Kernel {
		return nil
	}
	if err := setRS485(fd); err != nil {
		return fmt.Errorf("the kernel's driver does not switch RS-485: %w; leave rs485 out if the adapter does it by itself", err)
	}
	return nil
}

// From linux/serial.h.
const (
	rs485Enabled   = 1 << 0
	rs485RTSOnSend = 1 << 1
)

// rs485Settings is struct serial_rs485: flags, delays before and after sending in ms, the rest is for addressing.
type rs485Settings struct {
	flags, before, after uint32
	_                    [5]uint32
}

func setRS485(fd int) error {
	settings := rs485Settings{flags: rs485Enabled | rs485RTSOnSend}
	return ioctl(fd, unix.TIOCSRS485, unsafe.Pointer(&settings))
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
