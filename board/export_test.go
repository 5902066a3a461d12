package board

import (
	"time"
	"unsafe"

	"github.com/warthog618/go-gpiocdev/uapi"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"skerry/drivers"
)

// Chip is a GPIO chip for FindLine.
type Chip struct {
	Name, Label, Device string
	Lines               []string
}

// FindLine is findLine.
func FindLine(m Machine, chips []Chip, name string) (string, int, error) {
	var list []gpioChip
	for _, c := range chips {
		list = append(list, gpioChip{c.Name, c.Label, c.Device, c.Lines})
	}
	return findLine(m, list, name)
}

// NewPin makes an input line of a descriptor.
func NewPin(fd int) drivers.Edges { return newPin("GPIO17", fd) }

// EdgeOf is an edge as the kernel's interface gives it.
func EdgeOf(e uapi.LineEvent, now time.Time, mono time.Duration) drivers.Edge {
	return edgeOf(e, now, mono)
}

// Functions under test.
var (
	I2CDevice    = i2cDevice
	Monotonic    = monotonic
	MachineOf    = machine
	LineRequest  = lineRequest
	InputError   = inputError
	StablePath   = stablePath
	TimeoutUnits = timeoutUnits

	OutputRequest = outputRequest
)

// ChooseI2C chooses among devices.
func ChooseI2C(m Machine, devices []string) string { return m.chooseI2C(devices) }

// Explain explains an error of opening a device.
func Explain(kind, device string, err error) error {
	return map[string]hints{"i2c": i2cHints, "serial": serialHints, "gpio": gpioHints}[kind].explain(device, err)
}

// ExplainTransfer explains an error of a transfer.
func ExplainTransfer(device string, err error) error {
	return (&adapter{device: device}).explain(err)
}

// ExplainAddress explains why an address cannot be used.
func ExplainAddress(device string, addr uint16, err error) error {
	return (&adapter{device: device}).explainAddress(addr, err)
}

// Adapter is the adapter behind a device.
func Adapter(device string) interface {
	Tx(addr uint16, w, r []byte) error
} {
	return &adapter{device: device, timeout: DefaultTimeout}
}

// Message is one part of a transfer as the kernel gets it.
type Message struct {
	Addr, Flags, Length uint16
	First               byte
}

// Messages are the parts of a transfer.
func Messages(addr uint16, w, r []byte) []Message {
	var list []Message
	for _, m := range messages(addr, w, r) {
		list = append(list, Message{m.addr, m.flags, m.length, *m.data})
	}
	return list
}

// NewKernelFiles gives the files below a folder.
func NewKernelFiles(root string) drivers.Files { return newKernelFiles(root) }

// SMBus plays a transfer as a call of SMBus: done makes the call, with the data as the kernel gets and leaves them.
func SMBus(funcs uint32, w, r []byte, done func(size uint32, read, command byte, data *[34]byte)) error {
	c, err := mapSMBus(funcs, w, r)
	if err != nil {
		return err
	}
	done(c.size, c.read, c.command, (*[34]byte)(&c.data))
	return c.take(r)
}

// Layout is the size of the kernel's structures in words, and where the pointer of a message stands in bytes.
func Layout() (message, set, smbus, data uintptr) {
	const word = unsafe.Sizeof(uintptr(0))
	return unsafe.Sizeof(messageOf) / word, unsafe.Sizeof(setOf) / word, unsafe.Sizeof(smbusOf), unsafe.Offsetof(messageOf.data)
}

var (
	messageOf message
	setOf     transferSet
	smbusOf   smbusArgument
)

// Termios are the settings of an open port.
func Termios(p drivers.Port) (t *unix.Termios, err error) {
	err = p.(*port).line.control(func(fd int) error {
		t, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return t, err
}

// Exclusive tells whether the kernel keeps other programs from opening a port.
func Exclusive(p drivers.Port) (on bool, err error) {
	err = p.(*port).line.control(func(fd int) error {
		n, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL)
		on = n != 0
		return err
	})
	return on, err
}

// RS485Settings are what the kernel is given.
func RS485Settings(r RS485) (flags, before, after uint32) {
	s := r.settings()
	return s.flags, s.before, s.after
}

// RS485Kept compares what a driver was given with what it says that it has.
func RS485Kept(r RS485, flags, before, after uint32) error {
	return r.settings().kept(rs485Settings{flags: flags, before: before, after: after})
}

// NewSPI is a port whose raw ports open makes.
func NewSPI(device string, limit physic.Frequency, open func(string) (spi.PortCloser, error)) spi.PortCloser {
	return &spiPort{device: device, limit: limit, open: open}
}

// GuardTelling is Guard, and tells when the bus begins and ceases to hang.
func GuardTelling(bus i2c.Bus, timeout time.Duration, told func(hangs bool, after time.Duration)) i2c.Bus {
	g := newGuarded(bus, timeout)
	g.hung = told
	return g
}
