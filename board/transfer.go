package board

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From linux/i2c-dev.h and linux/i2c.h.
const (
	ioctlI2CTimeout   = 0x0702 // in units of 10 ms; it is the adapter's, so it holds for all who use it
	ioctlI2CSlave     = 0x0703 // refused when a driver of the kernel has the address
	ioctlI2CFuncs     = 0x0705
	ioctlI2CTransfers = 0x0707
	ioctlI2CSMBus     = 0x0720

	funcI2C     = 1 << 0
	messageRead = 1 << 0
)

// message is struct i2c_msg, transferSet struct i2c_rdwr_ioctl_data. Their pointers are pointers, which follow what moves: those of
// periph's sysfs.I2C are integers, and a stack that grows between two of its calls moves, and the kernel reads and writes where it was.
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

// timeoutUnits rounds up: 0 would be no time at all.
func timeoutUnits(d time.Duration) int {
	return int((d + 10*time.Millisecond - 1) / (10 * time.Millisecond))
}

// transfer writes w and reads r with one start in between.
func transfer(fd int, addr uint16, w, r []byte) error {
	m := messages(addr, w, r)
	set := transferSet{messages: &m[0], count: uint32(len(m))}
	err := ioctl(fd, ioctlI2CTransfers, unsafe.Pointer(&set))
	runtime.KeepAlive(m)
	return err
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
