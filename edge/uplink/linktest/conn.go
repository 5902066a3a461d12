package linktest

import (
	"io"
	"net"
	"os"
	"time"
)

// end is one end of a connection: a net.Conn.
type end struct {
	link    *Link
	local   string
	out, in *flow
	err     error // why the connection ended; nil: it has not, for this end
	closed  bool
	reads   deadline
	writes  deadline
}

// deadline wakes up whoever waits when its time comes. The link's mu guards it.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) set(l *Link, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.at = t
	if !t.IsZero() {
		d.timer = l.after(time.Until(t), func() {})
	}
	l.changed.Broadcast()
}

// fail ends the connection for this end. The first reason stays.
func (e *end) fail(err error) {
	if e.err == nil {
		e.err = err
	}
	e.link.changed.Broadcast()
}

// trouble is why nothing can be done any more.
func (e *end) trouble(op string, d *deadline) error {
	switch {
	case e.closed:
		return net.ErrClosed
	case e.err != nil:
		return &net.OpError{Op: op, Net: "tcp", Addr: address(e.local), Err: os.NewSyscallError(op, e.err)}
	case d.passed():
		return &net.OpError{Op: op, Net: "tcp", Addr: address(e.local), Err: os.ErrDeadlineExceeded}
	}
	return nil
}

// Read waits for the first byte.
func (e *end) Read(b []byte) (int, error) {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	for {
		if err := e.trouble("read", &e.reads); err != nil {
			return 0, err
		}
		if n := copy(b, e.in.arrived); n > 0 || len(b) == 0 {
			e.in.arrived = e.in.arrived[n:]
			e.in.advance() // there is room
			return n, nil
		}
		if e.in.ended {
			return 0, io.EOF
		}
		e.link.changed.Wait()
	}
}

// Write returns when all of b is in the buffer.
func (e *end) Write(b []byte) (n int, err error) {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	for len(b) > 0 {
		if err := e.trouble("write", &e.writes); err != nil {
			return n, err
		}
		room := min(e.out.room(), len(b))
		if room <= 0 {
			e.link.changed.Wait()
			continue
		}
		e.out.write(b[:room], false)
		b, n = b[room:], n+room
	}
	return n, nil
}

// Close sends what is in the buffer, and the end of it.
func (e *end) Close() error {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	e.closed = true
	e.reads.set(e.link, time.Time{})
	e.writes.set(e.link, time.Time{})
	if e.err == nil {
		e.out.write(nil, true)
	}
	e.in.arrived = nil
	e.in.advance()
	e.out.pair.over()
	return nil
}

// SetDeadline is that of net.Conn, as the others are.
func (e *end) SetDeadline(t time.Time) error {
	return e.within(func() { e.reads.set(e.link, t); e.writes.set(e.link, t) })
}

func (e *end) SetReadDeadline(t time.Time) error {
	return e.within(func() { e.reads.set(e.link, t) })
}

func (e *end) SetWriteDeadline(t time.Time) error {
	return e.within(func() { e.writes.set(e.link, t) })
}

func (e *end) within(f func()) error {
	e.link.mu.Lock()
	defer e.link.mu.Unlock()
	if e.closed {
		return net.ErrClosed
	}
	f()
	return nil
}

func (e *end) LocalAddr() net.Addr { return address(e.local) }

func (e *end) RemoteAddr() net.Addr {
	if e.local == "near" {
		return address("far")
	}
	return address("near")
}

// address is the name of an end.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
