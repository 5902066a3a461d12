package queue

import (
	"encoding/binary"
	"slices"
	"sort"
)

// A share is a session that nobody connects to: its members, which are sessions, draw from it (shared subscriptions of
// MQTT). Give moves one delivery from the share into the ring of a member, under an ordinal of the member's own; who is
// given the next one is for the caller to say, a share only refuses members that have no room. So nothing piles up with a
// slow member while others are idle, and ring, window, packet ids, Receive Maximum and PUBREL are the member's own.
//
// Until the member acknowledges at QoS 1, the delivery is lent: it stays in flight in the share, which alone answers for
// it, on the disk too, and is given to another member when the connection of the first ends. At QoS 2 it is bound to the
// member: before PUBLISH leaves, one record says that the share owes it no more, and, if the member is durable, that the
// member does. With a share and a member in memory only that happens when the member takes it, and costs nothing.
//
// In a share every delivery is of QoS 1 whatever its message has: nothing but Give looks at that, and no packet id of a
// share is ever sent, so that it has nothing to sweep. The lock of a member is taken before that of a share.

// Given is what came of Session.Give.
type Given uint8

const (
	GaveNothing Given = iota // nothing waits that could be given now
	NoRoom                   // something waits, and this member has no room for it, does not take it, or is not connected
	Gave                     // the member has one more to take with Next
)

// A Share is how a member wants what it draws.
type Share struct {
	QoS               byte     // the highest
	RetainAsPublished bool     // the RETAIN flag is kept
	SubscriptionIDs   []uint32 // kept by reference; must not change afterwards

	// Takes tells whether the message is for this member, nil: all are. It is called with locks held, and must answer at once.
	Takes func(*Message) bool
}

// share is the part of a session that only a share has.
type share struct {
	pool    *Pool // what its messages take room from; nil: it has all it may have to itself
	done    int   // entries in flight that are done
	asked   bool  // a member with room has found nothing in memory: one delivery may be read whatever the pool says
	starved bool  // the store had no room for the record that binds a delivery: tend wakes us
}

// loan is where a lent delivery came from.
type loan struct {
	from    *Session
	ordinal uint64 // there; 0: the log says that the share owes it no more
	retain  bool   // as published
}

// SetShared makes a durable session a share again after a restart. It must come before anything else that is done with it.
func (x *Session) SetShared() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.o.Shared, x.shared = true, &share{}
	for _, s := range x.sweeps {
		x.complete.add(s)
	}
	x.sweeps = nil
}

// Load is how many deliveries a session has before it, in flight or in memory: the measure by which members of a share are
// compared.
func (x *Session) Load() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.unacked + x.ring.len()
}

// lead is how many deliveries may wait in the ring of a member that it has not taken yet.
const lead = 256

// hasRoom tells whether a member may draw one more: it takes what it has been given.
func (x *Session) hasRoom(size int32) bool {
	n := x.ring.len()
	return x.connected && !x.ended && !x.spilled && x.resend == x.flight.len() && n < lead &&
		x.flight.len()+n < x.o.Window && x.unacked+n < x.quota && x.fits(size)
}

// Give gives a member the next delivery of a share, with the lower QoS of message and member. What has expired is dropped
// on the way. When there is nothing, or the store is busy, the Waker of the share is called when that has changed.
func (x *Session) Give(member *Session, o *Share) Given {
	given, bind := x.hand(member, o, false)
	if bind {
		x.s.mu.Lock()
		given, _ = x.hand(member, o, true)
		x.s.mu.Unlock()
	}
	return given
}

// hand is Give. bind: the delivery has to be bound, which only who holds the lock of the store may do.
func (x *Session) hand(member *Session, o *Share, locked bool) (_ Given, bind bool) {
	member.mu.Lock()
	defer member.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.nextOfShare()
	if e == nil {
		x.shared.asked = x.spilled && member.hasRoom(0)
		x.askFill()
		return GaveNothing, false
	}
	x.shared.asked = false
	if !member.hasRoom(e.size) || o.Takes != nil && !o.Takes(e.m) {
		return NoRoom, false
	}
	d := entry{
		m: e.m, qos: min(e.m.QoS, o.QoS), retain: e.retain && o.RetainAsPublished, ids: o.SubscriptionIDs, size: e.size,
		dup: e.dup || e.holder() == member.number,
	}
	if d.qos == 2 && (x.durable || member.durable) {
		if !locked {
			return NoRoom, true
		}
		return x.bind(member, e, d), false
	}
	if d.qos == 0 {
		x.settleLent(x.lend(e))
	} else {
		l := x.lend(e)
		l.setHolder(member)
		member.borrow(&d, loan{from: x, ordinal: l.ordinal})
	}
	member.occupy(d.size)
	member.ring.push(d)
	x.askFill()
	return Gave, false
}

// holder is the number of the member that has, or had, a delivery of a share. The field means nothing else while it waits.
func (e *entry) holder() uint64 { return uint64(e.rec) }

func (e *entry) setHolder(member *Session) { e.rec = Receipt(member.number) }

