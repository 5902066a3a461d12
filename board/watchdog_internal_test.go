package board

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeTimer is the driver of a watchdog that knows one timeout, or all up to most when that is 0; dumb does not tell it.
type fakeTimer struct {
	only, most, now int
	dumb            bool
}

func (t *fakeTimer) set(seconds int) error {
	if t.only != 0 {
		return syscall.EINVAL
	}
	t.now = seconds
	if t.most > 0 {
		t.now = min(seconds, t.most)
	}
	return nil
}

func (t *fakeTimer) get() (int, error) {
	switch {
	case t.dumb:
		return 0, syscall.ENOTTY
	case t.only != 0:
		return t.only, nil
	}
	return t.now, nil
}

// TestWatchdog writes to a file what the kernel would get.
func TestWatchdog(t *testing.T) {
	for _, tt := range []struct {
		timer *fakeTimer
		want  time.Duration
	}{
		{&fakeTimer{}, time.Minute},
		{&fakeTimer{dumb: true}, time.Minute},
		{&fakeTimer{only: 15}, 15 * time.Second},
		{&fakeTimer{most: 16}, 16 * time.Second}, // takes what it can, and says nothing
	} {
		name := filepath.Join(t.TempDir(), "watchdog")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w, err := startWatchdog(f, tt.timer, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if w.Timeout() != tt.want {
			t.Errorf("timeout %v, want %v", w.Timeout(), tt.want)
		}
		if err := errors.Join(w.Feed(), w.Feed(), w.Close()); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(name); string(got) != "\x00\x00V" {
			t.Errorf("wrote %q", got)
		}
	}
}

// TestWatchdogLeft: without the magic letter the count goes on.
func TestWatchdogLeft(t *testing.T) {
	name := filepath.Join(t.TempDir(), "watchdog")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := startWatchdog(f, &fakeTimer{}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Feed(), w.Leave()); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "\x00" || w.Feed() == nil {
		t.Errorf("wrote %q", got)
	}
}

func TestNoWatchdog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "watchdog9"): "hint: ls /dev/watchdog*",
		file:                            "is no device (hint: ls /dev/watchdog*)",
		"/dev/null":                     "is it a watchdog?",
	} {
		w, err := OpenWatchdog(path, time.Minute)
		if err == nil {
			w.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
