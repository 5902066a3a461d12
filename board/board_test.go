package board_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"skerry/board"
	"skerry/drivers"
)

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

func TestI2CDevice(t *testing.T) {
	for written, want := range map[string]string{
		"/dev/i2c-1": "/dev/i2c-1", "i2c-22": "/dev/i2c-22", "3": "/dev/i2c-3", "/dev/my-adapter": "/dev/my-adapter", "": "", "-1": "", "spidev0.0": "",
	} {
		got, err := board.I2CDevice(written)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", written, got, err, want)
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
		if got := board.ChooseI2C(board.Machine{}, test.have); got != test.want {
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
