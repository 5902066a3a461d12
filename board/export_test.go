package board

import (
	"time"
	"unsafe"

	"github.com/warthog618/go-gpiocdev"

	"skerry/drivers"
)

// Chip is a GPIO chip for FindLine.
type Chip struct {
	Name, Label string
	Lines       []string
}

// FindLine is findLine.
func FindLine(chips []Chip, name string) (string, int, error) {
	var list []gpioChip
	for _, c := range chips {
		list = append(list, gpioChip{c.Name, c.Label, c.Lines})
	}
	return findLine(list, name)
}

// Queue is an edge queue behind a pin.
type Queue struct{ q *edgeQueue }

// NewQueue makes a pin whose edges are put, and which counts how often the line was given back.
func NewQueue(size int, closed *int) (Queue, drivers.Edges) {
	q := newEdgeQueue(size)
	return Queue{q}, &pin{queue: q, close: func() error { *closed++; return nil }}
}

// Put puts an edge as the kernel's interface gives it.
func (q Queue) Put(e gpiocdev.LineEvent, now time.Time, mono time.Duration) {
	q.q.put(edgeOf(e, now, mono))
}

// LineOptions are the settings of a line as the kernel's interface takes them.
func LineOptions(c drivers.PinConfig) []gpiocdev.LineReqOption { return lineOptions(c) }

// Functions under test.
var (
	I2CNumber = i2cNumber
	ChooseI2C = chooseI2C
	Monotonic = monotonic
	Model     = model
)

// Explain explains an error of opening a device.
func Explain(kind, device string, err error) error {
	return map[string]hints{"i2c": i2cHints, "serial": serialHints, "gpio": gpioHints}[kind].explain(device, err)
}

// OpenTransfers opens an I2C device as far as transfers need it.
func OpenTransfers(device string) error {
	_, err := openTransfers(device, DefaultTimeout)
	return err
}

// Transfer makes a transfer on a bus with the descriptor fd.
func Transfer(fd int, addr uint16, w, r []byte) error { return (&transfers{fd: fd}).Tx(addr, w, r) }

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

// TimeoutUnits is what the kernel is given for a timeout.
var TimeoutUnits = timeoutUnits

// Layout is the size of the kernel's structures in words, and where the pointer of a message stands in bytes.
func Layout() (message, set, data uintptr) {
	const word = unsafe.Sizeof(uintptr(0))
	return unsafe.Sizeof(messageOf) / word, unsafe.Sizeof(setOf) / word, unsafe.Offsetof(messageOf.data)
}

var (
	messageOf message
	setOf     transferSet
)
