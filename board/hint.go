package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// hints are what a user can do about an error of opening a kind of device.
type hints struct {
	missing string // there is no such device
	group   string // the group that may open it
	busy    string // somebody else has it
}

var (
	i2cHints = hints{
		missing: "switch I2C on with dtparam=i2c_arm=on in /boot/firmware/config.txt (or sudo raspi-config) and start again; the module is i2c-dev",
		group:   "i2c",
		busy:    "another program holds it",
	}
	spiHints = hints{
		missing: "switch SPI on with dtparam=spi=on in /boot/firmware/config.txt (or sudo raspi-config) and start again",
		group:   "spi",
		busy:    "another program holds it",
	}
	serialHints = hints{
		missing: "plug the adapter in, or switch the UART on with enable_uart=1 in /boot/firmware/config.txt; ls /dev/serial/by-id shows what is there",
		group:   "dialout",
		busy:    "another program holds it; on a Raspberry Pi that may be the serial console, which sudo raspi-config switches off",
	}
	gpioHints = hints{
		missing: "this machine shows no such line; gpioinfo lists what it has",
		group:   "gpio",
		busy:    "another program or kernel driver holds it; gpioinfo tells which",
	}
)

// explain names the device in an error of opening it and adds what to do about it.
func (h hints) explain(device string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w; %s", device, err, h.missing)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w; add the user to the group %s: sudo usermod -aG %s %s", device, err, h.group, h.group, user())
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("%s: in use; %s", device, h.busy)
	case errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("%s: not such a device: %w", device, err)
	case gone(err):
		return fmt.Errorf("%s: %w; %s", device, drivers.ErrUnplugged, h.missing)
	}
	return fmt.Errorf("%s: %w", device, err)
}

// gone tells the errors of a device that went away while it was used.
func gone(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV)
}

func user() string {
	if u := os.Getenv("USER"); u != "" && u != "root" {
		return u
	}
	return "skerry"
}
