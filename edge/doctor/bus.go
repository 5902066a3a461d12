package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"skerry/drivers"
)

const bootConfig = "/boot/firmware/config.txt"

// need is a device that the configuration wants.
type need struct {
	about  string
	kind   drivers.BusKind
	device string
}

// needs lists what sensors and outputs want, each device once.
func (s *Subject) needs() (all []need) {
	if s.Config == nil {
		return nil
	}
	usual := map[drivers.BusKind]string{drivers.I2CBus: "/dev/i2c-*", drivers.SerialBus: "/dev/serial0", drivers.SPIBus: "/dev/spidev*",
		drivers.GPIOBus: "/dev/gpiochip*", drivers.OneWireBus: "/sys/bus/w1/devices/w1_bus_master*"}
	for _, name := range slices.Sorted(maps.Keys(s.Config.Buses)) {
		b := s.Config.Buses[name]
		device := b.Device
		if b.Kind == drivers.OneWireBus {
			device = usual[b.Kind]
		}
		all = append(all, need{"bus " + name, b.Kind, device})
	}
	want := func(about, bus string, kind drivers.BusKind) {
		device, ok := usual[kind]
		if ok && bus == "" && !slices.ContainsFunc(all, func(n need) bool { return n.device == device }) {
			all = append(all, need{about, kind, device})
		}
	}
	for _, x := range s.Config.Sensors {
		want("sensor "+x.Name, x.Bus, x.Kind.Bus)
	}
	for _, x := range s.Config.Outputs {
		want("output "+x.Name, x.Bus, x.Kind.Bus)
	}
	return all
}

// simulated tells whether the board has no devices.
func (s *Subject) simulated() bool { return s.Config != nil && s.Config.Gateway.Board == "sim" }

// buses looks for the devices that the configuration needs.
func buses(ctx context.Context, s *Subject, r *Report) {
	if s.simulated() {
		return
	}
	for _, n := range s.needs() {
		if s.there(n.device) {
			r.note(n.about, "%s is there", n.device)
			continue
		}
		r.problem(n.about, n.device+" is missing", missing(n))
	}
}

// missing is what brings a device.
func missing(n need) string {
	line := func(text string) string { return "write " + text + " into " + bootConfig + " and start again" }
	number := strings.TrimPrefix(path.Base(n.device), "i2c-")
	switch {
	case n.kind == drivers.I2CBus && (number == "1" || number == "*"):
		return line("dtparam=i2c_arm=on") + "; load i2c-dev if it is still missing (echo i2c-dev >> /etc/modules)"
	case n.kind == drivers.I2CBus && number == "0":
		return line("dtparam=i2c_vc=on")
	case n.kind == drivers.I2CBus && strings.Trim(number, "0123456789") == "":
		return line("dtoverlay=i2c"+number) + ", which a Pi 4 or later has; or plug its adapter in"
	case n.kind == drivers.SPIBus:
		return line("dtparam=spi=on")
	case n.kind == drivers.OneWireBus:
		return line("dtoverlay=w1-gpio") + "; the probes are on GPIO4 then"
	case n.kind == drivers.GPIOBus:
		return "this machine shows no GPIO lines: is it the board with the pins?"
	case strings.Contains(n.device, "/serial0"), strings.Contains(n.device, "ttyAMA"), strings.Contains(n.device, "ttyS"):
		return line("enable_uart=1")
	}
	return "plug the adapter in; `skerry scan` lists the ports that there are"
}

// classes are the drivers that read what the kernel drives, and where the kernel lists that.
var classes = map[string]string{"iio": "sys/bus/iio/devices/iio:device*", "hwmon": "sys/class/hwmon/hwmon*"}

// chips looks for the devices that the kernel must drive.
func chips(ctx context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.simulated() {
		return
	}
	for _, x := range s.Config.Sensors {
		class, ok := classes[x.Kind.Name]
		device := option(x.Setup.Opts, "Device")
		if !ok || device == "" {
			continue
		}
		_, err := drivers.Device(ctx, s.Files, class, device, option(x.Setup.Opts, "At"))
		_, none := errors.AsType[*drivers.NoDeviceError](err)
		switch {
		case none:
			r.problem("sensor "+x.Name, fmt.Sprintf("the kernel drives no %s", device),
				fmt.Sprintf("write its overlay into %s and start again: dtoverlay=i2c-sensor,%s for many chips; /boot/firmware/overlays/README lists them", bootConfig, device))
		case err != nil:
			what, hint := apart(err.Error(), "`skerry sensors read "+x.Name+"` reads it now")
			r.problem("sensor "+x.Name, what, hint)
		}
	}
}

