// Package service tells the service manager that has started the program how it fares: the protocol of sd_notify(3), a datagram of lines
// NAME=VALUE to the socket that NOTIFY_SOCKET names.
//
// Guarantees: nothing waits for the manager; a datagram that it does not take is dropped, and the next one is sent as if nothing had been. The
// nil *Manager is usable: there is no manager, and nobody is told.
//
// Limits: what systemd and its like understand; a manager is told by one process, the one that it has started.
package service

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Manager is who has started this program.
type Manager struct {
	conn     *net.UnixConn
	watchdog time.Duration // 0: it does not watch
}

// Open finds the manager, nil if there is none, and forgets the variables, so that no child of this program speaks in its name.
func Open() (*Manager, error) {
	address, usec, pid := os.Getenv("NOTIFY_SOCKET"), os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	if address == "" {
		return nil, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"}) // a leading @ is an abstract name
	if err != nil {
		return nil, fmt.Errorf("reach the service manager by NOTIFY_SOCKET: %w", err)
	}
	m := &Manager{conn: conn}
	if pid == "" || pid == strconv.Itoa(os.Getpid()) {
		if n, err := strconv.ParseInt(usec, 10, 64); err == nil && n > 0 {
			m.watchdog = time.Duration(n) * time.Microsecond
		}
	}
	return m, nil
}

// Close ends the connection to the manager.
func (m *Manager) Close() {
	if m != nil {
		m.conn.Close()
	}
}

// Ready says that the program has started, or has reloaded.
func (m *Manager) Ready(status string) { m.tell("READY=1", statusLine(status)) }

// Status says in one line how the program fares.
func (m *Manager) Status(text string) { m.tell(statusLine(text)) }

// Reloading says that files are read again; Ready ends it.
func (m *Manager) Reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // which always works
	m.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the program ends.
func (m *Manager) Stopping(status string) { m.tell("STOPPING=1", statusLine(status)) }

// Timeout is how long the manager waits for Feed until it kills the program; 0: for ever.
func (m *Manager) Timeout() time.Duration {
	if m == nil {
		return 0
	}
	return m.watchdog
}

// Feed says that the program gets on.
func (m *Manager) Feed() error { return m.tell("WATCHDOG=1") }

func statusLine(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", "; ") }

// tell sends one datagram, if the manager takes it at once.
func (m *Manager) tell(lines ...string) error {
	if m == nil {
		return nil
	}
	raw, err := m.conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		sent = unix.Sendto(int(fd), []byte(strings.Join(lines, "\n")), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	})
	if err == nil {
		err = sent
	}
	return err
}
