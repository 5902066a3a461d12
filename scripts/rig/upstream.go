package rig

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/packet"
)

// An Upstream is a server that an uplink talks to over a slow link: it takes everything, and its acknowledgements of messages are
// late.
type Upstream struct {
	listener net.Listener
	late     time.Duration
	taken    atomic.Int64
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// NewUpstream listens at address.
func NewUpstream(address string, late time.Duration) (*Upstream, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	u := &Upstream{listener: l, late: late}
	u.wg.Go(u.accept)
	return u, nil
}

// Taken is the number of messages that came.
func (u *Upstream) Taken() int { return int(u.taken.Load()) }

// Close ends all connections.
func (u *Upstream) Close() {
	u.listener.Close()
	u.mu.Lock()
	for _, c := range u.conns {
		c.Close()
	}
	u.mu.Unlock()
	u.wg.Wait()
}

func (u *Upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns = append(u.conns, conn)
		u.mu.Unlock()
		u.wg.Go(func() {
			defer conn.Close()
			_ = u.serve(&guest{Wire: Wire{conn: conn, in: make([]byte, 1<<16)}})
		})
	}
}

// guest is one client of an Upstream.
type guest struct {
	Wire
	version packet.Version
	mu      sync.Mutex // of writing
}

// serve answers until the connection ends.
func (u *Upstream) serve(g *guest) error {
	for {
		h, err := g.ReceiveWithin(time.Hour)
		if err != nil {
			return err
		}
		if err := u.answer(g, h); err != nil {
			return err
		}
	}
}

func (u *Upstream) answer(g *guest, h packet.Header) error {
	switch h.Type {
	case packet.CONNECT:
		var c packet.Connect
		if err := c.Decode(h); err != nil {
			return err
		}
		g.version = c.Version
		return g.say(&packet.Connack{}, 0)
	case packet.SUBSCRIBE:
		var s packet.Subscribe
		if err := s.Decode(g.version, h); err != nil {
			return err
		}
		return g.say(&packet.Suback{PacketID: s.PacketID, ReasonCodes: make([]packet.ReasonCode, len(s.Subscriptions))}, 0)
	case packet.PINGREQ:
		return g.say(&packet.Pingresp{}, 0)
	case packet.PUBLISH:
		var p packet.Publish
		if err := p.Decode(g.version, h); err != nil {
			return err
		}
		u.taken.Add(1)
		if p.QoS != 1 {
			return nil
		}
		return g.say(&packet.Ack{Type: packet.PUBACK, PacketID: p.PacketID}, u.late)
	case packet.DISCONNECT:
		return net.ErrClosed
	}
	return fmt.Errorf("%v came", h.Type)
}

// say sends a packet, at once or later.
func (g *guest) say(p Packet, late time.Duration) error {
	b := p.Append(nil, g.version)
	if late > 0 {
		time.AfterFunc(late, func() { _ = g.write(b) })
		return nil
	}
	return g.write(b)
}

func (g *guest) write(b []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err := g.conn.Write(b)
	return err
}
