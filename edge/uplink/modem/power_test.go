package modem_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/edge/uplink/modem"
)

// relay notes the levels of a line and when they were set.
type relay struct {
	begin  time.Time
	levels []string
	fail   error
}

func (r *relay) note(what string, on bool) {
	r.levels = append(r.levels, fmt.Sprintf("%s %t %v", what, on, time.Since(r.begin)))
}

func (r *relay) take(name string, on bool) (drivers.Output, error) {
	if r.fail != nil {
		return nil, r.fail
	}
	r.note(name, on)
	return r, nil
}

func (r *relay) Set(on bool) error { r.note("set", on); return nil }
func (r *relay) Close() error      { r.levels = append(r.levels, "close"); return nil }

func TestPowerByOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for activeLow, want := range map[bool][]string{
			false: {"GPIO26 false 0s", "set true 5s", "close"},
			true:  {"GPIO26 true 0s", "set false 5s", "close"},
		} {
			r := &relay{begin: time.Now()}
			if err := modem.PowerByOutput(r.take, "GPIO26", activeLow)(t.Context()); err != nil || !slices.Equal(r.levels, want) {
				t.Errorf("%q, %v; want %q", r.levels, err, want)
			}
		}
		r := &relay{begin: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = modem.PowerByOutput(r.take, "GPIO26", false)(ctx)
		if !slices.Contains(r.levels, "set true 0s") {
			t.Errorf("who ends in the middle leaves the modem off: %q", r.levels)
		}
		r.fail = errors.New("no such line")
		if err := modem.PowerByOutput(r.take, "GPIO99", false)(t.Context()); !errors.Is(err, r.fail) {
			t.Error(err)
		}
	})
}

// machine has files of the kernel, in memory.
type machine struct {
	drivers.Files
	mu     sync.Mutex
	names  []string
	writes []string
}

func (m *machine) Glob(pattern string) (found []string, err error) {
	for _, n := range m.names {
		if ok, err := path.Match(pattern, n); err != nil {
			return nil, err
		} else if ok {
			found = append(found, n)
		}
	}
	return found, nil
}

func (m *machine) WriteFile(ctx context.Context, name string, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if !slices.Contains(m.names, name) {
		return fs.ErrNotExist
	}
	m.writes = append(m.writes, path.Base(path.Dir(name))+"="+string(data))
	return nil
}

func TestPowerByUSB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{names: []string{"sys/bus/usb/devices/1-1:1.0/1-1-port2/disable"}}
		cut, err := modem.PowerByUSB(m, "1-1-port2")
		if err != nil {
			t.Fatal(err)
		}
		if err := cut(t.Context()); err != nil || !slices.Equal(m.writes, []string{"1-1-port2=1", "1-1-port2=0"}) {
			t.Errorf("%q, %v", m.writes, err)
		}
		m.names = nil
		if err := cut(t.Context()); err == nil || !strings.Contains(err.Error(), "Linux 6.0") {
			t.Errorf("a hub that cannot: %v", err)
		}
	})
	for _, port := range []string{"", "2", "1-1", "../../1-1-port2", "1-1-port2/..", "*-port1", "usb1-port"} {
		if _, err := modem.PowerByUSB(&machine{}, port); err == nil {
			t.Errorf("%q is taken for a port", port)
		}
	}
}

func TestCommands(t *testing.T) {
	file := path.Join(t.TempDir(), "up")
	bounce := modem.Commands([]string{"/bin/false"}, []string{"/bin/sh", "-c", "echo up > " + file})
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // between the two, instead of 5 s
	defer cancel()
	if err := bounce(short); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the link was not taken up: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // does not wait between the two
	err := modem.Commands([]string{"/bin/false"}, []string{"/bin/sh", "-c", "echo no such link >&2; exit 3"})(ctx)
	if err == nil || !strings.Contains(err.Error(), "no such link") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a command that fails: %v", err)
	}
	if err := modem.Commands(nil, nil)(t.Context()); err == nil {
		t.Error("no command at all is no error")
	}
	if err := modem.Commands(nil, []string{"/no/such/ifup"})(t.Context()); err == nil {
		t.Error("a missing command is no error")
	}
}
