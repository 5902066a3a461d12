package board

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/host/v3/sysfs"
)

// transfers is a bus of periph's with a Tx of our own. That of sysfs.I2C keeps addresses of its stack in integers across calls. A
// stack that grows in one of them moves, and the kernel reads, and writes to, wherever the old one was: tried with its code in a
// new goroutine, that happens each time at some depths of the call.
type transfers struct {
	*sysfs.I2C
	fd int
}

// From linux/i2c-dev.h and linux/i2c.h.
const (
	ioctlI2CTimeout   = 0x0702 // in units of 10 ms; it is the adapter's, so it holds for all who use it
	ioctlI2CFuncs     = 0x0705
	ioctlI2CTransfers = 0x0707

	funcI2C     = 1 << 0
	messageRead = 1 << 0
)

// message is struct i2c_msg, transferSet struct i2c_rdwr_ioctl_data. Their pointers are pointers, which follow what moves.
type message struct {
	addr   uint16
	flags  uint16
	length uint16
	data   *byte
}

type transferSet struct {
	messages *message
	count    uint32
}

// maxMessage is what the kernel takes.
const maxMessage = 8192

func openTransfers(device string, timeout time.Duration) (*transfers, error) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := setUpTransfers(fd, timeout); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &transfers{fd: fd}, nil
}

func setUpTransfers(fd int, timeout time.Duration) error {
	var funcs uint
	if err := ioctl(fd, ioctlI2CFuncs, unsafe.Pointer(&funcs)); err != nil {
		return err
	}
	if funcs&funcI2C == 0 {
		return errors.New("the adapter knows SMBus only, which is not supported yet")
	}
	return unix.IoctlSetInt(fd, ioctlI2CTimeout, timeoutUnits(timeout))
}

// timeoutUnits rounds up: 0 would be no time at all.
func timeoutUnits(d time.Duration) int {
	return int((d + 10*time.Millisecond - 1) / (10 * time.Millisecond))
}

// Tx writes w and reads r with one start in between, see i2c.Bus.
func (t *transfers) Tx(addr uint16, w, r []byte) error {
	if addr >= 0x80 || len(w) > maxMessage || len(r) > maxMessage {
		return fmt.Errorf("no transfer with %#x of %d and %d bytes: addresses have 7 bits, messages %d bytes", addr, len(w), len(r), maxMessage)
	}
	m := messages(addr, w, r)
	if len(m) == 0 {
		return nil
	}
	set := transferSet{messages: &m[0], count: uint32(len(m))}
	err := ioctl(t.fd, ioctlI2CTransfers, unsafe.Pointer(&set))
	runtime.KeepAlive(m)
	if err != nil {
		return fmt.Errorf("transfer with %#x: %w", addr, err)
	}
	return nil
}

func messages(addr uint16, w, r []byte) []message {
	m := make([]message, 0, 2)
	if len(w) > 0 {
		m = append(m, message{addr: addr, length: uint16(len(w)), data: &w[0]})
	}
	if len(r) > 0 {
		m = append(m, message{addr: addr, flags: messageRead, length: uint16(len(r)), data: &r[0]})
	}
	return m
}

// ioctl converts the pointer in the call itself, where it is kept from moving.
func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// Close gives both descriptors back.
func (t *transfers) Close() error { return errors.Join(unix.Close(t.fd), t.I2C.Close()) }
