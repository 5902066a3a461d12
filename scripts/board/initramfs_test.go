package main

import (
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

// A console as a kernel and a guest write it.
func TestFollow(t *testing.T) {
	m := &machine{name: "test"}
	tests := []struct {
		console    string
		ok, failed int
		err        string
	}{
		{"[ 0.1] boot\n>>INFO model\n\n>>OK a\n>>FAIL b: why\n>>END 2\nmore", 1, 1, ""},
		{">>OK a\n>>O[ 4.0] usb\nK b\n>>END 2\n", 1, 0, "found 2 things, and 1 came"},
		{"[ 0.1] boot\n", 0, 0, "said nothing"},
		{">>OK a\n[ 3.0] Kernel panic\n", 1, 0, "stopped before END"},
	}
	for _, test := range tests {
		r := &report{}
		silent := time.AfterFunc(time.Hour, func() {})
		err := m.follow(strings.NewReader(test.console), r, silent)
		silent.Stop()
		if r.ok != test.ok || len(r.failures) != test.failed || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%q: %d ok, %q, %v", test.console, r.ok, r.failures, err)
		}
	}
}
