package board_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skerry/board"
	"skerry/drivers"
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

// pipes makes files that hang: a pipe without a writer stands for a device that does not answer its driver. answer has one answer.
func pipes(t *testing.T, n int) (f drivers.Files, answer func(i int)) {
	t.Helper()
	root := t.TempDir()
	for i := range n {
		if err := syscall.Mkfifo(filepath.Join(root, fmt.Sprint("pipe", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "other"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	return board.NewKernelFiles(root), func(i int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			w, err := os.OpenFile(filepath.Join(root, fmt.Sprint("pipe", i)), os.O_WRONLY|syscall.O_NONBLOCK, 0) // ENXIO: nobody reads
			if err == nil {
				w.WriteString("1")
				w.Close()
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("nobody reads pipe%d: %v", i, err)
			}
		}
	}
}

// TestManyFilesAtOnce: sensors that the kernel drives are read at the same moment, the full minute. Reading takes its time; none is refused.
func TestManyFilesAtOnce(t *testing.T) {
	const n = 50
	f, answer := pipes(t, n)
	var reading sync.WaitGroup
	for i := range n {
		reading.Go(func() {
			if b, err := f.ReadFile(t.Context(), fmt.Sprint("pipe", i)); err != nil || string(b) != "1" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	for i := range n {
		answer(i)
	}
	reading.Wait()
}

// TestHangingFile: a file that hangs is asked once, until it answers, and no other file is refused for it.
func TestHangingFile(t *testing.T) {
	const n = 20
	f, answer := pipes(t, n)
	for i := range n {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := f.ReadFile(ctx, fmt.Sprint("pipe", i)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
	for range 12 { // without a deadline: this returns at once
		if _, err := f.ReadFile(context.Background(), "pipe7"); err == nil || !strings.Contains(err.Error(), "/pipe7 hangs since ") {
			t.Errorf("a file that hangs: %v", err)
		}
		if _, err := f.ReadFile(t.Context(), "other"); err != nil {
			t.Errorf("another file: %v", err)
		}
	}
	for i := range n {
		answer(i)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := f.ReadFile(ctx, "pipe7")
		cancel()
		if errors.Is(err, context.DeadlineExceeded) { // it is asked again
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	answer(7)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.ReadFile(cancelled, "pipe8"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
}
