package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// heldLimit is how long the goroutine that accepts may take with one connection. It only reads certificates that have changed.
	heldLimit = 10 * time.Second
	// callTimeout is how long a connection to ourselves may take to come about. The kernel makes it, whether anybody accepts or not.
	callTimeout = 2 * time.Second
)

// acceptLoop is what the goroutine that accepts leaves behind for Accepting.
type acceptLoop struct {
	turns atomic.Uint64 // that Accept has come back
	since atomic.Int64  // since when what came is dealt with (Server.now), or one of these
}

const (
	listens = 0  // it waits in Accept
	rests   = -1 // it holds up the next one on purpose, for a time that is bounded
)

func (a *acceptLoop) listen() { a.since.Store(listens) }
func (a *acceptLoop) rest()   { a.since.Store(rests) }

func (a *acceptLoop) work(now time.Duration) { a.since.Store(int64(max(now, 1))) }

// stuck tells what does not get on at a time; waits: a connection does.
func (a *acceptLoop) stuck(now time.Duration, waits bool) error {
	switch since := time.Duration(a.since.Load()); {
	case since == listens && waits:
		return errors.New("one of our own waits in vain")
	case since > listens && now-since > heldLimit:
		return fmt.Errorf("one has been dealt with for %v", (now - since).Round(time.Second))
	}
	return nil
}

// Accepting shows that each listener takes connections: one of our own, which is closed at once and not counted, or others meanwhile. Where
// none of our own can be made, as through a firewall or at an address that no interface has, or where it comes to somebody else, it is
// enough that no connection is dealt with for ever. The error says who does not. Run must run.
func (s *Server) Accepting(ctx context.Context) error {
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	found := make([]error, len(listeners))
	var wg sync.WaitGroup
	for i, l := range listeners {
		wg.Go(func() {
			if err := s.acceptingOn(ctx, l); err != nil {
				found[i] = fmt.Errorf("listener %s takes no connections: %w", l.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(found...)
}

func (s *Server) acceptingOn(ctx context.Context, l *listener) error {
	before := l.loop.turns.Load()
	call := s.calls.make(ctx, l.Addr())
	if call == nil {
		return l.loop.stuck(s.now(), false)
	}
	defer call.end()
	select {
	case <-call.taken:
		return nil
	case <-ctx.Done():
		return l.loop.stuck(s.now(), l.loop.turns.Load() == before && mayWaitAt(l.Listener, call.Conn))
	}
}

// calls are the connections to ourselves that are under way, by the address that they come from.
type calls struct {
	some  atomic.Int32
	count atomic.Uint64

	mu   sync.Mutex
	from map[string]chan struct{}
}

// call is a connection to ourselves. end must be called.
type call struct {
	net.Conn
	taken chan struct{} // closed when it is accepted
	end   func()
}

// make connects to a listener; nil: no connection comes about.
func (c *calls) make(ctx context.Context, to net.Addr) *call {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, way := range c.ways(to) {
		taken := make(chan struct{})
		var name string
		way.Control = func(_, _ string, raw syscall.RawConn) error {
			var err error
			control := raw.Control(func(fd uintptr) {
				if name, err = way.bind(int(fd)); err == nil {
					c.expect(name, taken) // before it connects
				}
			})
			return errors.Join(control, err)
		}
		conn, err := way.DialContext(ctx, way.network, way.address)
		if err == nil {
			conn.Write([]byte{0}) // a socket of systemd may give up only who has said something (DeferAcceptSec=)
			return &call{Conn: conn, taken: taken, end: func() {
				c.forget(name)
				conn.Close()
			}}
		}
		c.forget(name)
	}
	return nil
}

// way is one to a listener of ours that does not leave the machine, from an address known before.
type way struct {
	net.Dialer
	network, address string
	bind             func(fd int) (name string, err error)
}

func (c *calls) ways(to net.Addr) []*way {
	switch to := to.(type) {
	case *net.UnixAddr:
		name := fmt.Sprintf("@skerry-%d-%d", unix.Getpid(), c.count.Add(1))
		return []*way{{network: "unix", address: to.Name, bind: func(fd int) (string, error) {
			return name, unix.Bind(fd, &unix.SockaddrUnix{Name: name})
		}}}
	case *net.TCPAddr:
		at := to.AddrPort()
		ips := []netip.Addr{at.Addr().Unmap()}
		switch {
		case at.Port() == 0 || !at.Addr().IsValid() || at.Addr().Zone() != "":
			return nil
		case at.Addr().IsUnspecified() && at.Addr().Is6():
			ips = []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		case at.Addr().IsUnspecified():
			ips = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
		}
		var all []*way
		for _, ip := range ips {
			all = append(all, &way{network: "tcp", address: netip.AddrPortFrom(ip, at.Port()).String(), bind: func(fd int) (string, error) { return bindTCP(fd, ip) }})
		}
		return all
	}
	return nil
}

// bindTCP binds to the address that is called itself: if the machine does not have it nothing is sent to whoever does.
func bindTCP(fd int, ip netip.Addr) (name string, err error) {
	var from unix.Sockaddr = &unix.SockaddrInet6{Addr: ip.As16()}
	if ip.Is4() {
		from = &unix.SockaddrInet4{Addr: ip.As4()}
	}
	if err := unix.Bind(fd, from); err != nil {
		return "", err
	}
	bound, err := unix.Getsockname(fd)
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(ip, uint16(b.Port)).String(), err
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(ip, uint16(b.Port)).String(), err
	}
	return "", errors.Join(errors.New("bound to what is no address of TCP: "+strconv.Itoa(fd)), err)
}

func (c *calls) expect(name string, taken chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.from == nil {
		c.from = map[string]chan struct{}{}
	}
	c.from[name] = taken
	c.some.Add(1)
}

// forget takes one out, and gives the channel of it; nil: it was not there.
func (c *calls) forget(name string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.from[name]
	if taken != nil {
		delete(c.from, name)
		c.some.Add(-1)
	}
	return taken
}

// answered tells whether a connection is one of our own, and ends it then. It is taken under the lock that others need to get
// in: a lock that nobody gives back does not stay unseen.
func (s *Server) answered(nc net.Conn) bool {
	if s.calls.some.Load() == 0 {
		return false
	}
	taken := s.calls.forget(callerName(nc.RemoteAddr()))
	if taken == nil {
		return false
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0) // nothing of it is left in the kernel
	}
	nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	close(taken)
	return true
}

func callerName(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		at := tcp.AddrPort()
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
	}
	return a.String()
}
