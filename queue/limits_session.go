package queue

import (
	"fmt"
	"iter"

	"skerry/queue/slotlog"
)

// limited tells whether the session has a limit that publishing has to look at.
func (l *Limits) limited() bool { return l.Messages > 0 || l.Bytes > 0 }

// SetName changes what log lines call a durable session. It is not stored.
func (x *Session) SetName(name string) {
	if !x.durable {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.o.Name = name
}

// SetLimits changes the limits of a durable session, from the next message on.
func (x *Session) SetLimits(l Limits) {
	if !x.durable {
		return
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.o.Limits = l
}

// SetWindow changes how many deliveries of QoS 1 and 2 of a durable session may be unacknowledged at once, and how much memory, in bytes, what waits and
// what is in flight may take together: more than by default for a receiver that takes many messages in one packet. The window is at most as wide as the
// session has packet ids. It is not stored; a restart begins with the default.
func (x *Session) SetWindow(deliveries, bytes int) {
	if !x.durable {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.o.Window = max(min(deliveries, int(x.o.PacketIDs.Count)), 1)
	x.o.RingMessages, x.o.RingBytes = max(x.o.RingMessages, deliveries), max(bytes, defaultBytes)
}

// overfull tells whether there is no room for so many more messages of that weight together, and which limit says so.
func (x *Session) overfull(messages, weight uint64) (why Reason, full bool) {
	l := &x.o.Limits
	switch {
	case l.Messages > 0 && x.load.messages+messages > l.Messages:
		return DroppedMessages, true
	case l.Bytes > 0 && x.load.bytes+weight > l.Bytes:
		return DroppedBytes, true
	}
	return 0, false
}

// rejects finds a target that refuses the message, before anything is enqueued. The lock of the store is held, under
// which alone limits change, so that sessions without this policy cost no lock of their own.
func rejects(m *Message, to []Target) error {
	for i := range to {
		if !to[i].mayReject() {
			continue
		}
		if err := to[i].Session.rejects(1, m.weight()); err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) mayReject() bool {
	l := &t.Session.o.Limits
	return t.logged() && l.WhenFull == Reject && l.limited()
}

func (x *Session) rejects(messages, weight uint64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	why, full := x.overfull(messages, weight)
	if full && x.shedExpired() {
		why, full = x.overfull(messages, weight)
	}
	if !full || x.ended {
		return nil
	}
	x.drop(DroppedRejected, 1)
	x.markDirty()
	limit := fmt.Sprintf("%d messages", x.o.Limits.Messages)
	if why == DroppedBytes {
		limit = fmt.Sprintf("%d bytes", x.o.Limits.Bytes)
	}
	return &FullError{Session: x.number, Limit: limit}
}

// room makes room for one more message as the policy says. False: this session does not get it. A message of a
// batch, which nobody could be told of, is dropped where others are refused.
func (x *Session) room(m *Message) bool {
	if !x.o.Limits.limited() {
		return true
	}
	l, weight := &x.o.Limits, m.weight()
	for {
		why, full := x.overfull(1, weight)
		if !full {
			return true
		}
		if x.shedExpired() {
			continue
		}
		hopeless := l.Bytes > 0 && weight > l.Bytes // it would not fit an empty queue either
		if l.WhenFull != DropOldest || hopeless || !x.dropOldest(why) {
			x.drop(why, 1)
			x.markDirty()
			return false
		}
	}
}

// dropOldest drops the oldest delivery. What is in flight on a connection is not touched, only what was in flight when
// there was one. Both locks are held. False: there is nothing that may be dropped.
func (x *Session) dropOldest(why Reason) bool {
	if !x.connected && x.dropInFlight(why) || x.dropWaiting(why) {
		return true
	}
	if x.spilled {
		for g := range x.unread(x.want, x.next) {
			x.dropUnread(g.from+1, why)
			return true
		}
	}
	return false
}

// dropWaiting drops the oldest message of QoS 1 or 2 in the ring. Of some entries only PUBREL is left: those stay.
func (x *Session) dropWaiting(why Reason) bool {
	for i := range x.ring.len() {
		if e := x.ring.at(i); e.m != nil && e.qos > 0 && !e.lent {
			x.dropAt(i, why)
			return true
		}
	}
	return false
}

// dropAt drops a message of the ring. If its receiver may hold its packet id, from before the restart, PUBREL is to
// follow in its place.
func (x *Session) dropAt(i int, why Reason) {
	q := x.ring.take(i)
	x.occupy(-q.size)
	x.settled(&q)
	x.give(span{q.ordinal, q.ordinal + 1}, q.m.weight(), q.dup && q.qos == 2)
	x.advance()
	if q.state != received { // else its receiver has it, unless that loses it
		x.drop(why, 1)
	}
	x.markDirty()
}

// give notes that the messages of some ordinals are not owed any more. held: they may have been sent at QoS 2, so
// PUBREL has to free their packet ids, also after a restart that finds their messages gone.
func (x *Session) give(g span, bytes uint64, held bool) {
	switch {
	case g.to <= g.from:
		return
	case !held:
		x.complete.add(g)
		return
	}
	x.sweeps.add(g)
	x.released.add(g)
	x.kept.cut(g)
	s := x.s
	r := s.add(&item{typ: recReceived, other: &other{run: runRecord{x.number, g.from, g.to - g.from}, bytes: bytes}}, smallRecord)
	if r != x.gave {
		x.gave, x.given = r, load{}
	}
	x.given.messages += g.to - g.from
	x.given.bytes += bytes
}

// advance moves pulled to the lowest ordinal that waits.
func (x *Session) advance() {
	low := x.next
	if x.spilled {
		low = x.want
	}
	if len(x.sweeps) > 0 {
		low = min(low, x.sweeps[0].from)
	}
	for i := range x.ring.len() {
		if o := x.ring.at(i).ordinal; o > 0 {
			low = min(low, o)
			break
		}
	}
	x.pulled = max(x.pulled, low)
	x.complete.cutBelow(x.pulled)
}

// dropUnread drops what is only in the log, below an ordinal.
func (x *Session) dropUnread(to uint64, why Reason) { x.dropLogged(x.want, to, why) }

// dropLogged drops what is only in the log, of some ordinals, without reading it. The bytes are known by segment: within
// one, messages are taken for equally long.
func (x *Session) dropLogged(from, to uint64, why Reason) {
	from, to = max(from, x.want), min(to, x.next)
	if !x.spilled || to <= from {
		return
	}
	var sum load
	confirmed := uint64(0)
	for g := range x.unread(from, to) {
		sum.messages += g.to - g.from
		confirmed += x.kept.within(g).ordinals()
		sum.bytes += x.bytesOf(g)
		sent := max(g.from, min(g.to, x.sentBelow()))
		x.give(span{g.from, sent}, x.bytesOf(span{g.from, sent}), true)
		x.give(span{sent, g.to}, 0, false)
	}
	x.load.sub(sum)
	if x.load.messages == 0 {
		x.load.bytes = 0
	}
	if from == x.want {
		x.want = to
	}
	if x.want == x.next { // nothing is left there: what comes next may use the ring
		x.spilled, x.cursor = false, slotlog.Position{}
	}
	x.advance()
	if sum.messages > 0 {
		x.drop(why, sum.messages-confirmed)
		x.markDirty()
	}
}

// sentBelow bounds the ordinals that may have been sent at QoS 2 before the restart: never a whole turn of packet ids
// beyond what was durably complete then.
func (x *Session) sentBelow() uint64 {
	if !x.second {
		return 0
	}
	return min(x.dupBelow, x.base+uint64(x.o.PacketIDs.Count))
}

// unread yields the ordinals of messages that are only in the log.
func (x *Session) unread(from, to uint64) iter.Seq[span] {
	return func(yield func(span) bool) {
		for from < to {
			end := to
			for _, s := range []spans{x.complete, x.sweeps, x.released} {
				if f, t := s.gap(from); f > from {
					end = from // covered: go on behind it
					from = f
					break
				} else {
					end = min(end, t)
				}
			}
			if end > from && !yield(span{from, end}) {
				return
			}
			from = max(from, end)
		}
	}
}

// dropInFlight drops the oldest message in flight: at QoS 1 it is settled, at QoS 2 PUBREL is left of it. One whose
// PUBREC came is none any more, or is kept: that it is kept no longer is not counted.
func (x *Session) dropInFlight(why Reason) bool {
	for i := range x.flight.len() {
		e := x.flight.at(i)
		if e.m != nil && !e.lent {
			x.dropFlying(e, why)
			x.popDone()
			return true
		}
	}
	return false
}

func (x *Session) dropFlying(e *entry, why Reason) {
	confirmed := e.state == received
	if e.qos == 2 {
		e.state, e.rec = received, x.s.pending.number
		x.forgo(e)
		x.s.addReceived(x, e)
	} else {
		x.settle(e)
	}
	if !confirmed {
		x.drop(why, 1)
	}
	x.markDirty()
}

// tellSessions logs which sessions have become full since it was called last, and which have room again.
func (s *Store) tellSessions() {
	for _, x := range s.sessions {
		x.mu.Lock()
		if x.o.Limits.limited() || x.full.told {
			x.tell()
		}
		x.mu.Unlock()
	}
}

// fullness is what the log was told of a session.
type fullness struct {
	drops uint64 // by its limits, until then
	told  bool
}

func (d *Drops) byLimits() uint64 { return d[DroppedMessages] + d[DroppedBytes] + d[DroppedRejected] }

func (x *Session) tell() {
	f, l := &x.full, &x.o.Limits
	drops := x.dropped()
	n := drops.byLimits() - x.byStore
	log := x.s.o.Log.With("session", x.number, "name", x.o.Name, "messages", x.load.messages, "bytes", x.load.bytes)
	switch {
	case n > f.drops && !f.told:
		log.Warn("the queue of a session is full", "when_full", l.WhenFull.String(), countWord(l.WhenFull), n-f.drops, "most_messages", l.Messages, "most_bytes", l.Bytes)
		f.told = true
	case n == f.drops && f.told:
		if _, full := x.overfull(1, 0); !full {
			log.Info("the queue of a session has room again")
			f.told = false
		}
	}
	f.drops = n
}

// countWord says what has become of the messages that are counted.
func countWord(p Policy) string {
	if p == Reject {
		return "refused"
	}
	return "dropped"
}

// markOf is what a sealed segment holds for the session.
func (x *Session) markOf(segment uint64) (mark, bool) {
	for i := range x.marks {
		if x.marks[i].segment == segment {
			return x.marks[i], true
		}
	}
	return mark{}, false
}

// flies tells whether a message of these ordinals is in flight.
func (x *Session) flies(from, to uint64) bool {
	for i := range x.flight.len() {
		if e := x.flight.at(i); e.m != nil && !e.lent && e.ordinal >= from && e.ordinal < to {
			return true
		}
	}
	return false
}

// dropRange drops all deliveries of some ordinals, except what is in flight on a connection.
func (x *Session) dropRange(from, to uint64, why Reason) {
	within := func(e *entry) bool {
		return e.m != nil && e.qos > 0 && !e.lent && e.ordinal >= from && e.ordinal < to
	}
	for i := 0; i < x.flight.len() && !x.connected; i++ {
		if e := x.flight.at(i); within(e) {
			x.dropFlying(e, why)
		}
	}
	x.popDone()
	for i := 0; i < x.ring.len(); {
		if within(x.ring.at(i)) {
			x.dropAt(i, why)
		} else {
			i++
		}
	}
	x.dropLogged(from, to, why)
}
