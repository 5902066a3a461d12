package sim

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"

	"skerry/board"
)

// Device is a chip on a bus. Tx is one transfer to its address.
type Device interface {
	Tx(w, r []byte) error
}

// Bus is a simulated I2C bus.
type Bus struct {
	name    string
	guarded i2c.Bus

	mu      sync.Mutex
	devices map[uint16]Device
	hangs   chan struct{} // closed by Release; nil: does not hang
}

func newBus(name string) *Bus {
	b := &Bus{name: name, devices: map[uint16]Device{}}
	b.guarded = board.Guard(rawBus{b}, guardTimeout)
	return b
}

// Plug puts a chip at an address; what was there is gone.
func (b *Bus) Plug(addr uint16, d Device) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.devices[addr] = d
}

// Unplug takes the chip away and returns it.
func (b *Bus) Unplug(addr uint16) Device {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.devices[addr]
	delete(b.devices, addr)
	return d
}

// Hang lets transfers not return, as a driver in the kernel that waits for a clock line held low.
func (b *Bus) Hang() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hangs == nil {
		b.hangs = make(chan struct{})
	}
}

// Release ends Hang.
func (b *Bus) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hangs != nil {
		close(b.hangs)
		b.hangs = nil
	}
}

// rawBus is the bus as the kernel would give it.
type rawBus struct{ b *Bus }

func (r rawBus) String() string { return r.b.name }

func (r rawBus) SetSpeed(f physic.Frequency) error { return nil }

// perByte is nine bits at 100 kHz.
const perByte = 90 * time.Microsecond

// Tx takes the time of a real transfer. Without a chip at the address it is what Linux says when nobody acknowledges.
func (r rawBus) Tx(addr uint16, w, in []byte) error {
	r.b.mu.Lock()
	d, hangs := r.b.devices[addr], r.b.hangs
	r.b.mu.Unlock()
	if hangs != nil {
		<-hangs
		return unix.ETIMEDOUT
	}
	time.Sleep(time.Duration(2+len(w)+len(in)) * perByte)
	if d == nil {
		return unix.EREMOTEIO
	}
	return d.Tx(w, in)
}
