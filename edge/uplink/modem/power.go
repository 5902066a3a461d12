package modem

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"skerry/drivers"
)

// powerOff is how long the supply stays off: modems have large capacitors, and a hub wants to see the device go.
const powerOff = 5 * time.Second

// PowerByOutput cuts the supply of a modem by an output line that switches it; activeLow: the modem runs while the line is low. take is
// Output of drivers.Buses. The line is given back with the modem on; what it does from then on is the board's business.
func PowerByOutput(take func(name string, on bool) (drivers.Output, error), line string, activeLow bool) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		out, err := take(line, activeLow) // off
		if err != nil {
			return fmt.Errorf("cut the supply of the modem: %w", err)
		}
		defer func() { err = errors.Join(err, out.Close()) }()
		pause(ctx, powerOff)
		if err := out.Set(!activeLow); err != nil {
			return fmt.Errorf("switch the supply of the modem on: %w", err)
		}
		return nil
	}
}

// usbPort is a port of a hub as the kernel names it: "1-1-port2", "usb1-port3".
var usbPort = regexp.MustCompile(`^(?:usb[0-9]+|[0-9]+-[0-9]+(?:\.[0-9]+)*)-port[0-9]+$`)

// PowerByUSB cuts the supply of a port of a USB hub that can switch its ports, by the kernel's file `disable` (Linux 6.0). The port is named as
// below /sys/bus/usb/devices: "1-1-port2". Most cheap hubs only disconnect the data, which is as good as pulling the plug for a modem that has
// no battery and a firmware that notices.
func PowerByUSB(files drivers.Files, port string) (func(context.Context) error, error) {
	if !usbPort.MatchString(port) {
		return nil, fmt.Errorf("USB port %q (hint: as below /sys/bus/usb/devices, for example 1-1-port2; ls -d /sys/bus/usb/devices/*/*-port*)", port)
	}
	return func(ctx context.Context) error {
		found, err := files.Glob(path.Join("sys/bus/usb/devices/*", port, "disable"))
		if err != nil || len(found) == 0 {
			return fmt.Errorf("USB port %s cannot be switched: there is no file disable (hint: it needs Linux 6.0 or later)", port)
		}
		if err := files.WriteFile(ctx, found[0], []byte("1")); err != nil {
			return fmt.Errorf("switch USB port %s off: %w", port, err)
		}
		pause(ctx, powerOff)
		on, cancel := context.WithTimeout(context.WithoutCancel(ctx), radioPatience)
		defer cancel()
		if err := files.WriteFile(on, found[0], []byte("0")); err != nil {
			return fmt.Errorf("switch USB port %s on: %w", port, err)
		}
		return nil
	}, nil
}

// Commands takes a link down and up by two programs of the machine with their arguments, as {"ifdown", "ppp0"} and {"ifup", "ppp0"}.
// The second is run whatever became of the first, whose failure means that the link was down.
func Commands(down, up []string) func(context.Context) error {
	return func(ctx context.Context) error {
		if len(up) == 0 {
			return errors.New("no command takes the link up")
		}
		if len(down) > 0 {
			_, _, _ = runProgram(ctx, attachPatience, down[0], down[1:]...)
			pause(ctx, radioOff)
		}
		on, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachPatience)
		defer cancel()
		if _, said, err := runProgram(on, attachPatience, up[0], up[1:]...); err != nil {
			return fmt.Errorf("%s: %w %s", strings.Join(up, " "), err, shorten(said))
		}
		return nil
	}
}
