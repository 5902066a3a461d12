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

	"periph.io/x/conn/v3/i2c"

	"skerry/drivers"
)

// Options says what Open opens.
type Options struct {
	Buses map[string]Bus // as named in the configuration
	Log   *slog.Logger   // nil: discard
}

// Bus is one named bus of the configuration. Exactly one of I2C and Serial is set.
type Bus struct {
	I2C     string        // "/dev/i2c-1", or the number "1"
	Timeout time.Duration // for one I2C transfer; 0: DefaultTimeout

	Serial string               // "/dev/serial0", "/dev/serial/by-id/usb-..."
	Line   drivers.SerialConfig // zero fields: what the driver asks for
	RS485  RS485
}

// DefaultTimeout is how long one I2C transfer may take: a hundred times what the longest of ours does at 100 kHz.
const DefaultTimeout = 200 * time.Millisecond

// Board is a machine with its buses. It satisfies drivers.Buses and may be used by several goroutines.
type Board struct {
	buses map[string]Bus
	log   *slog.Logger

	mu   sync.Mutex
	i2cs map[string]*openBus // by device
}

// openBus is an I2C bus as it was opened, and as drivers get it.
type openBus struct {
	closer  i2c.BusCloser
	guarded *guarded
}

var _ drivers.Buses = (*Board)(nil)

// Open tells the log what machine this is. Buses and pins are opened when a driver asks for them.
func Open(o Options) (*Board, error) {
	b := &Board{
		buses: maps.Clone(o.Buses),
		log:   cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		i2cs:  map[string]*openBus{},
	}
	for name, bus := range b.buses {
		if (bus.I2C == "") == (bus.Serial == "") {
			return nil, fmt.Errorf("bus %s: needs either i2c or serial", name)
		}
	}
	b.log.Info("board", "model", model(os.DirFS("/")))
	return b, nil
}

// Close gives the I2C buses back. Pins and serial ports belong to the drivers that took them.
func (b *Board) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, bus := range b.i2cs {
		if err := bus.guarded.Free(); err != nil {
			errs = append(errs, err) // closing it would wait for the transfer
			continue
		}
		errs = append(errs, bus.closer.Close())
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
	if b.I2C != "" {
		return drivers.I2CBus
	}
	return drivers.SerialBus
}
