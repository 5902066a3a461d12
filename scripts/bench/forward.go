package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"skerry/broker/packet"
)

// A forwarder is the limit: what a Go program can do that reads PUBLISH packets and writes them, as they are, to everybody who has
// subscribed to anything. It keeps no session, looks at no topic and leaves the Packet Identifiers as they came.
type forwarder struct {
	journal *journal // nil: nothing is stored
	subs    atomic.Pointer[[]net.Conn]
	mu      sync.Mutex // of changing subs
}

func serveForwarder(address, path string) error {
	f := &forwarder{}
	if path != "" {
		j, err := openJournal(path)
		if err != nil {
			return err
		}
		f.journal = j
		go j.run()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGTERM)
	go func() {
		<-over
		l.Close()
	}()
	f.serve(l)
	return nil
}

// serve ends when the listener does.
func (f *forwarder) serve(l net.Listener) {
	f.subs.Store(&[]net.Conn{})
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = (&guest{forwarder: f, conn: conn}).serve()
			f.leave(conn)
			conn.Close()
		}()
	}
}

func (f *forwarder) join(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append([]net.Conn{conn}, *f.subs.Load()...)
	f.subs.Store(&all)
}

func (f *forwarder) leave(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []net.Conn
	for _, c := range *f.subs.Load() {
		if c != conn {
			all = append(all, c)
		}
	}
	f.subs.Store(&all)
}

// guest is one Network Connection of a forwarder.
type guest struct {
	*forwarder
	conn    net.Conn
	answers []byte // to this Client
	forward []byte // to the subscribers
}

// serve reads what there is, then writes once to each who gets something.
func (g *guest) serve() error {
	in, w := make([]byte, 64<<10), 0
	for {
		n, err := g.conn.Read(in[w:])
		if err != nil {
			return err
		}
		w += n
		r := 0
		for {
			n, _, err := packet.Next(in[r:w], 0)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			if err := g.handle(in[r : r+n]); err != nil {
				return err
			}
			r += n
		}
		w = copy(in, in[r:w])
		if err := g.flush(); err != nil {
			return err
		}
	}
}

func (g *guest) handle(b []byte) error {
	switch t := packet.Type(b[0] >> 4); t {
	case packet.CONNECT:
		g.answers = (&packet.Connack{}).Append(g.answers, packet.V311)
	case packet.SUBSCRIBE:
		g.join(g.conn)
		g.answers = append(g.answers, byte(packet.SUBACK)<<4, 3, b[2], b[3], b[len(b)-1])
	case packet.PUBLISH:
		return g.publish(b)
	case packet.PUBREL:
		g.answers = appendAck(g.answers, packet.PUBCOMP, b[2:4])
	case packet.PUBREC: // of a subscriber
		g.answers = appendAck(g.answers, packet.PUBREL, b[2:4])
	case packet.PUBACK, packet.PUBCOMP:
	default:
		return fmt.Errorf("%v came", t)
	}
	return nil
}

func (g *guest) publish(b []byte) error {
	g.forward = append(g.forward, b...)
	qos := b[0] >> 1 & 3
	if qos == 0 {
		return nil
	}
	_, size, _ := remaining(b)
	at := 1 + size + 2 + int(b[1+size])<<8 + int(b[2+size])
	t := packet.PUBACK
	if qos == 2 {
		t = packet.PUBREC
	}
	g.answers = appendAck(g.answers, t, b[at:at+2])
	return nil
}

// remaining reads the Remaining Length of a packet that is whole.
func remaining(b []byte) (length, size int, ok bool) {
	for size = 1; size < len(b) && size <= 4; size++ {
		length |= int(b[size]&0x7f) << (7 * (size - 1))
		if b[size] < 0x80 {
			return length, size, true
		}
	}
	return 0, 0, false
}

// flush writes what the packets of one read have led to; with a journal the acknowledgements wait for it.
func (g *guest) flush() error {
	if len(g.forward) > 0 && g.journal != nil {
		g.journal.append(g.forward, g.answers, g.conn)
		g.answers = g.answers[:0]
	}
	if len(g.forward) > 0 {
		for _, c := range *g.subs.Load() {
			_, _ = c.Write(g.forward) // its own goroutine sees that it has ended
		}
		g.forward = g.forward[:0]
	}
	if len(g.answers) == 0 {
		return nil
	}
	_, err := g.conn.Write(g.answers)
	g.answers = g.answers[:0]
	return err
}
