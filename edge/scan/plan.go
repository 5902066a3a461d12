package scan

import (
	"context"
	"path"
	"slices"
	"strings"

	"skerry/board"
	"skerry/drivers"
)

// Plan is what there is to look at.
type Plan struct {
	I2C   []string // devices: "/dev/i2c-1"
	Ports []Port
}

// Port is a serial port.
type Port struct {
	Path    string // the one that stays the same, where there is one
	Device  string // what it leads to: "/dev/ttyUSB0"
	Console bool   // the kernel's console is on it
}

// portPatterns are the names of serial ports, those that stay the same over unplugging and restarts first.
var portPatterns = []string{"dev/serial/by-id/*", "dev/serial/by-path/*", "dev/serial[0-9]", "dev/ttyAMA*", "dev/ttyS*", "dev/ttyUSB*", "dev/ttyACM*"}

// NewPlan lists the buses and ports of a machine. resolve follows links.
func NewPlan(ctx context.Context, f drivers.Files, resolve func(path string) string) *Plan {
	p := &Plan{}
	p.I2C = glob(f, "dev/i2c-*")
	consoles, _ := drivers.ReadText(ctx, f, "sys/class/tty/console/active")
	for _, pattern := range portPatterns {
		for _, name := range glob(f, pattern) {
			port := Port{Path: name, Device: resolve(name)}
			known := func(x Port) bool { return x.Device == port.Device }
			if slices.ContainsFunc(p.Ports, known) || !exists(ctx, f, port.Device) {
				continue
			}
			port.Console = slices.Contains(strings.Fields(consoles), path.Base(port.Device))
			p.Ports = append(p.Ports, port)
		}
	}
	return p
}

// exists tells ports from the names that 8250 drivers give to UARTs which are not there: their type is 0.
func exists(ctx context.Context, f drivers.Files, device string) bool {
	kind, err := drivers.ReadText(ctx, f, "sys/class/tty/"+path.Base(device)+"/type")
	return err != nil || kind != "0" || !strings.HasPrefix(path.Base(device), "ttyS")
}

// glob gives paths; what cannot be listed is not there.
func glob(f drivers.Files, pattern string) []string {
	names, _ := f.Glob(pattern) // the patterns are good
	for i, n := range names {
		names[i] = "/" + n
	}
	return names
}

// Buses are those of the plan, each named by its path, as a board must have them to run it.
func (p *Plan) Buses() map[string]board.Bus {
	buses := map[string]board.Bus{}
	for _, d := range p.I2C {
		buses[d] = board.Bus{I2C: d}
	}
	for _, port := range p.Ports {
		buses[port.Path] = board.Bus{Serial: port.Path}
	}
	return buses
}
