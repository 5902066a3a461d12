package keepalive_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// trip is how long a segment takes one way.
const trip = 50 * time.Millisecond

// nat is what stands in the way and forgets.
type nat struct {
	after time.Duration // it forgets a connection that is silent for longer; 0: never
	rst   bool          // and answers with a reset then
	hold  time.Duration // not 0: something closes the connection after such a silence, towards both ends

	inOnly, outOnly bool // what keeps it: what comes in, or what goes out; neither: both
	dataOnly        bool // acknowledgements of TCP do not
}

// line is one TCP connection over a link that can be out. What is sent in an outage is sent again when it is over.
type line struct {
	nat nat
	out func() (outage bool, until time.Time)

	mu     sync.Mutex
	wake   *sync.Cond
	kept   time.Time // when something last kept the NAT's entry
	gone   bool      // it has forgotten
	ends   [2]end    // 0: ours, 1: the server's
	closes *time.Timer
}

// end is what one side can read.
type end struct {
	in      []byte
	err     error
	blocked [][]byte // sent by the other side in an outage
	closed  bool
}

func newLine(n nat, out func() (bool, time.Time)) *line {
	l := &line{nat: n, out: out, kept: time.Now()}
	l.wake = sync.NewCond(&l.mu)
	if n.hold > 0 {
		l.closes = time.AfterFunc(n.hold, l.hangUp)
	}
	return l
}

// hangUp is the timer of something that closes.
func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.ends {
		l.fail(i, io.EOF)
	}
}

// fail has one side read an error. l.mu is held.
func (l *line) fail(side int, err error) {
	if l.ends[side].err == nil {
		l.ends[side].err = err
	}
	l.wake.Broadcast()
}

// send carries a segment from one side to the other. l.mu is held.
func (l *line) send(from int, b []byte) {
	to := 1 - from
	outage, until := l.out()
	if outage || len(l.ends[to].blocked) > 0 {
		if len(l.ends[to].blocked) == 0 {
			time.AfterFunc(time.Until(until)+time.Second, func() { l.again(from) })
		}
		l.ends[to].blocked = append(l.ends[to].blocked, b)
		return
	}
	time.AfterFunc(trip, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.arrive(from, b)
	})
}

// again sends what waited for the end of an outage.
func (l *line) again(from int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.ends[1-from].blocked
	l.ends[1-from].blocked = nil
	for _, b := range waiting {
		l.send(from, b)
	}
}

// arrive has a segment pass the NAT, and its acknowledgement. l.mu is held.
func (l *line) arrive(from int, b []byte) {
	now := time.Now()
	if l.nat.after > 0 && now.Sub(l.kept) > l.nat.after {
		l.gone = true
	}
	if l.gone {
		if l.nat.rst && from == 0 {
			l.fail(0, syscall.ECONNRESET)
		}
		return
	}
	out := from == 0
	if l.closes != nil {
		l.closes.Reset(l.nat.hold)
	}
	kept := !l.nat.inOnly && !l.nat.outOnly || l.nat.inOnly && !out || l.nat.outOnly && out
	if kept || !l.nat.dataOnly {
		l.kept = now
	}
	l.ends[1-from].in = append(l.ends[1-from].in, b...)
	l.wake.Broadcast()
}

// side is one end of a line.
type side struct {
	line *line
	at   int
}

func (s side) Read(b []byte) (int, error) {
	l := s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	me := &l.ends[s.at]
	for len(me.in) == 0 && me.err == nil && !me.closed {
		l.wake.Wait()
	}
	switch {
	case len(me.in) > 0:
		n := copy(b, me.in)
		me.in = me.in[n:]
		return n, nil
	case me.err != nil:
		return 0, me.err
	}
	return 0, net.ErrClosed
}

func (s side) Write(b []byte) (int, error) {
	l := s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	switch me := &l.ends[s.at]; {
	case me.closed:
		return 0, net.ErrClosed
	case me.err != nil && !errors.Is(me.err, io.EOF):
		return 0, me.err
	}
	l.send(s.at, append([]byte(nil), b...))
	return len(b), nil
}

// Close ends this side; the other one hears of it as of a segment.
func (s side) Close() error {
	l := s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ends[s.at].closed {
		return nil
	}
	l.ends[s.at].closed = true
	if l.closes != nil {
		l.closes.Stop()
	}
	l.wake.Broadcast()
	if outage, _ := l.out(); !outage && !l.gone {
		time.AfterFunc(trip, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.fail(1-s.at, io.EOF)
		})
	}
	return nil
}
