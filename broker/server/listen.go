package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skerry/broker/stack"
)

// unsentSize is how much the kernel takes for a Client that does not read, in bytes. Without a bound it would take
// megabytes for each of them.
const unsentSize = 128 << 10

// ListenerConfig says where Clients may knock and who of them is let in.
type ListenerConfig struct {
	Name    string      // in logs and errors
	Network string      // "tcp" (also when empty), "tcp4", "tcp6", "unix"
	Address string      // "127.0.0.1:1883"; port 0: one that is free. Of a Unix socket its path
	Mode    fs.FileMode // of a Unix socket: who may use it; default 0660

	// TLS makes it a TLS listener. The lowest version is 1.2, unless it asks for a higher one. Certificates does the
	// same with files that are read again when they have changed.
	TLS          *tls.Config
	Certificates *TLSFiles

	// Identity says what of a Client's certificate is its user. Other than NoIdentity it needs verified certificates:
	// TLSFiles.ClientCA, or ClientAuth of TLS.
	Identity Identity

	// WebSocket makes it a listener for MQTT over WebSocket, with TLS for secure WebSocket.
	WebSocket *WebSocket

	// Limits of this listener alone.
	Limits ListenerLimits

	// Anonymous lets in Clients that name no user. Authenticate checks those that do. With neither of the two
	// nobody gets in; with Anonymous alone a user name is nothing but a claim: it is let in and forgotten.
	Anonymous    bool
	Authenticate Authenticator

	// Rules say what Clients may do once they are in. nil: everything.
	Rules Rules

	// Methods are those of enhanced authentication (section 4.12), for Clients that name one in CONNECT. What such a
	// Client says in User Name and Password does not count. With an Identity there are none: its user is that of the certificate.
	Methods []AuthMethod

	// Internal makes the sessions of its Clients the program's own (broker.ConnectOptions.Internal): it is for a listener in memory
	// that only the program reaches. Such a Client names a ClientID.
	Internal bool

	// MovedTo or UseOther sends every Client to another Server, for good or for now: it is the Server Reference that 5.0
	// Clients get with the refusal (section 4.11), such as "broker.example.org:8883".
	MovedTo, UseOther string
}

// listener is one open address.
type listener struct {
	ListenerConfig
	net.Listener
	limits       Limits // of the Server, with those of the listener in their place
	certificates *certificates
	passed       bool // the socket was made by somebody else
	loop         acceptLoop

	// Guarded by Server.mu.
	conns int  // Network Connections
	full  bool // the last one was turned away because there are Limits.Connections
}

// tls is what a new connection is to show, nil without TLS. It belongs to the goroutine that accepts.
func (l *listener) tls() *tls.Config {
	if l.certificates != nil {
		return l.certificates.config
	}
	return l.TLS
}

// secure tells whether the listener has TLS.
func (l *listener) secure() bool { return l.certificates != nil || l.TLS != nil }

// probe finds a dead peer behind a silent connection, also when the Client has asked for no Keep Alive: two
// minutes after the last byte at the latest.
var probe = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4}

// Listen opens an address; Clients are served once Run runs. It returns the address with the port that it got. The
// error of a port in use says so and what to do. An address that no interface of the machine has is opened all the
// same, with a word in the log: it may come with the network.
func (s *Server) Listen(l ListenerConfig) (net.Addr, error) {
	if l.Network == "" {
		l.Network = "tcp"
	}
	nl, err := s.open(l)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", l.Name, err)
	}
	return nl.Addr(), s.serve(nl, l, false)
}

// open opens the socket of a listener.
func (s *Server) open(l ListenerConfig) (net.Listener, error) {
	if l.Network == "unix" {
		return listenUnix(l.Address, cmp.Or(l.Mode, 0o660))
	}
	lc := net.ListenConfig{KeepAliveConfig: probe}
	if strings.HasPrefix(l.Network, "tcp") {
		lc.Control = s.setOptions
	}
	nl, err := lc.Listen(context.Background(), l.Network, l.Address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		if nl, err = s.openAhead(l); err == nil {
			s.log.Warn("no interface has the address of a listener: clients are taken when one has (hint: `ip address` lists them)", "listener", l.Name, "address", l.Address)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, listenHint(err, l.Address))
	}
	return nl, nil
}

// openAhead opens an address that no interface has yet, as at a start without a network: the kernel takes connections as soon as one has it.
func (s *Server) openAhead(l ListenerConfig) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: probe, Control: func(network, address string, c syscall.RawConn) error {
		return errors.Join(FreeBind(network, address, c), s.setOptions(network, address, c))
	}}
	return lc.Listen(context.Background(), l.Network, l.Address)
}

// FreeBind has the kernel bind a TCP socket to an address that no interface has yet (ip(7), IP_FREEBIND). It is for net.ListenConfig.Control.
func FreeBind(network, _ string, c syscall.RawConn) error {
	level, option := unix.IPPROTO_IP, unix.IP_FREEBIND
	if network == "tcp6" {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
	}
	var err error
	control := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) })
	return errors.Join(control, err)
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
// Network, Address and Mode of l do not count. The Server closes nl in the end, or at once when there is an error.
func (s *Server) Serve(nl net.Listener, l ListenerConfig) error { return s.serve(nl, l, true) }

func (s *Server) serve(nl net.Listener, l ListenerConfig, passed bool) error {
	ready, err := s.prepare(nl, l)
	if err == nil {
		ready.passed = passed
		err = s.add(ready)
	}
	if err == nil {
		s.guardAway(ready)
	}
	if err != nil {
		nl.Close()
		return fmt.Errorf("listener %s: %w", l.Name, err)
	}
	return nil
}

// prepare reads what a listener needs.
func (s *Server) prepare(nl net.Listener, l ListenerConfig) (*listener, error) {
	ready := &listener{ListenerConfig: l, Listener: nl, limits: l.Limits.over(s.limits)}
	if l.Identity != NoIdentity {
		ready.Methods = nil
	}
	if l.TLS != nil {
		ready.TLS = l.TLS.Clone()
		ready.TLS.MinVersion = max(l.TLS.MinVersion, tls.VersionTLS12)
	}
	if l.Certificates == nil {
		return ready, nil
	}
	var err error
	ready.certificates, err = openCertificates(*l.Certificates, s.log.With("listener", l.Name))
	return ready, err
}

// add has Run accept from a listener.
func (s *Server) add(l *listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return errors.New("the server runs already")
	}
	s.listeners = append(s.listeners, l)
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
	}
	return ""
}

// accept takes connections until the listener is closed. An error that passes (no file descriptors left) costs a
// pause, never the listener.
func (s *Server) accept(ctx context.Context, l *listener) {
	stack.Grow()
	failed := false
	for {
		l.loop.listen()
		nc, err := l.Accept()
		l.loop.turns.Add(1)
		l.loop.work(s.now())
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
			l.loop.rest()
			pause(ctx, 100*time.Millisecond)
			continue
		}
		if failed {
			s.log.Info("accepting connections again", "listener", l.Name)
			failed = false
		}
		if l.passed {
			s.adjust(nc)
		}
		if l.certificates != nil {
			l.certificates.refresh()
		}
		if !s.answered(nc) {
			s.admit(ctx, l, nc)
		}
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
