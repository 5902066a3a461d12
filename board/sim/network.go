package sim

import (
	"context"
	"fmt"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// hosts are the devices on the network that are simulated.
type hosts struct {
	mu     sync.Mutex
	serve  map[string]func(net.Conn)
	conns  map[string]map[net.Conn]bool
	cut    map[string]bool
	closed bool
	work   sync.WaitGroup
}

// Host has a device listen at an address on the network; serve has a connection until it is closed.
func (b *Board) Host(address string, serve func(net.Conn)) {
	h := &b.hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.serve == nil {
		h.serve, h.conns, h.cut = map[string]func(net.Conn){}, map[string]map[net.Conn]bool{}, map[string]bool{}
	}
	h.serve[address], h.conns[address] = serve, map[net.Conn]bool{}
}

// Cut takes such a device off the network, or brings it back.
func (b *Board) Cut(address string, cut bool) {
	h := &b.hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut == nil {
		return
	}
	h.cut[address] = cut
	if cut {
		for conn := range h.conns[address] {
			conn.Close()
		}
	}
}

// Dial connects to a device that Host made, or else for real: a device on the network may as well be a listener on loopback.
func (b *Board) Dial(ctx context.Context, address string) (net.Conn, error) {
	h := &b.hosts
	h.mu.Lock()
	defer h.mu.Unlock()
	serve := h.serve[address]
	switch {
	case h.closed, h.cut[address]:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: unix.EHOSTUNREACH}
	case serve == nil && b.bare:
		return nil, fmt.Errorf("dial %s: the simulated network has no such device", address)
	case serve == nil:
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	ours, theirs := net.Pipe()
	h.conns[address][ours] = true
	h.work.Go(func() {
		serve(ours)
		ours.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns[address], ours)
	})
	return theirs, nil
}

// close ends all connections.
func (h *hosts) close() {
	h.mu.Lock()
	h.closed = true
	for _, conns := range h.conns {
		for conn := range conns {
			conn.Close()
		}
	}
	h.mu.Unlock()
	h.work.Wait()
}
