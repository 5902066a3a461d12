package linktest

import (
	"slices"
	"syscall"
	"time"
)

const (
	timerSlack = 200 * time.Millisecond // of a retransmission timer above the round trip
	maxBackoff = 2 * time.Minute
	ackDelay   = 40 * time.Millisecond
)

// pair is a connection: two ends, and what flows between them. All of it is guarded by the link's mu.
type pair struct {
	link      *Link
	near, far *end
	up, down  *flow
	used      time.Time // by the NAT's account
	forgotten bool      // by the NAT
	homeless  bool      // the dialler's address is gone
}

// segment is sent and not acknowledged.
type segment struct {
	b    []byte
	fin  bool
	sent time.Time
	at   time.Time // when it arrives
}

// flow is one direction of a pair.
type flow struct {
	pair     *pair
	way      *way // its own direction
	back     *way // that of its acknowledgements
	from, to *end
	flight   []segment
	unacked  int    // bytes
	arrived  []byte // and not read
	ended    bool   // the end of it has arrived
	backoff  time.Duration
	owed     int // segments that were not acknowledged by a packet yet
	timer    *time.Timer
}

func (l *Link) newPair() *pair {
	p := &pair{link: l, used: time.Now()}
	p.near, p.far = &end{link: l, local: "near"}, &end{link: l, local: "far"}
	p.up = &flow{pair: p, way: &l.up, back: &l.down, from: p.near, to: p.far}
	p.down = &flow{pair: p, way: &l.down, back: &l.up, from: p.far, to: p.near}
	p.near.out, p.near.in, p.far.out, p.far.in = p.up, p.down, p.down, p.up
	l.pairs = append(l.pairs, p)
	return p
}

// touch shows a packet to the NAT, and tells whether it passes.
func (p *pair) touch() bool {
	now := time.Now()
	if idle := p.link.options.NAT.Idle; idle > 0 && now.Sub(p.used) >= idle {
		p.forgotten = true
	}
	if !p.forgotten {
		p.used = now
	}
	return !p.forgotten
}

// reaches tells whether packets get from one end to the other.
func (p *pair) reaches() bool {
	return !p.link.hole && !p.link.isDown && !p.forgotten && !p.homeless
}

// room is how many bytes may be written.
func (f *flow) room() int { return f.pair.link.options.Buffer - f.unacked }

// write sends what has room, as segments.
func (f *flow) write(b []byte, fin bool) {
	f.unacked += len(b)
	f.pair.reverse(f).owed = 0 // an acknowledgement rides along
	for {
		n := min(len(b), segmentSize)
		f.send(segment{b: slices.Clone(b[:n]), fin: fin && n == len(b)})
		if b = b[n:]; len(b) == 0 {
			break
		}
	}
	f.advance()
}

func (p *pair) reverse(f *flow) *flow {
	if f == p.up {
		return p.down
	}
	return p.up
}

// send puts a segment on its way.
func (f *flow) send(s segment) {
	l := f.pair.link
	s.sent = time.Now()
	size := len(s.b) + headers
	f.way.sent(len(s.b), headers)
	f.way.count.Payload += int64(len(s.b))
	s.at = f.way.leaves(s.sent, size).Add(f.way.c.Delay)
	if f.way.c.Jitter > 0 {
		s.at = s.at.Add(time.Duration(l.chance.Int64N(int64(f.way.c.Jitter))))
	}
	for f.way.c.Loss > 0 && l.chance.Float64() < f.way.c.Loss {
		f.way.sent(len(s.b), headers)
		f.way.count.Lost++
		s.at = s.at.Add(l.roundTrip() + timerSlack)
	}
	if n := len(f.flight); n > 0 && s.at.Before(f.flight[n-1].at) {
		s.at = f.flight[n-1].at
	}
	if f == f.pair.up && !f.pair.touch() && l.options.NAT.Reset {
		f.from.fail(syscall.ECONNRESET)
		return
	}
	f.flight = append(f.flight, s)
}

// leaveAgain has what is on its way leave from now on: it could not before.
func (f *flow) leaveAgain() {
	now := time.Now()
	for i := range f.flight {
		s := &f.flight[i]
		if at := f.way.leaves(now, len(s.b)+headers).Add(f.way.c.Delay); at.After(s.at) {
			s.at = at
		}
	}
}

// advance delivers what has arrived by now, and comes again when more has.
func (f *flow) advance() {
	for len(f.flight) > 0 {
		s := &f.flight[0]
		if left := time.Until(s.at); left > 0 {
			f.again(left)
			return
		}
		if f.from.err != nil || f.pair.link.stalled {
			return // nobody sends it any more, or nothing moves until the stall ends
		}
		if f == f.pair.down {
			f.pair.touch()
		}
		if !f.pair.reaches() {
			f.repeat(s)
			return
		}
		f.backoff = 0
		if f.to.closed || f.to.err != nil {
			f.refused()
			return
		}
		if len(f.arrived) > 0 && len(f.arrived)+len(s.b) > f.pair.link.options.Buffer {
			return // until somebody reads
		}
		f.deliver(s)
		f.flight = f.flight[1:]
	}
}

// again calls advance later.
func (f *flow) again(d time.Duration) {
	if f.timer != nil {
		f.timer.Stop()
	}
	f.timer = f.pair.link.after(d, f.advance)
}

// after calls f later, with the lock, and wakes up whoever waits.
func (l *Link) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		f()
		l.changed.Broadcast()
	})
}

// repeat sends the oldest segment once more, into nothing.
func (f *flow) repeat(s *segment) {
	l := f.pair.link
	if time.Since(s.sent) >= l.options.GiveUp {
		f.flight = nil
		f.from.fail(syscall.ETIMEDOUT)
		return
	}
	if f.backoff == 0 {
		f.backoff = l.roundTrip() + timerSlack
	} else {
		f.backoff = min(2*f.backoff, maxBackoff)
	}
	f.way.sent(len(s.b), headers)
	f.way.count.Lost++
	s.at = time.Now().Add(f.backoff)
	f.again(f.backoff)
}

// refused is what happens to a segment for an end that is closed: its sender hears of it by RST.
func (f *flow) refused() {
	only := len(f.flight) == 1 && f.flight[0].fin && len(f.flight[0].b) == 0
	f.flight = nil
	if !only {
		f.back.sent(0, headers-12)
		f.pair.link.after(f.back.c.Delay, func() { f.from.fail(syscall.ECONNRESET) })
	}
	f.pair.over()
}

// deliver gives a segment to its end, and its acknowledgement back.
func (f *flow) deliver(s *segment) {
	l, n := f.pair.link, len(s.b)
	f.arrived = append(f.arrived, s.b...)
	f.ended = f.ended || s.fin
	f.pair.touch() // the acknowledgement
	l.after(f.back.c.Delay, func() { f.unacked -= n })
	if f.owed++; f.owed >= 2 {
		f.acknowledge()
	} else {
		l.after(ackDelay, f.acknowledge)
	}
	if s.fin {
		f.pair.over()
	}
	l.changed.Broadcast()
}

// acknowledge counts a pure acknowledgement if one is owed.
func (f *flow) acknowledge() {
	if f.owed > 0 {
		f.back.sent(0, headers)
		f.owed = 0
	}
}

// over lets the link forget a pair whose ends are both closed.
func (p *pair) over() {
	if (p.near.closed || p.near.err != nil) && (p.far.closed || p.far.err != nil) {
		p.link.pairs = slices.DeleteFunc(p.link.pairs, func(o *pair) bool { return o == p })
	}
}
