package board

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"

	"skerry/drivers"
)

// Options says what Open opens.
type Options struct {
	Buses map[string]Bus // as named in the configuration
	Log   *slog.Logger   // nil: discard
}

// Bus is one named bus of the configuration. Exactly one of I2C, Serial, SPI and OneWire is set.
type Bus struct {
	SPI      string           // "/dev/spidev0.0": the bus and the chip select
	MaxSpeed physic.Frequency // of SPI: the clock that the wires bear; 0: what the driver asks for
	OneWire  bool             // the kernel's 1-Wire buses, all together

	I2C     string        // "/dev/i2c-1", or the number "1"
	Timeout time.Duration // for one I2C transfer; 0: DefaultTimeout

	Serial string               // "/dev/serial0", "/dev/serial/by-id/usb-..."
	Line   drivers.SerialConfig // zero fields: what the driver asks for
	RS485  RS485

	ParityGiven bool // NoParity in Line means none
}

// DefaultTimeout is how long one I2C transfer may take: a hundred times what the longest of ours does at 100 kHz.
const DefaultTimeout = 200 * time.Millisecond

// Board is a machine with its buses. It satisfies drivers.Buses and may be used by several goroutines.
type Board struct {
	drivers.Commons
	machine Machine
	buses   map[string]Bus
	files   *kernelFiles
	log     *slog.Logger

	mu   sync.Mutex
	i2cs map[string]*guarded // by device
}

var _ drivers.Buses = (*Board)(nil)

// Open tells the log what machine this is. Buses and pins are opened when a driver asks for them.
func Open(o Options) (*Board, error) {
	b := &Board{
		machine: machine(os.DirFS("/")),
		buses:   maps.Clone(o.Buses),
		files:   newKernelFiles("/"),
		log:     cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		i2cs:    map[string]*guarded{},
	}
	for name, bus := range b.buses {
		if !bus.valid() {
			return nil, fmt.Errorf("bus %s: needs one of i2c, serial, spi and onewire", name)
		}
	}
	b.log.Info("board", "model", b.machine.Model, "header", b.machine.Header)
	return b, nil
}

// Machine is what this machine says of itself.
func (b *Board) Machine() Machine { return b.machine }

// Close forgets the I2C buses; an error is one that still hangs. Pins and serial ports belong to the drivers that took them.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, bus := range b.i2cs {
		errs = append(errs, bus.Free())
	}
	clear(b.i2cs)
	return errors.Join(errs...)
}

// named finds the bus of a kind by its name; an empty name is the first one, in the order of names.
func (b *Board) named(name string, kind drivers.BusKind) (Bus, bool, error) {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(b.buses)) {
		if b.buses[n].kind() == kind {
			names = append(names, n)
		}
	}
	if name == "" {
		if len(names) == 0 {
			return Bus{}, false, nil
		}
		return b.buses[names[0]], true, nil
	}
	if bus, ok := b.buses[name]; ok && bus.kind() == kind {
		return bus, true, nil
	}
	have := "there is none yet"
	if len(names) > 0 {
		have = "there is " + strings.Join(names, ", ")
	}
	return Bus{}, false, fmt.Errorf("no bus %s of kind %s; name one under buses: (%s)", name, kind, have)
}

func (b Bus) kind() drivers.BusKind {
	switch {
	case b.I2C != "":
		return drivers.I2CBus
	case b.SPI != "":
		return drivers.SPIBus
	case b.OneWire:
		return drivers.OneWireBus
	}
	return drivers.SerialBus
}

// valid tells whether a bus is of one kind.
func (b Bus) valid() bool {
	kinds := 0
	for _, is := range []bool{b.I2C != "", b.Serial != "", b.SPI != "", b.OneWire} {
		if is {
			kinds++
		}
	}
	return kinds == 1
}
