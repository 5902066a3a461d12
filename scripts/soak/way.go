package main

import (
	"net"
	"slices"
	"sync"
	"time"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// window is how many messages the server lets be on their way at a time (max_inflight_messages).
const window = 1000

// way is the proxy between gateway and server. It can be cut and closed, and swallow what comes.
type way struct {
	address, to string

	mu       sync.Mutex
	listener net.Listener // nil: closed
	conns    []net.Conn
	deaf     bool
	sent     [3]int          // PUBLISH packets of the uplink, by QoS
	dup      [3]int          // of them, marked as sent again
	recent   []name          // of the last of them
	ids      map[uint16]name // QoS 2 exchanges, by Packet Identifier
	blocks   int             // PUBLISH packets with many readings
	primed   int             // of these, those that go on from a primer
	primers  map[uint32]*pack.Primer
	subacks  int           // SUBACK packets of the server
	taken    map[name]bool // QoS 2: the server has said PUBREC, and not PUBCOMP
	wg       sync.WaitGroup
}

func newWay(to string) (*way, error) {
	w := &way{address: "127.0.0.1:0", to: to, ids: map[uint16]name{}, taken: map[name]bool{}, primers: map[uint32]*pack.Primer{}}
	return w, w.open()
}

// open lets connections through, at the address of the first time.
func (w *way) open() error {
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener, w.address = l, l.Addr().String()
	w.wg.Go(func() { w.accept(l) })
	return nil
}

func (w *way) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", w.to)
		if err != nil {
			reset(conn)
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, conn, there)
		if w.listener != l { // closed in between
			reset(conn)
			reset(there)
		}
		w.mu.Unlock()
		x := &exchanges{way: w}
		w.wg.Go(func() { w.carry(there, conn, x.up) })
		w.wg.Go(func() { w.carry(conn, there, x.down) })
	}
}

// carry copies one direction until an end of it is gone. What is swallowed was sent all the same.
func (w *way) carry(to, from net.Conn, see func(packet.Header)) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 1<<16)
	var look reader
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		look.take(b[:n], see)
		w.mu.Lock()
		deaf := w.deaf
		w.mu.Unlock()
		if deaf {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut resets the connections, as a link does that comes back under another address.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resetAll()
}

func (w *way) resetAll() {
	for _, c := range w.conns {
		reset(c)
	}
	w.conns = nil
}

// hole swallows what comes, both ways, and cuts in the end.
func (w *way) hole(long time.Duration) {
	w.mu.Lock()
	w.deaf = true
	w.mu.Unlock()
	time.Sleep(long)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = false // under one lock with the cut: no connection lacks a part of its bytes and stands
	w.resetAll()
}

// close refuses connections and cuts those that stand.
func (w *way) close() {
	w.mu.Lock()
	if w.listener != nil {
		w.listener.Close()
		w.listener = nil
	}
	w.mu.Unlock()
	w.cut()
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.Close()
}

// latest are the readings that may be on their way: no more than a window is, and a second one of those that were sent again.
func (w *way) latest() []name {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.recent[max(0, len(w.recent)-2*window):])
}

// subscribed is how often the server has answered a SUBSCRIBE.
func (w *way) subscribed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.subacks
}

// totals are the PUBLISH packets of the uplink.
func (w *way) totals() (sent, dup [3]int, blocks, primed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.dup, w.blocks, w.primed
}
