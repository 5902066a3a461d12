package service_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skerry/edge/service"
)

// manager listens as systemd does. next is the next datagram.
func manager(t *testing.T, name string) (next func() string) {
	t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func() string {
		t.Helper()
		buf := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func TestTells(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), fmt.Sprintf("@skerry-service-test-%d", os.Getpid())} {
		next := manager(t, name)
		t.Setenv("WATCHDOG_USEC", "4000000")
		t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
		m, err := service.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if m.Timeout() != 4*time.Second {
			t.Errorf("timeout %v", m.Timeout())
		}
		for _, v := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
			if _, set := os.LookupEnv(v); set {
				t.Errorf("%s is left for children", v)
			}
		}
		m.Ready("listening")
		m.Status("one\ntwo")
		m.Reloading()
		m.Stopping("bye")
		if err := m.Feed(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{"READY=1\nSTATUS=listening", "STATUS=one; two", "RELOADING=1\nMONOTONIC_USEC=", "STOPPING=1\nSTATUS=bye", "WATCHDOG=1"} {
			if got := next(); !strings.HasPrefix(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}

// The watchdog of another process is not ours, and without a socket there is nobody to tell.
func TestNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	m, err := service.Open()
	if m != nil || err != nil {
		t.Fatalf("%v, %v", m, err)
	}
	m.Ready("")
	m.Close()
	if err := m.Feed(); err != nil || m.Timeout() != 0 {
		t.Errorf("%v, %v", err, m.Timeout())
	}
	manager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "4000000")
	t.Setenv("WATCHDOG_PID", "1")
	if m, err = service.Open(); err != nil || m.Timeout() != 0 {
		t.Errorf("%v, %v", err, m.Timeout())
	}
	m.Close()
	t.Setenv("NOTIFY_SOCKET", "/nowhere/notify")
	if _, err := service.Open(); err == nil {
		t.Error("nobody listens there")
	}
}

// A manager that does not read keeps nobody waiting.
func TestManagerHangs(t *testing.T) {
	manager(t, filepath.Join(t.TempDir(), "notify"))
	m, err := service.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for range 100_000 { // more than any socket holds
		if m.Feed() != nil {
			return
		}
	}
	t.Error("nothing was refused")
}
