package board_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/drivers"
)

func TestMachine(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	tests := map[string]struct {
		root fstest.MapFS
		want string
	}{
		"Raspberry Pi": {fstest.MapFS{
			"proc/device-tree/model": file("Raspberry Pi 4 Model B Rev 1.4\x00"),
		}, "Raspberry Pi 4 Model B Rev 1.4"},
		"another board": {fstest.MapFS{"sys/firmware/devicetree/base/model": file("FriendlyElec NanoPi NEO\x00")}, "FriendlyElec NanoPi NEO"},
		"a PC": {fstest.MapFS{
			"sys/class/dmi/id/sys_vendor": file("LENOVO\n"), "sys/class/dmi/id/product_name": file("20QD\n"),
		}, "LENOVO 20QD"},
		"nothing": {fstest.MapFS{}, "unknown board"},
	}
	for name, test := range tests {
		if got := board.Model(test.root); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: model %q, want %q", name, got, test.want)
		}
	}
}

func TestThisMachineHasAName(t *testing.T) {
	var log bytes.Buffer
	b, err := board.Open(board.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "msg=board model=") {
		t.Errorf("no model in the log: %s", &log)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBusesByName(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "ttyUSB0")
	b, err := board.Open(board.Options{Buses: map[string]board.Bus{
		"i2c9": {I2C: "/dev/i2c-250"},
		"gnss": {Serial: missing},
		"zz":   {Serial: missing + "-other"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	i2c := func(name string) error { _, err := b.I2C(name); return err }
	serial := func(name string) error { _, err := b.Serial(name, drivers.SerialConfig{}); return err }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"a missing I2C bus", i2c("i2c9"), "dtparam=i2c_arm=on"},
		{"the first I2C bus", i2c(""), "/dev/i2c-250"},
		{"an unknown name", i2c("i2c1"), "there is i2c9"},
		{"a name of another kind", i2c("gnss"), "no bus gnss of kind i2c"},
		{"a missing port", serial("gnss"), missing + ": "},
		{"the first port", serial(""), missing + ": "},
		{"an unknown port", serial("gps"), "there is gnss, zz"},
	}
	for _, test := range tests {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, test.err, test.want)
		}
	}
}

func TestBusOfTwoKinds(t *testing.T) {
	for _, bus := range []board.Bus{{}, {I2C: "1", Serial: "/dev/serial0"}} {
		if _, err := board.Open(board.Options{Buses: map[string]board.Bus{"x": bus}}); err == nil {
			t.Errorf("%+v was taken", bus)
		}
	}
}

func TestI2CNumber(t *testing.T) {
	link := filepath.Join(t.TempDir(), "i2c-sensors")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]int{"/dev/i2c-1": 1, "i2c-22": 22, "3": 3, "/dev/spidev0.0": -1, "": -1, "-1": -1, link: -1} {
		n, err := board.I2CNumber(device)
		if want < 0 && err == nil || want >= 0 && (err != nil || n != want) {
			t.Errorf("%q: %d, %v; want %d", device, n, err, want)
		}
	}
}

func TestChooseI2C(t *testing.T) {
	tests := []struct {
		have []string
		want string
	}{
		{nil, "/dev/i2c-1"},
		{[]string{"/dev/i2c-0", "/dev/i2c-1", "/dev/i2c-20"}, "/dev/i2c-1"},
		{[]string{"/dev/i2c-10", "/dev/i2c-3", "/dev/i2c-2"}, "/dev/i2c-2"},
	}
	for _, test := range tests {
		if got := board.ChooseI2C(test.have); got != test.want {
			t.Errorf("of %q: %s, want %s", test.have, got, test.want)
		}
	}
}

// Each error names the device and says what can be done.
func TestExplain(t *testing.T) {
	t.Setenv("USER", "pi")
	tests := []struct {
		kind string
		err  error
		want string
	}{
		{"i2c", &fs.PathError{Op: "open", Path: "x", Err: unix.ENOENT}, "dtparam=i2c_arm=on"},
		{"i2c", unix.EACCES, "usermod -aG i2c pi"},
		{"serial", unix.EACCES, "usermod -aG dialout pi"},
		{"gpio", unix.EPERM, "usermod -aG gpio pi"},
		{"serial", unix.EBUSY, "serial console"},
		{"serial", unix.EWOULDBLOCK, "in use"},
		{"serial", unix.ENXIO, "unplugged"},
		{"gpio", unix.EBUSY, "gpioinfo"},
		{"gpio", errors.New("something else"), "something else"},
	}
	for _, test := range tests {
		err := board.Explain(test.kind, "/dev/thing", test.err)
		if !strings.HasPrefix(err.Error(), "/dev/thing: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %v: %q, want %q", test.kind, test.err, err, test.want)
		}
	}
}
