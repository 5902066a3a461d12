package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Passed are listening sockets that this program was started with, as systemd does for a unit with sockets (the
// protocol of sd_listen_fds): file descriptors from 3 on, their number in LISTEN_FDS, names in LISTEN_FDNAMES, and
// LISTEN_PID tells whom they are for. Each belongs to one listener.
type Passed struct{ sockets []*passedSocket }

type passedSocket struct {
	name  string // "" or that of the unit when none was given
	nl    net.Listener
	taken bool
}

// firstPassed is the first file descriptor.
const firstPassed = 3

// PassedSockets gives what was passed, nothing when nothing was. It forgets the variables, so that no child of this
// program takes them for its own.
func PassedSockets() (*Passed, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	if pid != strconv.Itoa(os.Getpid()) {
		return &Passed{}, nil
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1000 {
		return nil, fmt.Errorf("LISTEN_FDS is %q, not a number of sockets", count)
	}
	p := &Passed{}
	each := strings.Split(names, ":")
	for i := range n {
		s := &passedSocket{}
		if i < len(each) {
			s.name = each[i]
		}
		if s.nl, err = adopt(firstPassed+i, s.name); err != nil {
			p.Close()
			return nil, fmt.Errorf("socket %d of %d (%q) that was passed by systemd: %w", i+1, n, s.name, err)
		}
		p.sockets = append(p.sockets, s)
	}
	return p, nil
}

// adopt makes a listener of a file descriptor, which is closed.
func adopt(fd int, name string) (net.Listener, error) {
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // FileListener has its own copy
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, fmt.Errorf("file descriptor %d is no socket: %w (hint: a unit passes sockets by ListenStream= alone)", fd, err)
	}
	if listening == 0 {
		return nil, errors.New("it does not listen (hint: ListenStream= and Accept=no in the unit)")
	}
	return net.FileListener(f)
}

// Take gives the socket for a listener: the one of its name, or else the one at its address; nil if there is none.
// It can be used as long as nobody has closed it, beyond Close of p.
func (p *Passed) Take(l ListenerConfig) (net.Listener, error) {
	s := p.find(func(s *passedSocket) bool { return s.name == l.Name })
	if s == nil {
		s = p.find(func(s *passedSocket) bool { return sameSocket(s.nl.Addr(), l.Network, l.Address) })
	}
	if s == nil {
		return nil, nil
	}
	if _, isUnix := s.nl.Addr().(*net.UnixAddr); isUnix != (l.Network == "unix") {
		return nil, fmt.Errorf("listener %s: the socket that systemd opened for it is of another kind: %s %s (hint: make ListenStream= of the unit the same as the address in the configuration)",
			l.Name, s.nl.Addr().Network(), s.nl.Addr())
	}
	s.taken = true
	return s.nl, nil
}

func (p *Passed) find(right func(*passedSocket) bool) *passedSocket {
	for _, s := range p.sockets {
		if !s.taken && right(s) {
			return s
		}
	}
	return nil
}

// sameSocket tells whether a socket listens at the address of a listener.
func sameSocket(a net.Addr, network, address string) bool {
	switch a := a.(type) {
	case *net.UnixAddr:
		return network == "unix" && filepath.Clean(a.Name) == filepath.Clean(address)
	case *net.TCPAddr:
		host, port, err := net.SplitHostPort(address)
		if network == "unix" || err != nil || port != strconv.Itoa(a.Port) {
			return false
		}
		return sameHost(a.AddrPort().Addr().Unmap(), host)
	}
	return false
}

func sameHost(a netip.Addr, host string) bool {
	switch host {
	case "":
		return a.IsUnspecified()
	case "localhost":
		return a.IsLoopback()
	}
	b, err := netip.ParseAddr(host)
	return err == nil && b.Unmap() == a
}

// Unclaimed tells of sockets that no listener took: somebody connects there and would wait for ever.
func (p *Passed) Unclaimed() error {
	var errs []error
	for _, s := range p.sockets {
		if !s.taken {
			errs = append(errs, fmt.Errorf("systemd passed a socket that no listener takes: %q at %s (hint: add a listener with this name or address, or remove it from the unit)", s.name, s.nl.Addr()))
		}
	}
	return errors.Join(errs...)
}

// Close closes the sockets that nobody took.
func (p *Passed) Close() {
	for _, s := range p.sockets {
		if !s.taken {
			s.nl.Close()
			s.taken = true
		}
	}
}

// adjust gives a connection the options that those of our own listeners inherit. What its protocol does not have it
// goes without: deadlines bound it too.
func (s *Server) adjust(nc net.Conn) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	tcp.SetKeepAliveConfig(probe)
	if raw, err := tcp.SyscallConn(); err == nil {
		s.setOptions("", "", raw)
	}
}
