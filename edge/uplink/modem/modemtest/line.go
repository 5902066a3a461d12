package modemtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// line is a pseudo-terminal that a modem is at.
type line struct {
	dir    string
	master *os.File // nil: unplugged
	stop   chan struct{}
	served sync.WaitGroup
}

// Device is the path of the port; it stays the same when the modem is unplugged and comes back. Empty before the first Plug.
func (m *Modem) Device() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pty == nil {
		return ""
	}
	return filepath.Join(m.pty.dir, "modem")
}

// Plug connects the modem to a pseudo-terminal whose path is in dir. It has just been switched on then.
func (m *Modem) Plug(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pty == nil {
		m.pty = &line{dir: dir}
	}
	if m.pty.master != nil {
		return nil
	}
	master, slave, err := pty.Open()
	if err != nil {
		return err
	}
	defer slave.Close()
	raw := &unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL}
	err = errors.Join(unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, raw), os.Symlink(slave.Name(), filepath.Join(m.pty.dir, "modem")))
	if err != nil {
		master.Close()
		return fmt.Errorf("set up a pseudo-terminal: %w", err)
	}
	m.restart()
	m.pty.master, m.pty.stop = master, make(chan struct{})
	stop := m.pty.stop
	m.pty.served.Go(func() { m.serve(master, stop) })
	return nil
}

// serve serves a terminal as long as the modem is plugged in. While no program has it open, reading fails.
func (m *Modem) serve(master *os.File, stop <-chan struct{}) {
	for {
		m.Serve(master)
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Unplug pulls the modem: its path is gone, and a program that has the port open sees it hang up.
func (m *Modem) Unplug() error {
	m.mu.Lock()
	l := m.pty
	if l == nil || l.master == nil {
		m.mu.Unlock()
		return nil
	}
	close(l.stop)
	err := errors.Join(os.Remove(filepath.Join(l.dir, "modem")), l.master.Close())
	l.master = nil
	m.mu.Unlock()
	l.served.Wait()
	return err
}
