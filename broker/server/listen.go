package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unsentSize is how much the kernel takes for a Client that does not read, in bytes. Without a bound it would take
// megabytes for each of them.
const unsentSize = 128 << 10

// ListenerConfig says where Clients may knock and who of them is let in.
type ListenerConfig struct {
	Name    string // in logs and errors
	Network string // "tcp" (also when empty), "tcp4", "tcp6", "unix"
	Address string // "127.0.0.1:1883"; port 0: one that is free

	// TLS makes it a TLS listener. The lowest version is 1.2, unless it asks for a higher one.
	TLS *tls.Config

	// Anonymous lets in Clients that name no user. Authenticate checks those that do. With neither of the two
	// nobody gets in; with Anonymous alone a user name is nothing but a claim: it is let in and forgotten.
	Anonymous    bool
	Authenticate Authenticator
}

// listener is one open address.
type listener struct {
	ListenerConfig
	net.Listener
}

// probe finds a dead peer behind a silent connection, also when the Client has asked for no Keep Alive: two
// minutes after the last byte at the latest.
var probe = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// Listen opens an address; Clients are served once Run runs. It returns the address with the port that it got. The
// error of a port in use says so and what to do.
func (s *Server) Listen(l ListenerConfig) (net.Addr, error) {
	if l.Network == "" {
		l.Network = "tcp"
	}
	lc := net.ListenConfig{KeepAliveConfig: probe}
	if strings.HasPrefix(l.Network, "tcp") {
		lc.Control = s.setOptions
	}
	nl, err := lc.Listen(context.Background(), l.Network, l.Address)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w%s", l.Name, err, listenHint(err, l.Address))
	}
	return nl.Addr(), s.Serve(nl, l)
}

// setOptions sets what accepted sockets inherit from their listener: how long sent bytes may stay unconfirmed, and
// how many may wait to be sent.
func (s *Server) setOptions(_, _ string, c syscall.RawConn) error {
	var err error
	control := c.Control(func(fd uintptr) {
		stall := int(s.limits.Stall / time.Millisecond)
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, stall),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentSize))
	})
	return errors.Join(control, err)
}

// Serve takes Clients from a listener that exists already: one handed over by the system, or one in memory.
// Network and Address of l do not count. The Server closes nl in the end.
func (s *Server) Serve(nl net.Listener, l ListenerConfig) error {
	if l.TLS != nil {
		l.TLS = l.TLS.Clone()
		l.TLS.MinVersion = max(l.TLS.MinVersion, tls.VersionTLS12)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		nl.Close()
		return fmt.Errorf("listener %s: the server runs already", l.Name)
	}
	s.listeners = append(s.listeners, &listener{ListenerConfig: l, Listener: nl})
	return nil
}

// listenHint tells what can be done about the usual errors.
func listenHint(err error, address string) string {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf(" (hint: another broker? `ss -ltnp sport = :%s` shows who has the port; stop it or choose another port)", port)
	case errors.Is(err, syscall.EACCES):
		return " (hint: ports below 1024 need CAP_NET_BIND_SERVICE)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return " (hint: no interface of this machine has that address; `ip address` lists them)"
	}
	return ""
}

// accept takes connections until the listener is closed. An error that passes (no file descriptors left) costs a
// pause, never the listener.
func (s *Server) accept(ctx context.Context, l *listener) {
	failed := false
	for {
		nc, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				nc.Close()
			}
			return
		}
		if err != nil {
			if !failed {
				s.log.Warn("cannot accept connections", "listener", l.Name, "error", err)
			}
			failed = true
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if failed {
			s.log.Info("accepting connections again", "listener", l.Name)
			failed = false
		}
		s.admit(ctx, l, nc)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