// pwm looks for the chips of outputs that the kernel must drive.
func pwm(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.simulated() {
		return
	}
	for _, x := range s.Config.Outputs {
		if x.Kind.Name != "pwm" {
			continue
		}
		pattern, what := "sys/class/pwm/pwmchip*", "no PWM chip"
		if chip := option(x.Setup.Opts, "Chip"); chip != "" {
			pattern, what = "sys/bus/*/devices/"+chip+"/pwm/pwmchip*", "no PWM chip "+chip
		}
		if found, _ := s.Files.Glob(pattern); len(found) == 0 {
			r.problem("output "+x.Name, "the kernel has "+what, "write dtoverlay=pwm into "+bootConfig+" and start again; ls -l /sys/class/pwm shows the chips and their devices")
		}
	}
}

// option reads a field of the options of a driver.
func option(opts any, name string) string {
	v := reflect.ValueOf(opts)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	f := v.Elem().FieldByName(name)
	if !f.IsValid() || f.Kind() != reflect.String {
		return ""
	}
	return f.String()
}

// groups are those that may open the devices of a kind, as Raspberry Pi OS names them.
var groups = map[drivers.BusKind]string{drivers.I2CBus: "i2c", drivers.SerialBus: "dialout", drivers.SPIBus: "spi", drivers.GPIOBus: "gpio"}

// access looks whether the user of the station is in the groups that it needs.
func access(ctx context.Context, s *Subject, r *Report) {
	if s.simulated() || s.User == "" || s.User == "root" {
		return
	}
	lacks := map[string]bool{}
	for _, n := range append(s.needs(), s.modemNeeds()...) {
		if g := groups[n.kind]; g != "" && s.there(n.device) && s.lacks(ctx, g) {
			lacks[g] = true
		}
	}
	for _, g := range slices.Sorted(maps.Keys(lacks)) {
		r.problem("user "+s.User, "is not in the group "+g+", and cannot open its devices", fmt.Sprintf("sudo usermod -aG %s %s, and start the station again", g, s.User))
	}
}

// lacks tells whether the user is not in a group that exists.
func (s *Subject) lacks(ctx context.Context, group string) bool {
	own := ""
	for line := range strings.Lines(s.text(ctx, "etc/passwd")) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) > 3 && f[0] == s.User {
			own = f[3]
		}
	}
	for line := range strings.Lines(s.text(ctx, "etc/group")) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) == 4 && f[0] == group {
			return own != f[2] && !slices.Contains(strings.Split(f[3], ","), s.User)
		}
	}
	return false
}

// console looks whether the kernel, or its boot configuration, has a console on a port that is used.
func console(ctx context.Context, s *Subject, r *Report) {
	if s.simulated() {
		return
	}
	const fix = "take console=serial0,115200 out of /boot/firmware/cmdline.txt (or sudo raspi-config, Interface Options, Serial Port: no login shell, but the hardware) and start again"
	active := strings.Fields(s.text(ctx, "sys/class/tty/console/active"))
	boot := s.text(ctx, "boot/firmware/cmdline.txt") + " " + s.text(ctx, "boot/cmdline.txt")
	for _, n := range append(s.needs(), s.modemNeeds()...) {
		if n.kind != drivers.SerialBus {
			continue
		}
		device := path.Base(s.Resolve(n.device))
		switch {
		case slices.Contains(active, device):
			r.problem(n.about, "the kernel's console is on "+n.device+": it talks to the device, and what the device says is taken for a login", fix)
		case consoleOn(boot, path.Base(n.device)), consoleOn(boot, device):
			r.problem(n.about, "the next start puts the kernel's console on "+n.device, fix)
		}
	}
}

// consoleOn tells whether a command line of the kernel has its console on a port.
func consoleOn(cmdline, port string) bool {
	for _, word := range strings.Fields(cmdline) {
		if c, ok := strings.CutPrefix(word, "console="); ok {
			name, _, _ := strings.Cut(c, ",")
			if name == port {
				return true
			}
		}
	}
	return false
}
