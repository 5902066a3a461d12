package board_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"skerry/board"
)

func TestFiles(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"sys/a/temp": "21500\n", "sys/b/temp": "1\n", "sys/long": strings.Repeat("x", 64<<10+1)} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	f := board.NewKernelFiles(root)
	if b, err := f.ReadFile(t.Context(), "sys/a/temp"); string(b) != "21500\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if names, err := f.Glob("sys/*/temp"); !slices.Equal(names, []string{"sys/a/temp", "sys/b/temp"}) || err != nil {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := f.ReadFile(t.Context(), "sys/c/temp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := f.ReadFile(t.Context(), "sys/long"); err == nil {
		t.Error("a long file was read")
	}
	for _, bad := range []string{"../x", "/sys/a/temp", ""} {
		if _, err := f.ReadFile(t.Context(), bad); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := f.WriteFile(t.Context(), "sys/a/temp", []byte("trigger")); err != nil {
		t.Error(err)
	}
	if err := f.WriteFile(t.Context(), "sys/a/none", []byte("trigger")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

// TestHangingFile: a pipe without a writer stands for a device that does not answer its driver.
func TestHangingFile(t *testing.T) {
	root := t.TempDir()
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "other"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := board.NewKernelFiles(root)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	refused := 0
	for range 12 {
		if _, err := f.ReadFile(ctx, "pipe"); !errors.Is(err, context.DeadlineExceeded) {
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d of 12 reads were refused, want all after 8", refused)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // the device answers
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := f.ReadFile(t.Context(), "other"); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
