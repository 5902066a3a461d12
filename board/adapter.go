package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/physic"

	"skerry/drivers"
)

// adapter is an I2C adapter by its path. It is opened for each transfer: the kernel cannot let go of an adapter that was pulled
// while somebody has it open, and until then its USB hub sees nothing else come or go. So one that returns is simply there again.
type adapter struct {
	device  string
	timeout time.Duration
}

// handle is an adapter that is open.
type handle struct {
	fd    int
	funcs uint32
}

// check tells whether the device is there and is an adapter.
func (a *adapter) check() error {
	h, err := a.open()
	if err != nil {
		return err
	}
	return h.close()
}

func (a *adapter) open() (handle, error) {
	fd, err := unix.Open(a.device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return handle{}, err
	}
	h := handle{fd: fd}
	if err := h.setUp(a.timeout); err != nil {
		unix.Close(fd)
		return handle{}, err
	}
	return h, nil
}

func (h *handle) setUp(timeout time.Duration) error {
	var funcs uint // unsigned long
	if err := ioctl(h.fd, ioctlI2CFuncs, unsafe.Pointer(&funcs)); err != nil {
		return err
	}
	h.funcs = uint32(funcs)
	if h.funcs&(funcI2C|funcReadByte|funcReadByteData) == 0 {
		return errNoTransfers
	}
	return unix.IoctlSetInt(h.fd, ioctlI2CTimeout, timeoutUnits(timeout))
}

func (h *handle) close() error { return unix.Close(h.fd) }

// String is the path of the device.
func (a *adapter) String() string { return a.device }

// SetSpeed is refused: the kernel takes the clock from the device tree.
func (a *adapter) SetSpeed(physic.Frequency) error {
	return fmt.Errorf("%s: the clock of an I2C bus stands in the device tree; on a Raspberry Pi: dtparam=i2c_arm_baudrate=400000", a.device)
}

// Tx writes w and reads r with one start in between, see i2c.Bus.
func (a *adapter) Tx(addr uint16, w, r []byte) error {
	if addr >= 0x80 || len(w) > maxMessage || len(r) > maxMessage {
		return fmt.Errorf("no transfer with %#x of %d and %d bytes: addresses have 7 bits, messages %d bytes", addr, len(w), len(r), maxMessage)
	}
	if len(w)+len(r) == 0 {
		return nil
	}
	h, err := a.open()
	if err != nil {
		return i2cHints.explain(a.device, a.unplugged(err))
	}
	defer h.close()
	if err := unix.IoctlSetInt(h.fd, ioctlI2CSlave, int(addr)); err != nil {
		return fmt.Errorf("transfer with %#x: %w", addr, a.explainAddress(addr, err))
	}
	if err := h.transfer(addr, w, r); err != nil {
		return fmt.Errorf("transfer with %#x: %w", addr, a.explain(err))
	}
	return nil
}

// transfer makes a transfer with the address that was set.
func (h handle) transfer(addr uint16, w, r []byte) error {
	if h.funcs&funcI2C != 0 {
		return transfer(h.fd, addr, w, r)
	}
	return smbus(h.fd, h.funcs, w, r)
}

// unplugged says of an adapter whose device is not there any more that it was pulled.
func (a *adapter) unplugged(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", err, drivers.ErrUnplugged)
	}
	return err
}

// explainAddress adds why the kernel does not let an address be used.
func (a *adapter) explainAddress(addr uint16, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: the address belongs to the driver %s of the kernel; read the device through it, or take its overlay out of config.txt", err, a.kernelDriver(addr))
	}
	return a.explain(err)
}

// explain adds what an error of a transfer means. That nobody acknowledges is left to the driver, which knows what should be there.
func (a *adapter) explain(err error) error {
	switch {
	case errors.Is(err, unix.EBUSY): // of the adapters of PCs
		return fmt.Errorf("%w: the adapter is not free: another master on the bus has it, or the firmware of the machine", err)
	case errors.Is(err, unix.ETIMEDOUT):
		return fmt.Errorf("%w: SDA or SCL is held low; switch the supply of the devices off and on, or look for a short circuit", err)
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("%w: somebody else was on the bus (arbitration lost)", err)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ESHUTDOWN):
		return fmt.Errorf("%w (%w)", err, drivers.ErrUnplugged)
	}
	return err
}

// kernelDriver is the name of the driver in the kernel that has an address.
func (a *adapter) kernelDriver(addr uint16) string {
	device, err := filepath.EvalSymlinks(a.device)
	if err != nil {
		return "?"
	}
	number := strings.TrimPrefix(filepath.Base(device), "i2c-")
	driver, err := os.Readlink(fmt.Sprintf("/sys/bus/i2c/devices/%s-%04x/driver", number, addr))
	if err != nil {
		return "?"
	}
	return filepath.Base(driver)
}
