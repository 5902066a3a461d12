package main

import (
	"io"
	"net"
	"sync"
)

// proxy is the way to a server. It can be cut, and closed for a while.
type proxy struct {
	address, to string

	mu       sync.Mutex
	listener net.Listener // nil: closed
	conns    []net.Conn
	wg       sync.WaitGroup
}

func newProxy(to string) (*proxy, error) {
	p := &proxy{address: "127.0.0.1:0", to: to}
	return p, p.open()
}

// open lets connections through, at the address of the first time.
func (p *proxy) open() error {
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.address = l, l.Addr().String()
	p.wg.Go(func() { p.accept(l) })
	return nil
}

func (p *proxy) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", p.to)
		if err != nil {
			reset(conn)
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, conn, there)
		p.mu.Unlock()
		for _, pair := range [][2]net.Conn{{conn, there}, {there, conn}} {
			p.wg.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
				pair[1].Close()
			})
		}
	}
}

// cut resets the connections, as a link does that comes back under another address.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		reset(c)
	}
	p.conns = nil
}

// close refuses connections and cuts those that stand.
func (p *proxy) close() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.cut()
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}