// borrow gives a delivery its ordinal and notes whose it is. It may be the first one after a restart that left doubt, as in
// enqueueLocked: a sweep that came later would take the ordinals of loans for skipped ones.
func (x *Session) borrow(d *entry, l loan) {
	if x.doubt {
		x.sweepDoubt()
	}
	d.ordinal, d.lent = x.next, true
	x.next++
	if x.loans == nil {
		x.loans = map[uint64]loan{}
	}
	x.loans[d.ordinal] = l
}

// nextOfShare finds what is next in order: what has come back from a member, then the ring.
func (x *Session) nextOfShare() *entry {
	for ; x.resend < x.flight.len(); x.resend++ {
		e := x.flight.at(x.resend)
		if e.state != waiting || e.counted {
			continue
		}
		why, old := x.tooOld(e.m, e.qos)
		if !old {
			return e
		}
		x.drop(why, 1)
		if x.settle(e) {
			x.markDirty()
		}
		x.shared.done++
	}
	x.expire()
	if x.ring.len() == 0 {
		return nil
	}
	return x.ring.at(0)
}

// lend moves what nextOfShare found into flight. What members have is not counted in the memory of a share: it is in theirs.
func (x *Session) lend(e *entry) *entry {
	if x.resend < x.flight.len() {
		x.resend++
	} else {
		x.flight.push(x.ring.pop())
		x.resend = x.flight.len()
		e = x.flight.at(x.resend - 1)
		x.pulled = e.ordinal + 1
	}
	x.occupy(-e.size)
	x.unacked++
	e.counted = true
	return e
}

// settleLent makes a delivery that a member had complete.
func (x *Session) settleLent(e *entry) {
	if e.owed != nil {
		e.owed.complete()
	}
	x.occupy(e.size) // settle takes it off
	if x.settle(e) {
		x.markDirty()
	}
	x.shared.done++
	x.tidy()
}

// tidy lets go of what is complete in flight: at the front, and, because one slow member keeps the front for long, elsewhere
// when it has become the greater part.
func (x *Session) tidy() {
	for x.flight.len() > 0 && x.over(x.flight.at(0)) {
		x.flight.pop()
		x.resend = max(0, x.resend-1)
	}
	const few = 64
	if n := x.flight.len(); n == 0 || x.shared.done < max(few, n/2) {
		return
	}
	x.flight.keep(func(e *entry) bool { return !x.over(e) })
	x.resend, x.shared.done = 0, 0
}

func (x *Session) over(e *entry) bool {
	return e.state == done || e.state == taken && x.s.resolved(e.rec)
}

// lent finds a delivery in flight by its ordinal.
func (x *Session) lent(ordinal uint64) (*entry, int) {
	i := sort.Search(x.flight.len(), func(i int) bool { return x.flight.at(i).ordinal >= ordinal })
	if i == x.flight.len() || x.flight.at(i).ordinal != ordinal || x.flight.at(i).state != waiting {
		return nil, 0
	}
	return x.flight.at(i), i
}

// repay tells the share that a delivery is over as far as it is concerned: acknowledged, expired, or bound.
func (x *Session) repay(e *entry) {
	l := x.loans[e.ordinal]
	delete(x.loans, e.ordinal)
	e.lent = false
	if l.ordinal == 0 {
		return
	}
	l.from.mu.Lock()
	defer l.from.mu.Unlock()
	if owed, _ := l.from.lent(l.ordinal); owed != nil {
		l.from.settleLent(owed)
	}
}

// unsent is a delivery that was bound to a session in memory, and never left.
type unsent struct {
	from   *Session
	m      *Message
	retain bool
}

// giveBack returns what shares have lent to this connection, when that has ended. What was bound to a session in memory and
// has not left goes back too: nobody has begun to send it.
func (x *Session) giveBack() (back []unsent) {
	giveBack := func(e *entry) {
		l := x.loans[e.ordinal]
		x.occupy(-e.size)
		if l.ordinal == 0 {
			back = append(back, unsent{l.from, e.m, l.retain})
		} else {
			l.from.takeBack(l.ordinal)
		}
	}
	for i := range x.flight.len() {
		if e := x.flight.at(i); e.lent {
			giveBack(e)
			if e.counted {
				x.unacked--
			}
			*e = entry{ordinal: e.ordinal, qos: e.qos, state: done}
		}
	}
	x.popDone()
	x.ring.keep(func(e *entry) bool {
		if e.lent {
			giveBack(e)
		}
		return !e.lent
	})
	x.loans = nil
	return back
}

// takeBack makes a lent delivery wait again, in its old place.
func (x *Session) takeBack(ordinal uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, i := x.lent(ordinal)
	if e == nil {
		return
	}
	e.counted = false
	x.unacked--
	x.occupy(e.size)
	x.resend = min(x.resend, i)
}

