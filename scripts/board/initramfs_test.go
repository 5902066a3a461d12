package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// entries reads an archive as Documentation/driver-api/early-userspace/buffer-format.rst of Linux has it.
func entries(t *testing.T, b []byte) (names []string, contents map[string]string) {
	t.Helper()
	contents = map[string]string{}
	for at := 0; at < len(b); {
		if string(b[at:at+6]) != "070701" {
			t.Fatalf("at %d: no entry but %q", at, b[at:at+6])
		}
		number := func(i int) int {
			n, err := strconv.ParseUint(string(b[at+6+8*i:at+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		size, name := number(6), number(11)
		from := at + 110
		text := strings.TrimSuffix(string(b[from:from+name]), "\x00")
		data := (from + name + 3) &^ 3
		names = append(names, text)
		contents[text] = string(b[data : data+size])
		at = (data + size + 3) &^ 3
	}
	return names, contents
}

func TestArchive(t *testing.T) {
	var a archive
	a.folder("dev")
	a.device("dev/console", 5, 1)
	a.file("init", []byte("12345"))
	a.file("empty", nil)
	names, contents := entries(t, a.end())
	if got := strings.Join(names, " "); got != "dev dev/console init empty TRAILER!!!" {
		t.Error(got)
	}
	if contents["init"] != "12345" || contents["empty"] != "" {
		t.Errorf("%q", contents)
	}
}

func TestOneFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lib/6.1/kernel/drivers/i2c/i2c-dev.ko", "boot/vmlinuz-6.1"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{"vmlinuz-*": "boot/vmlinuz-6.1", "i2c/i2c-dev.ko": "lib/6.1/kernel/drivers/i2c/i2c-dev.ko", "*/i2c/i2c-dev.ko": "lib/6.1/kernel/drivers/i2c/i2c-dev.ko"} {
		if got, err := one(dir, pattern); err != nil || got != filepath.Join(dir, want) {
			t.Errorf("%s: %s, %v", pattern, got, err)
		}
	}
	if _, err := one(dir, "spi.ko"); err == nil || !strings.Contains(err.Error(), "scripts/board/fetch") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// resets is an other side that can reset the machine and nothing else.
type resets struct{}

func (resets) do(what string) error {
	if what != "reset" {
		return errors.New("cannot")
	}
	return nil
}

func (resets) Close() error { return nil }

// A machine that is late for want of a processor is waited for; one that stands still, or works for ever, is not.
func TestPatience(t *testing.T) {
	p := patienceWith{work: time.Minute, still: 20 * time.Second, most: 3 * time.Minute}
	for name, c := range map[string]struct {
		share float64 // of a processor
		until time.Duration
		want  time.Duration // when patience is over; 0: never
	}{
		"quick": {1, 50 * time.Second, 0}, "busy machine": {0.1, 170 * time.Second, 0}, "works for ever": {1, time.Hour, 61 * time.Second},
		"stands still": {0, time.Hour, 21 * time.Second}, "too busy": {0.1, time.Hour, 181 * time.Second},
	} {
		var looks []look
		over := time.Duration(0)
		for on := time.Second; on < c.until && over == 0; on += time.Second {
			if looks = append(looks, look{on, time.Duration(c.share * float64(on))}); p.over(looks) {
				over = on
			}
		}
		if over != c.want {
			t.Errorf("%s: patience was over after %v, want %v", name, over, c.want)
		}
	}
	if d, err := worked(os.Getpid()); err != nil || d < 0 || d > time.Hour {
		t.Errorf("this test has worked for %v (%v)", d, err)
	}
}

// A console as a kernel and a guest write it.
func TestFollow(t *testing.T) {
	m := &machine{name: "test", acts: func(*machine) (actor, error) { return resets{}, nil }}
	tests := []struct {
		console    string
		ok, failed int
		err        string
	}{
		{"[ 0.1] boot\n>>INFO model\n\n>>OK a\n>>FAIL b: why\n>>END 2\nmore", 1, 1, ""},
		{">>OK a\n>>O[ 4.0] usb\nK b\n>>END 2\n", 1, 0, "found 2 things, and 1 came"},
		{"[ 0.1] boot\n", 0, 0, "said nothing"},
		{">>OK a\n[ 3.0] Kernel panic\n", 1, 0, "stopped before END"},
		{">>OK a\n>>CUT 1\n", 1, 0, "power cut"},
		{">>OK a\n>>CUT 2\n", 1, 0, "found 2 things, and 1 came"},
		{">>OK a\n>>RESET 1\n[ 0.1] boot\n>>OK b\n>>OK c\n>>END 2\n", 3, 0, ""},
		{">>OK a\n[ 0.1] boot\n>>OK a\n>>RESET 1\n", 2, 0, "found 1 things, and 2 came"}, // it was reset when it must not be
		{">>DO nothing\n>>END 0\n", 0, 0, "do nothing: cannot"},
		{">>IDLE\n>>END 0\n", 0, 0, ""},
	}
	for _, test := range tests {
		idle := 0
		r := &report{idle: func() { idle++ }}
		err := m.follow(strings.NewReader(test.console), r, func() {})
		if want := strings.Count(test.console, "IDLE"); idle != want {
			t.Errorf("%q: idle %d times", test.console, idle)
		}
		if r.ok != test.ok || len(r.failures) != test.failed || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: %d ok, %q, %v", test.console, r.ok, r.failures, err)
		}
	}
}
