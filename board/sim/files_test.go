package sim_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"skerry/board/sim"
)

func TestFiles(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	k, f := b.Kernel(), b.Files()
	written := ""
	k.Set("sys/class/thermal/thermal_zone0/temp", sim.Text("48312\n"))
	k.Set("sys/class/thermal/thermal_zone0/trigger", sim.File{Write: func(s string) error { written = s; return nil }})
	if got, err := f.ReadFile(t.Context(), "sys/class/thermal/thermal_zone0/temp"); string(got) != "48312\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := f.WriteFile(t.Context(), "sys/class/thermal/thermal_zone0/trigger", []byte("1")); written != "1" || err != nil {
		t.Errorf("%q, %v", written, err)
	}
	if _, err := f.ReadFile(t.Context(), "sys/class/thermal/thermal_zone0/trigger"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("read what is for writing: %v", err)
	}
	if got, err := f.Glob("sys/class/thermal/thermal_zone*"); !slices.Equal(got, []string{"sys/class/thermal/thermal_zone0"}) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	k.Remove("sys/class/thermal/thermal_zone0/temp")
	if _, err := f.ReadFile(t.Context(), "sys/class/thermal/thermal_zone0/temp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read what was removed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.WriteFile(ctx, "sys/class/thermal/thermal_zone0/trigger", []byte("2")); !errors.Is(err, context.Canceled) || written != "1" {
		t.Errorf("written after the end: %v", err)
	}
}

func TestOutput(t *testing.T) {
	b := sim.New(sim.Options{})
	defer b.Close()
	o, err := b.Output("GPIO22", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Output("GPIO22", false); err == nil {
		t.Error("a line was taken twice")
	}
	if on, taken := b.Line("GPIO22").Level(); !on || !taken {
		t.Errorf("on %t, taken %t", on, taken)
	}
	if err := errors.Join(o.Set(false), o.Close()); err != nil {
		t.Error(err)
	}
	if on, taken := b.Line("GPIO22").Level(); on || taken {
		t.Errorf("on %t, taken %t", on, taken)
	}
	if err := o.Set(true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("set after Close: %v", err)
	}
}