// bind makes a delivery of QoS 2 the member's own, under all three locks.
func (x *Session) bind(member *Session, e *entry, d entry) Given {
	s, r := x.s, x.s.pending.number
	if _, full := member.overfull(1, e.m.weight()); full && member.durable {
		return NoRoom
	}
	if !x.mayBind(member, e) {
		return GaveNothing
	}
	e = x.lend(e)
	retain, it, owed := e.retain, e.it, e.owed
	fresh := owed != nil && e.gate == r // not on its way to the disk yet
	switch {
	case fresh && member.durable && member.place.before(r, x, e.ordinal):
		at := place{r, x, e.ordinal}
		x.bound(e, done, 0)
		owed.x, owed.number, owed.qos, owed.retain, owed.ids = member, member.number, 2, d.retain, d.ids
		member.enqueueLocked(it, owed, r)
		member.place = at
		s.force()
	case member.durable:
		to := []Target{{Session: member, QoS: 2, Retain: d.retain, SubscriptionIDs: d.ids}}
		copied := s.newItem(withoutRetain(d.m), to, 1, from{})
		copied.fixed = true
		member.enqueueLocked(copied, &copied.to[0], r)
		s.addBound(d.m.size()+bindBytes, copied, x.leave(e, r))
	default:
		d.gate = r
		member.borrow(&d, loan{from: x, retain: retain})
		member.occupy(d.size)
		member.ring.push(d)
		// Where a packet id is held with the message, its publisher does not send it again: it has to be written for
		// the share, or what is left of a torn group could owe it to nobody.
		if fresh && it.by.session == 0 && !owed.leave() {
			x.bound(e, done, 0)
			s.force()
		} else {
			s.addBound(bindBytes, x.leave(e, r))
		}
	}
	x.tidy()
	return Gave
}

// place is where the last message of a session is in the log, as far as that is not written yet.
type place struct {
	group   Receipt
	from    *Session // if it is a message of this share, whose record was made out to the session
	ordinal uint64   // there
}

// before tells whether the record of a message that waits in the pending group, of a share, may be made out to a session whose
// last message is here. In the log the messages of a session must be in the order of their ordinals.
func (p *place) before(pending Receipt, from *Session, ordinal uint64) bool {
	return p.group < pending || p.from == from && p.ordinal < ordinal
}

// bindBytes bounds what the records of a binding have besides the message.
const bindBytes = smallRecord

// leave has the log say that the share owes a delivery no more. Until that is durable, nothing else may say so. It returns
// nil if the share is in memory.
func (x *Session) leave(e *entry, r Receipt) *item {
	if !x.durable {
		x.bound(e, done, 0)
		return nil
	}
	if e.owed != nil {
		e.owed.encode() // a publisher may have been promised that with its group
	}
	run, weight := runRecord{x.number, e.ordinal, 1}, e.m.weight()
	x.bound(e, taken, r)
	x.markDirty()
	return &item{typ: recTaken, other: &other{body: binary.AppendUvarint(run.append(nil), weight)}}
}

// bound ends what the share has of a delivery. In state done the log was not, and will not be, told that it was ever owed.
func (x *Session) bound(e *entry, as state, r Receipt) {
	weight := uint32(e.m.weight())
	if x.durable {
		x.unowe(e.m, as == taken)
	}
	x.unacked--
	x.shared.done++
	*e = entry{ordinal: e.ordinal, qos: e.qos, state: as, rec: r, weight: weight}
}

// mayBind tells whether the log takes the records of a binding now. If not, the share is woken when it may.
func (x *Session) mayBind(member *Session, e *entry) bool {
	s := x.s
	if s.err != nil {
		return false
	}
	if !member.durable {
		return true
	}
	bytes := e.m.size() + targetSize(nil)
	switch err := s.admit(bytes); {
	case err != nil && s.pending.bytes == 0 && s.writing != nil:
		s.park(x, s.writing.number)
	case err != nil:
		s.park(x, s.pending.number)
	case int64(s.waiting()+bytes) > s.space.small:
		x.shared.starved = true
	default:
		return true
	}
	return false
}

// withoutRetain is a message whose retained copy is kept elsewhere.
func withoutRetain(m *Message) *Message {
	if !m.Retain {
		return m
	}
	c := *m
	c.Retain = false
	return &c
}

// addBound has the records of a binding committed now, all or none. Of the parts some may be nil.
func (s *Store) addBound(bytes int, parts ...*item) {
	parts = slices.DeleteFunc(parts, func(it *item) bool { return it == nil })
	switch len(parts) {
	case 0:
		s.force()
	case 1:
		s.add(parts[0], bytes)
	default:
		s.add(&item{typ: recBatch, other: &other{batched: parts}}, bytes)
	}
}

// putBack puts a message into the log for the share that it came from, as if it had just been published.
func (s *Store) putBack(u unsent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	to := []Target{{Session: u.from, QoS: 1, Retain: u.retain}}
	it := s.newItem(withoutRetain(u.m), to, 1, from{})
	it.fixed = true
	s.deliver(it, to)
	s.add(it, u.m.size()+smallRecord)
}

// wakeStarved wakes the shares that found no room for what binds a delivery.
func (s *Store) wakeStarved() {
	for x := range s.Sessions() {
		x.mu.Lock()
		wake := x.shared != nil && x.shared.starved
		if wake {
			x.shared.starved = false
		}
		x.mu.Unlock()
		if wake {
			x.wake()
		}
	}
}
