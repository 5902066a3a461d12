package queue

import (
	"iter"
	"slices"
	"time"

	"skerry/queue/slotlog"
)

// A Waiting is a delivery that a session owes, as Peek shows it.
type Waiting struct {
	Delivery               // Message is nil when Release is set
	Age      time.Duration // at least, see Store.Since
	InFlight bool          // given to the connection, not acknowledged yet
}

// Connected tells whether a connection is there.
func (x *Session) Connected() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.connected
}

// Peek yields what the session owes, in the order of delivery: in flight, in memory, and on the disk. It takes nothing
// and holds no lock while it yields. What is acknowledged or published meanwhile may be shown or not. Packet ids of which
// only PUBREL is left are shown while they are in flight.
func (x *Session) Peek() iter.Seq[Waiting] {
	return func(yield func(Waiting) bool) {
		p := x.startPeek()
		for _, w := range p.memory {
			if !yield(w) {
				return
			}
		}
		if p.spilled {
			p.readOn(yield)
		}
	}
}

// peek is one reading of what waits behind the memory of a session.
type peek struct {
	x        *Session
	memory   []Waiting
	spilled  bool
	want     uint64
	cursor   slotlog.Position
	complete spans
	released spans
	kept     spans
	dupBelow uint64
}

func (x *Session) startPeek() *peek {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := &peek{
		x: x, spilled: x.spilled, want: x.want,
	}
	if x.durable {
		p.cursor, p.dupBelow = x.cursor, x.dupBelow
		p.complete, p.released, p.kept = slices.Clone(x.complete), slices.Clone(x.released), slices.Clone(x.kept)
	}
	p.memory = make([]Waiting, 0, x.flight.len()+x.ring.len())
	for i := range x.flight.len() {
		if e := x.flight.at(i); e.state != done && e.state != taken {
			p.memory = append(p.memory, x.waiting(e, x.underway(e)))
		}
	}
	for i := range x.ring.len() {
		p.memory = append(p.memory, x.waiting(x.ring.at(i), false))
	}
	return p
}

func (x *Session) waiting(e *entry, inFlight bool) Waiting {
	d := Delivery{
		Message: e.m, Ordinal: e.ordinal, QoS: e.qos, Dup: e.dup, Retain: e.retain,
		Release: e.state == received, SubscriptionIDs: e.ids,
	}
	switch {
	case x.shared != nil && e.m != nil:
		d.QoS = e.m.QoS // what a member gets at most
	case e.ordinal != 0:
		d.PacketID = x.packetID(e.ordinal)
	}
	w := Waiting{Delivery: d, InFlight: inFlight}
	if e.state == received {
		w.Message = nil
	}
	if e.m != nil {
		w.Age = x.s.Age(e.m)
	}
	return w
}

// readOn reads the log from the cursor on, up to what is not durable yet, and then that.
func (p *peek) readOn(yield func(Waiting) bool) {
	r := p.x.s.log.NewReader()
	defer r.Close()
	for {
		stopped := p.readLog(r, yield)
		if stopped {
			return
		}
		rest, again := p.undurable()
		if again {
			continue
		}
		for _, e := range rest {
			if !p.show(e, yield) {
				return
			}
		}
		return
	}
}

func (p *peek) readLog(r *slotlog.Reader, yield func(Waiting) bool) (stopped bool) {
	p.cursor = r.Read(p.cursor, func(rec slotlog.Record) bool {
		eachMessage(rec, func(m *messageRecord) {
			for _, l := range m.collect(nil, p.x.number, p.want, rec.At) {
				stopped = stopped || !p.show(l.e, yield)
			}
		})
		return !stopped
	})
	return stopped
}

// show yields a delivery unless its message is not owed any more.
func (p *peek) show(e entry, yield func(Waiting) bool) bool {
	if e.ordinal < p.want || p.complete.has(e.ordinal) || p.released.has(e.ordinal) {
		return true
	}
	p.want = e.ordinal + 1
	e.dup = e.ordinal < p.dupBelow
	if p.kept.has(e.ordinal) {
		e.state = received
	}
	return yield(p.x.waiting(&e, false))
}

// undurable gives what is in the groups that are pending or being written. again: more has become durable since.
func (p *peek) undurable() (rest []entry, again bool) {
	s := p.x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.cursor.Before(s.log.End()) {
		return nil, true
	}
	for _, g := range []*group{s.writing, s.pending} {
		if g == nil {
			continue
		}
		for it := range g.messages {
			for i := range it.to {
				if t := &it.to[i]; t.x == p.x && !t.done() {
					rest = append(rest, entry{m: it.m, ordinal: t.ordinal, qos: t.qos, retain: t.retain, ids: t.ids})
				}
			}
		}
	}
	return rest, false
}
