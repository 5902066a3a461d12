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

func openI2C(device string, number int, timeout time.Duration) (*openBus, error) {
	if err := setTimeout(device, timeout); err != nil {
		return nil, err
	}
	bus, err := sysfs.NewI2C(number)
	if err != nil {
		return nil, err
	}
	// The kernel gives up first, if it obeys.
	return &openBus{closer: bus, guarded: newGuarded(bus, 2*timeout+100*time.Millisecond)}, nil
}

// From linux/i2c-dev.h: in units of 10 ms. The timeout is that of the adapter, so any descriptor sets it.
const ioctlI2CTimeout = 0x0702

func setTimeout(device string, timeout time.Duration) error {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	units := int((timeout + 9*time.Millisecond) / (10 * time.Millisecond))
	return unix.IoctlSetInt(fd, ioctlI2CTimeout, units)
}
