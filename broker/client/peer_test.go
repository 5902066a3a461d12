package client_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// peer is the Server of a test: the test itself says what it reads and writes.
type peer struct {
	t       *testing.T
	conn    net.Conn
	version packet.Version
	buf     []byte
}

// pipe gives the two ends of a stream. Both are closed with the test.
func pipe(t *testing.T, v packet.Version) (*peer, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return &peer{t: t, conn: theirs, version: v}, ours
}

// next reads the next packet from the Client.
func (p *peer) next() packet.Header {
	p.t.Helper()
	h, err := p.read()
	if err != nil {
		p.t.Fatalf("read from the client: %v", err)
	}
	return h
}

func (p *peer) read() (packet.Header, error) {
	for {
		n, _, err := packet.Next(p.buf, 0)
		if err != nil {
			return packet.Header{}, err
		}
		if n > 0 {
			frame := p.buf[:n:n]
			p.buf = p.buf[n:]
			return packet.Split(frame)
		}
		b := make([]byte, 4096)
		n, err = p.conn.Read(b)
		if err != nil {
			return packet.Header{}, err
		}
		p.buf = append(p.buf, b[:n]...)
	}
}

func (p *peer) publish() packet.Publish {
	p.t.Helper()
	var m packet.Publish
	if err := m.Decode(p.version, p.next()); err != nil {
		p.t.Fatal(err)
	}
	return m
}

func (p *peer) ack(want packet.Type) packet.Ack {
	p.t.Helper()
	var a packet.Ack
	if err := a.Decode(p.version, p.next()); err != nil {
		p.t.Fatal(err)
	}
	if a.Type != want {
		p.t.Fatalf("client sent %v, want %v", a.Type, want)
	}
	return a
}

// send writes packets in one write.
func (p *peer) send(packets ...client.Packet) {
	p.t.Helper()
	var b []byte
	for _, q := range packets {
		b = q.Append(b, p.version)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Errorf("write to the client: %v", err)
	}
}

func ack(t packet.Type, id uint16) *packet.Ack { return &packet.Ack{Type: t, PacketID: id} }

// accept answers CONNECT, beside the test.
func (p *peer) accept(a packet.Connack) {
	h, err := p.read()
	if err == nil {
		err = new(packet.Connect).Decode(h)
	}
	if err != nil {
		p.t.Errorf("read CONNECT: %v", err)
	}
	p.send(&a)
}

func connect(v packet.Version) *packet.Connect {
	return &packet.Connect{Version: v, ClientID: []byte("c"), CleanStart: true}
}

// start connects a Client to a peer that answers with a, and runs it until the test ends.
func start(t *testing.T, v packet.Version, a packet.Connack, o client.Options) (*peer, *client.Client, <-chan error) {
	t.Helper()
	p, ours := pipe(t, v)
	var wg sync.WaitGroup
	wg.Go(func() { p.accept(a) })
	c, err := client.Connect(t.Context(), ours, connect(v), o)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	wg.Go(func() { ended <- c.Run(context.WithoutCancel(t.Context())) })
	t.Cleanup(func() { c.Close(); wg.Wait() })
	return p, c, ended
}

// result waits for what a goroutine of the test gives.
func result[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happened")
	}
	panic("unreachable")
}

// async runs f beside the test.
func async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// counter counts the writes of a stream.
type counter struct {
	io.ReadWriteCloser
	mu     sync.Mutex
	writes int
}

func (c *counter) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes++
	c.mu.Unlock()
	return c.ReadWriteCloser.Write(b)
}
