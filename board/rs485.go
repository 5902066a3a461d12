package board

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RS485 is how the direction of an RS-485 line is switched. There is no way that sets RTS from here: nothing bounds when a program
// is run again after its last byte has left, and a line that is released late cuts off the beginning of the answer.
type RS485 struct {
	Direction Direction
	// Of the kernel's way: how long the driver is on before the first bit and after the last one, in whole milliseconds.
	Before, After time.Duration
	ActiveLow     bool // RTS is low while sending
}

// Direction says who switches.
type Direction byte

// The ways.
const (
	ByAdapter Direction = iota // the adapter does, or there is no RS-485
	ByKernel                   // the kernel's driver does, with RTS (TIOCSRS485); one that cannot is an error
	ByEither                   // the kernel's driver where it can, or else the adapter
)

// From linux/serial.h.
const (
	rs485Enabled      = 1 << 0
	rs485RTSOnSend    = 1 << 1
	rs485RTSAfterSend = 1 << 2
)

// rs485Settings is struct serial_rs485: flags, delays before and after sending in ms, the rest is for addressing.
type rs485Settings struct {
	flags, before, after uint32
	_                    [5]uint32
}

// settings are what the kernel is given.
func (r RS485) settings() rs485Settings {
	s := rs485Settings{flags: rs485Enabled | rs485RTSOnSend, before: milliseconds(r.Before), after: milliseconds(r.After)}
	if r.ActiveLow {
		s.flags = rs485Enabled | rs485RTSAfterSend
	}
	return s
}

func milliseconds(d time.Duration) uint32 {
	return uint32((d + time.Millisecond - 1) / time.Millisecond)
}

// apply sets the line up, and tells whether the kernel switches. What the driver made of the settings is read back, as some
// take an order that they do not follow.
func (r RS485) apply(fd int) (byKernel bool, err error) {
	if r.Direction == ByAdapter {
		return false, nil
	}
	want := r.settings()
	got := want
	if err = ioctl(fd, unix.TIOCSRS485, unsafe.Pointer(&got)); err == nil {
		err = ioctl(fd, unix.TIOCGRS485, unsafe.Pointer(&got))
	}
	if err == nil {
		err = want.kept(got)
	}
	switch {
	case err == nil:
		return true, nil
	case r.Direction == ByEither && cannot(err):
		return false, nil
	}
	return false, fmt.Errorf("the kernel's driver does not switch RS-485: %w; write direction: adapter if the adapter does it by itself", err)
}

// cannot tells the errors of a driver without RS-485.
func cannot(err error) bool {
	return errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// kept compares the settings with those that the driver says it has.
func (s rs485Settings) kept(got rs485Settings) error {
	const bits = rs485Enabled | rs485RTSOnSend | rs485RTSAfterSend
	switch {
	case got.flags&rs485Enabled == 0:
		return unix.EOPNOTSUPP
	case got.flags&bits != s.flags&bits:
		return errors.New("it takes no such level of RTS; turn rts round")
	case got.before != s.before || got.after != s.after:
		return fmt.Errorf("it makes %d ms before and %d ms after of %d ms and %d ms; write those", got.before, got.after, s.before, s.after)
	}
	return nil
}
