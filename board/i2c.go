package board

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"periph.io/x/conn/v3/i2c"

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
		bus.I2C = b.machine.defaultI2C()
	}
	device, err := i2cDevice(bus.I2C)
	if err != nil {
		return nil, err
	}
	raw := &adapter{device: device, timeout: cmp.Or(bus.Timeout, DefaultTimeout)}

	b.mu.Lock()
	defer b.mu.Unlock()
	if open := b.i2cs[device]; open != nil {
		return open, nil
	}
	if err := raw.check(); err != nil {
		return nil, i2cHints.explain(device, err)
	}
	open := newGuarded(raw, 2*raw.timeout+100*time.Millisecond) // the kernel gives up first, if it obeys
	open.hung = func(hangs bool, after time.Duration) { b.reportHang(device, hangs, after) }
	b.i2cs[device] = open
	b.log.Info("I2C bus opened", "device", device, "timeout", raw.timeout)
	return open, nil
}

// reportHang tells the log when a bus begins and ceases to hang.
func (b *Board) reportHang(device string, hangs bool, after time.Duration) {
	if hangs {
		b.log.Warn("I2C bus hangs", "device", device, "after", after)
		return
	}
	b.log.Info("I2C bus is free again", "device", device, "after", after.Round(time.Millisecond))
}

// defaultI2C is the bus to take when the configuration names none.
func (m Machine) defaultI2C() string {
	devices, _ := filepath.Glob("/dev/i2c-*") // the only error is a bad pattern
	return m.chooseI2C(devices)
}

// chooseI2C prefers the header's bus: those with higher numbers serve the display connectors.
func (m Machine) chooseI2C(devices []string) string {
	header := headerBus
	if m.Header == Header26Rev1 {
		header = "/dev/i2c-0"
	}
	if len(devices) == 0 || slices.Contains(devices, header) {
		return header
	}
	return slices.MinFunc(devices, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
}

// i2cDevice understands "/dev/i2c-1", "i2c-1" and "1". A link is kept as it is: the number behind it may change.
func i2cDevice(written string) (string, error) {
	if filepath.IsAbs(written) {
		return filepath.Clean(written), nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(written, "i2c-"))
	if err != nil || n < 0 {
		return "", fmt.Errorf("%s is not an I2C bus; write a device such as %s", written, headerBus)
	}
	return "/dev/i2c-" + strconv.Itoa(n), nil
}
