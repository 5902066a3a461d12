package board_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/board"
	"skerry/drivers"
)

// Bits of struct serial_rs485, linux/serial.h.
const enabled, onSend, afterSend = 1, 2, 4

func TestRS485Settings(t *testing.T) {
	tests := []struct {
		rs485                board.RS485
		flags, before, after uint32
	}{
		{board.RS485{Direction: board.ByKernel}, enabled | onSend, 0, 0},
		{board.RS485{Direction: board.ByKernel, Before: time.Millisecond, After: 2 * time.Millisecond}, enabled | onSend, 1, 2},
		{board.RS485{Direction: board.ByEither, Before: time.Microsecond, ActiveLow: true}, enabled | afterSend, 1, 0},
	}
	for _, test := range tests {
		flags, before, after := board.RS485Settings(test.rs485)
		if flags != test.flags || before != test.before || after != test.after {
			t.Errorf("%+v: flags %d, %d ms, %d ms", test.rs485, flags, before, after)
		}
	}
}

// A driver that takes the order and does something else.
func TestRS485IsReadBack(t *testing.T) {
	asked := board.RS485{Direction: board.ByKernel, Before: 5 * time.Millisecond}
	tests := []struct {
		name                 string
		flags, before, after uint32
		want                 string
	}{
		{"as asked", enabled | onSend, 5, 0, ""},
		{"switched off", 0, 5, 0, "not supported"},
		{"the other level", enabled | afterSend, 5, 0, "turn rts round"},
		{"another delay", enabled | onSend, 0, 0, "0 ms before and 0 ms after of 5 ms"},
	}
	for _, test := range tests {
		err := board.RS485Kept(asked, test.flags, test.before, test.after)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// A pseudo-terminal has no RS-485: the adapter must do it, unless the kernel was asked for.
func TestRS485ByEither(t *testing.T) {
	tty, _ := silentTTY(t)
	device := filepath.Join(t.TempDir(), "port")
	if err := os.Symlink(tty.Device(), device); err != nil {
		t.Fatal(err)
	}
	c := board.Merge(drivers.SerialConfig{}, drivers.SerialConfig{})
	if _, err := board.OpenPort(device, c, board.RS485{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a port by its other name: %v, want that it is in use", err)
	}
	free := newTTY(t)
	p, err := board.OpenPort(free.Device(), c, board.RS485{Direction: board.ByEither})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

// TestStablePath: an adapter goes by its name if it has a number of its own in it, or else by its socket: two of a kind without one have one name.
func TestStablePath(t *testing.T) {
	root := t.TempDir()
	dev := filepath.Join(root, "dev")
	file := func(name string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700), os.WriteFile(filepath.Join(root, name), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700), os.Symlink(target, filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyUSB3", "ttyACM0", "ttyAMA0"} {
		file("dev/" + name)
	}
	link("dev/serial/by-id/usb-FTDI_FT232R_A5-if00-port0", "../../ttyUSB1")
	link("dev/serial/by-id/usb-1a86_USB_Serial-if00-port0", "../../ttyUSB2")
	link("dev/serial/by-id/usb-1a86_USB_Serial-if01-port0", "../../ttyUSB3")
	link("dev/serial/by-path/usb-0:1.1:1.0-port0", "../../ttyUSB1")
	link("dev/serial/by-path/usb-0:1.2:1.0-port0", "../../ttyUSB0")
	link("dev/serial/by-path/usb-0:1.3:1.0-port0", "../../ttyUSB2")
	for name, socket := range map[string]string{"ttyUSB1": "1-1.1", "ttyUSB2": "1-1.3"} {
		file("sys/devices/usb1/" + socket + "/idVendor")
		file("sys/devices/usb1/" + socket + "/" + socket + ":1.0/" + name + "/tty/" + name + "/dev")
		link("sys/class/tty/"+name, "../../devices/usb1/"+socket+"/"+socket+":1.0/"+name+"/tty/"+name)
		link("sys/devices/usb1/"+socket+"/"+socket+":1.0/"+name+"/tty/"+name+"/device", "../../../"+name)
	}
	file("sys/devices/usb1/1-1.1/serial")
	file("sys/devices/usb1/serial") // of the hub
	for name, want := range map[string]string{
		"ttyUSB1": "serial/by-id/usb-FTDI_FT232R_A5-if00-port0", "ttyUSB0": "serial/by-path/usb-0:1.2:1.0-port0", "ttyACM0": "", "ttyAMA0": "", "serial/by-id/usb-FTDI_FT232R_A5-if00-port0": "",
		"ttyUSB2": "serial/by-path/usb-0:1.3:1.0-port0", "ttyUSB3": "serial/by-id/usb-1a86_USB_Serial-if01-port0",
	} {
		if want != "" {
			want = filepath.Join(dev, want)
		}
		if got := board.StablePath(root, filepath.Join(dev, name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
