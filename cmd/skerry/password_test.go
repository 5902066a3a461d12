package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// At a terminal the password is asked for twice and not shown.
func TestPasswordIsAskedForAtATerminal(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	shown, err := type2(t, users, "hidden", "hidden")
	if err != nil || strings.Contains(shown, "hidden") {
		t.Errorf("the terminal shows %q, error %v", shown, err)
	}
	before, err := os.ReadFile(users)
	if err != nil || !bytes.HasPrefix(before, []byte("anna:$2")) {
		t.Fatalf("users file %q, error %v", before, err)
	}
	shown, err = type2(t, users, "one", "two")
	if err == nil || !strings.Contains(shown, "the two passwords differ") {
		t.Errorf("different passwords: the terminal shows %q, error %v", shown, err)
	}
	if after, _ := os.ReadFile(users); !bytes.Equal(before, after) {
		t.Error("different passwords changed the file")
	}
}

// type2 answers the two questions of `skerry user add` at a terminal and gives what it showed.
func type2(t *testing.T, users, first, second string) (string, error) {
	t.Helper()
	cmd := exec.Command("skerry", "user", "add", users, "anna")
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	screen := &screen{}
	var wg sync.WaitGroup
	wg.Go(func() { screen.read(terminal) })
	screen.wait(t, "Password for anna: ")
	terminal.WriteString(first + "\n")
	screen.wait(t, "Once more: ")
	terminal.WriteString(second + "\n")
	err = cmd.Wait()
	wg.Wait() // the far end is closed: everything has been read
	terminal.Close()
	return screen.text(), err
}

// screen is what a terminal shows.
type screen struct {
	mu    sync.Mutex
	shown []byte
}

func (s *screen) read(terminal *os.File) {
	b := make([]byte, 1024)
	for {
		n, err := terminal.Read(b)
		s.mu.Lock()
		s.shown = append(s.shown, b[:n]...)
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.shown)
}

func (s *screen) wait(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.text(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the terminal shows %q, and never %q", s.text(), text)
		}
	}
}
