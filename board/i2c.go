package board

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/host/v3/sysfs"

	"skerry/drivers"
)

// headerBus is the bus on the pin header of every Raspberry Pi with 40 pins.
const headerBus = "/dev/i2c-1"

// I2C opens the named bus, see drivers.Buses. Without any configured it is /dev/i2c-1, or the one with the lowest number.
func (b *Board) I2C(name string) (i2c.Bus, error) {
	bus, found, err := b.named(name, drivers.I2CBus)
	if err != nil {
		return nil, err
	}
	if !found {
		bus.I2C = defaultI2C()
	}
	number, err := i2cNumber(bus.I2C)
	if err != nil {
		return nil, err
	}
	device := "/dev/i2c-" + strconv.Itoa(number)
	if bus.Timeout == 0 {
		bus.Timeout = DefaultTimeout
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if open := b.i2cs[device]; open != nil {
		return open.guarded, nil
	}
	open, err := openI2C(device, number, bus.Timeout)
	if err != nil {
		return nil, i2cHints.explain(device, err)
	}
	b.i2cs[device] = open
	b.log.Info("I2C bus opened", "device", device, "timeout", bus.Timeout)
	return open.guarded, nil
}

// defaultI2C is the bus to take when the configuration names none.
func defaultI2C() string {
	devices, _ := filepath.Glob("/dev/i2c-*") // the only error is a bad pattern
	return chooseI2C(devices)
}

// chooseI2C prefers the header's bus: those with higher numbers serve the display connectors.
func chooseI2C(devices []string) string {
	if len(devices) == 0 || slices.Contains(devices, headerBus) {
		return headerBus
	}
	return slices.MinFunc(devices, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

// i2cNumber understands "/dev/i2c-1", "i2c-1", "1", and links to such a device.
func i2cNumber(device string) (int, error) {
	if target, err := filepath.EvalSymlinks(device); err == nil {
		device = target
	}
	s := strings.TrimPrefix(strings.TrimPrefix(device, "/dev/"), "i2c-")
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is not an I2C bus; write a device such as %s", device, headerBus)
	}
	return n, nil
}

// openI2C opens a bus for transfers of ours, and through periph for all else.
func openI2C(device string, number int, timeout time.Duration) (*openBus, error) {
	raw, err := openTransfers(device, timeout)
	if err != nil {
		return nil, err
	}
	raw.I2C, err = sysfs.NewI2C(number)
	if err != nil {
		unix.Close(raw.fd)
		return nil, err
	}
	// The kernel gives up first, if it obeys.
	return &openBus{closer: raw, guarded: newGuarded(raw, 2*timeout+100*time.Millisecond)}, nil
}
