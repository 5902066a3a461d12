package sim

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"skerry/board"
	"skerry/drivers"
)

// Options says what New builds.
type Options struct {
	Location Location          // where the satellite receiver is; zero: on a mountain
	Ports    map[string]string // devices of serial ports by their names: one that begins with PortPrefix says what is connected
	Bare     bool              // nothing is connected: all is plugged in, or set, by who has the board
	Log      *slog.Logger      // nil: discard
}

// Location is a place on Earth.
type Location struct {
	Latitude, Longitude float64 // degrees north and east
	Altitude            float64 // metres above mean sea level
}

var somewhere = Location{Latitude: 45.832, Longitude: 6.865, Altitude: 2310}

// Board is the simulated machine. It satisfies drivers.Buses and may be used by several goroutines.
type Board struct {
	drivers.Commons
	location Location
	ports    map[string]string
	log      *slog.Logger
	bare     bool
	files    Files
	pwm      *PWM

	mu     sync.Mutex
	buses  map[string]*Bus
	lines  map[string]*Line
	ttys   map[string]*Tty
	talks  map[string]Talk // that were connected
	hosts  hosts
	closed bool
}

var _ drivers.Buses = (*Board)(nil)

// New builds a board on which a lively weather station is connected.
func New(o Options) *Board {
	b := &Board{
		location: cmp.Or(o.Location, somewhere),
		ports:    o.Ports,
		log:      cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		buses:    map[string]*Bus{},
		lines:    map[string]*Line{},
		ttys:     map[string]*Tty{},
		talks:    map[string]Talk{},
		bare:     o.Bare,
	}
	if !b.bare {
		b.files.devices()
	}
	b.pwm = newPWM(&b.files)
	return b
}

// I2C gives the bus of that name, with the deadline of a real one.
func (b *Board) I2C(name string) (i2c.Bus, error) { return b.Bus(name).guarded, nil }

// Pin takes the line of that name.
func (b *Board) Pin(name string, c drivers.PinConfig) (drivers.Edges, error) {
	return b.Line(name).open(c)
}

// Serial opens the port of that name.
func (b *Board) Serial(name string, c drivers.SerialConfig) (drivers.Port, error) {
	t := b.Tty(name)
	if err := t.ready(); err != nil {
		return nil, err
	}
	return board.OpenPort(t.Device(), board.Merge(drivers.SerialConfig{}, c), board.RS485{})
}

// SPI refuses: no device of this board is on SPI yet.
func (b *Board) SPI(name string) (spi.PortCloser, error) {
	return nil, fmt.Errorf("SPI port %q: the simulated board has no such device", name)
}

// Files gives the simulated files of the kernel.
func (b *Board) Files() drivers.Files { return &b.files }

// Kernel is the same, for making files.
func (b *Board) Kernel() *Files { return &b.files }

// PWM is the PWM chip, for looking at it.
func (b *Board) PWM() *PWM { return b.pwm }

// Bus is the I2C bus of that name, for making trouble.
func (b *Board) Bus(name string) *Bus {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buses[name] == nil {
		b.buses[name] = newBus(cmp.Or(name, "i2c"))
		if !b.bare {
			for addr, chip := range chips() {
				b.buses[name].Plug(addr, chip)
			}
		}
	}
	return b.buses[name]
}

// Line is the GPIO line of that name, for making trouble.
func (b *Board) Line(name string) *Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines[name] == nil {
		b.lines[name] = newLine(name)
		b.lines[name].quiet = b.bare
	}
	return b.lines[name]
}

// Tty is the device at the serial port of that name, for making trouble.
func (b *Board) Tty(name string) *Tty {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ttys[name] == nil {
		t := newTty(cmp.Or(name, "serial"), b.talk(name))
		b.ttys[name] = t
		if b.closed {
			t.close()
		} else if err := t.Plug(); err != nil {
			b.log.Error("simulated serial port", "name", name, "error", err)
		}
	}
	return b.ttys[name]
}

// Talk is a device at a serial port: what it says once a second, and what it does with what it hears. Nil: nothing.
type Talk struct {
	Say  func(at time.Time) string
	Hear Hearing
}

// Connect puts a device at the serial port of that name, before the port is used.
func (b *Board) Connect(name string, t Talk) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.talks[name] = t
}

// talk is what is at a port.
func (b *Board) talk(name string) (t Talk) {
	if t, ok := b.talks[name]; ok || b.bare {
		return t
	}
	t.Say, t.Hear = deviceAt(connected(name, b.ports[name]), b.location)
	return t
}

// Close ends the simulation: ports are unplugged, hanging transfers return.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, bus := range b.buses {
		bus.Release()
	}
	b.hosts.close()
	var errs []error
	for _, t := range b.ttys {
		errs = append(errs, t.close())
	}
	return errors.Join(errs...)
}

// guardTimeout is that of a real board with its default timeout.
const guardTimeout = 2*board.DefaultTimeout + 100*time.Millisecond
