package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// deaf is a listener that never gives up a connection, though the kernel makes them.
type deaf struct {
	net.Listener
	closed chan struct{}
	once   sync.Once
}

func (d *deaf) Accept() (net.Conn, error) {
	<-d.closed
	return nil, net.ErrClosed
}

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Listener.Close()
}

// SyscallConn lets the kernel be asked, as of a listener that is none of a test.
func (d *deaf) SyscallConn() (syscall.RawConn, error) {
	return d.Listener.(syscall.Conn).SyscallConn()
}

// realListeners are one of each kind that the kernel has.
func realListeners(t *testing.T) map[string]net.Listener {
	t.Helper()
	all := map[string]net.Listener{}
	for name, at := range map[string][2]string{
		"v4": {"tcp", "127.0.0.1:0"}, "v6": {"tcp", "[::1]:0"}, "any": {"tcp", ":0"}, "any v4": {"tcp4", "0.0.0.0:0"},
		"file": {"unix", filepath.Join(t.TempDir(), "s")}, "abstract": {"unix", "@skerry-test-" + filepath.Base(t.TempDir()) + t.Name()},
	} {
		nl, err := net.Listen(at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		all[name] = nl
	}
	return all
}

// TestAccepting: nobody counts the connections by which it is found out, and no limit holds them up.
func TestAccepting(t *testing.T) {
	var log bytes.Buffer
	st := openStation(t, vfs.NewDisk(), server.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), Limits: server.Limits{Connections: 1, AddressRate: 0.001, ConnectRate: 0.001},
	})
	for name, nl := range realListeners(t) {
		if err := st.server.Serve(nl, server.ListenerConfig{Name: name, Anonymous: true}); err != nil {
			t.Fatal(err)
		}
	}
	st.run()
	ctx, end := context.WithTimeout(t.Context(), patience)
	defer end()
	for range 5 {
		if err := st.server.Accepting(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if s := st.server.Stats(); s.Sockets+s.TurnedAway+s.TooOften+s.Refused > 0 || s.Connections > 0 {
		t.Errorf("its own connections are counted: %+v", s)
	}
	st.stop()
	if log.Len() > 0 {
		t.Errorf("logged:\n%s", &log)
	}
}

// TestNotAccepting: each kind of listener is found out whose goroutine does not get back from Accept, and no other is named.
func TestNotAccepting(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	well := st.listen(server.ListenerConfig{Name: "well", Anonymous: true})
	all := realListeners(t)
	for name, nl := range all {
		if err := st.server.Serve(&deaf{Listener: nl, closed: make(chan struct{})}, server.ListenerConfig{Name: name, Anonymous: true}); err != nil {
			t.Fatal(err)
		}
	}
	st.run()
	ctx, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	err := st.server.Accepting(ctx)
	for name := range all {
		if err == nil || !strings.Contains(err.Error(), "listener "+name+" takes no connections: one of our own waits in vain") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "well") {
		t.Errorf("one that accepts at %s is named: %v", well, err)
	}
}

// TestCalledElsewhere: where other sockets have the address too, and take nobody, our own connections come to them now and then. That does not
// mean that ours takes nobody.
func TestCalledElsewhere(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }), err)
	}}
	ours, err := shared.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.server.Serve(ours, server.ListenerConfig{Name: "shared", Anonymous: true}); err != nil {
		t.Fatal(err)
	}
	for range 7 {
		other, err := shared.Listen(t.Context(), "tcp", ours.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
	}
	st.run()
	for range 20 {
		ctx, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := st.server.Accepting(ctx); err != nil {
			t.Error(err)
		}
		end()
	}
}

// TestSocketReplaced: another program has put its socket where ours was. Who starts us anew only finds the place taken.
func TestSocketReplaced(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	path := filepath.Join(t.TempDir(), "s")
	if _, err := st.server.Listen(server.ListenerConfig{Name: "local", Network: "unix", Address: path, Anonymous: true}); err != nil {
		t.Fatal(err)
	}
	st.run()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestListenElsewhere$")
	other.Env = append(os.Environ(), "SKERRY_TEST_LISTEN="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer in.Close()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer end()
	if err := st.server.Accepting(ctx); err != nil {
		t.Error(err)
	}
}

// TestListenElsewhere is the other program of TestSocketReplaced: it listens until its input ends, and takes nobody.
func TestListenElsewhere(t *testing.T) {
	path := os.Getenv("SKERRY_TEST_LISTEN")
	if path == "" {
		return
	}
	nl, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	os.Stdout.WriteString("listens\n")
	io.Copy(io.Discard, os.Stdin)
}

// stuck is a connection that nobody gets away from who asks for its address.
type stuck struct {
	net.Conn
	released chan struct{}
}

func (s *stuck) RemoteAddr() net.Addr {
	<-s.released
	return pipeAddr{}
}

// TestStuckAccepting: what deals with a connection for ever is found out where no connection of our own can be made either; who holds one up
// on purpose does not count.
func TestStuckAccepting(t *testing.T) {
	inBubble(t, server.Limits{ConnectRate: 0.001}, func(t *testing.T, p *pipes) {
		well := func(when string) {
			t.Helper()
			if err := p.server.Accepting(t.Context()); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		time.Sleep(time.Hour)
		well("nobody came")
		p.dial(t)
		p.dial(t) // waits at the door for a quarter of an hour
		time.Sleep(time.Minute)
		well("held up on purpose")
		time.Sleep(time.Hour)
		x := &stuck{released: make(chan struct{})}
		var other net.Conn
		other, x.Conn = net.Pipe()
		defer other.Close()
		p.conns <- x
		time.Sleep(9 * time.Second)
		well("slow")
		time.Sleep(2 * time.Second)
		if err := p.server.Accepting(t.Context()); err == nil || !strings.Contains(err.Error(), "listener pipe takes no connections: one has been dealt with for 11s") {
			t.Errorf("%v", err)
		}
		close(x.released)
		time.Sleep(time.Hour)
		well("over")
	})
}
