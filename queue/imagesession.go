package queue

import "slices"

// sessionState is what the log says of one durable session.
type sessionState struct {
	number   uint64
	o        SessionOptions
	next     uint64 // the ordinal the next message gets
	base     uint64 // all ordinals below are complete
	complete spans  // above base
	released spans  // PUBREC came, and the message is not needed any more
	kept     spans  // PUBREC came, and the message is kept; none of released
	sweeps   spans  // skipped, to be freed with PUBREL
	second   bool   // QoS 2 was ever queued
	hurt     bool   // messages may have been lost to damage: ordinals without a message are swept
	doubt    bool   // the log has no message of it, and ordinals were skipped
	held     map[uint16]struct{}
	logged   load // all messages so far
	acked    load // of them not needed any more
	drops    Drops
	marks    []mark
}

func newSessionState(number uint64, o SessionOptions) *sessionState {
	return &sessionState{number: number, o: o.withDefaults(), next: 1, base: 1}
}

// owe takes a message that the session is owed.
func (x *sessionState) owe(segment uint64, m *messageRecord, t *targetRecord) {
	weight := uint64(len(m.topic) + len(m.props) + len(m.payload))
	if x.doubt {
		turn := x.o.lastTurn(x.next)
		x.doubt, x.base, x.complete = false, turn.from, nil
		x.sweeps.add(turn)
	}
	x.fill(t.ordinal)
	x.next = max(x.next, t.ordinal+1)
	x.second = x.second || t.flags&targetQoS == 2
	x.logged.add(weight)
	n := len(x.marks)
	if n == 0 || x.marks[n-1].segment != segment {
		x.marks = append(x.marks, mark{segment: segment})
		n++
	}
	x.marks[n-1].note(t.ordinal, weight, Stamp{m.boot, m.at}, longestOf(m.expiry, m.flags&flagExpiry != 0))
}

// fill takes an ordinal that a message has out of the holes. If something can be read now that could not when the
// ordinals were skipped, the hole begins later than it did then, and ends among the messages that followed it.
func (x *sessionState) fill(ordinal uint64) {
	x.complete.remove(ordinal)
	x.sweeps.remove(ordinal)
}

// receive takes PUBRECs, or that those of messages which are kept count no more. Else the messages are not needed any more.
func (x *sessionState) receive(r span, bytes uint64, what byte) {
	switch what {
	case receivedKept:
		for _, f := range x.released.gaps(r.from, r.to) {
			x.kept.add(f)
		}
		return
	case receivedBack:
		x.kept.cut(r)
		return
	}
	x.kept.cut(r)
	c := x.cleared()
	if fresh := c.above.gaps(max(r.from, c.below), max(r.to, c.below)); len(fresh) > 0 {
		for _, f := range fresh {
			x.acked.messages += f.to - f.from
		}
		x.acked.bytes += bytes
	}
	x.released.add(r)
}

// take takes deliveries that are a member's from now on. An acked record may have said so already: it is written from memory,
// which is ahead of the log.
func (x *sessionState) take(r span, bytes uint64) {
	fresh := x.complete.gaps(max(r.from, x.base), max(r.to, x.base))
	for _, f := range fresh {
		x.acked.messages += f.to - f.from
		x.complete.add(f)
	}
	if len(fresh) > 0 {
		x.acked.bytes += bytes
	}
	x.next = max(x.next, r.to)
}

// acknowledge takes the whole state of acknowledgement.
func (x *sessionState) acknowledge(r *ackedRecord) {
	x.base, x.complete = max(x.base, r.base), r.above
	x.released.cutBelow(x.base)
	x.kept.cutBelow(x.base)
	x.sweeps.cutBelow(x.base)
	x.next = max(x.next, x.base)
	if n := len(r.above); n > 0 {
		x.next = max(x.next, r.above[n-1].to)
	}
	if r.flags&ackedLoad != 0 {
		x.acked = r.acked
	}
	if r.flags&ackedDrops != 0 {
		x.drops = r.drops
	}
	if x.base == x.next {
		x.acked, x.hurt = x.logged, false
	}
	x.trim()
}

// trim forgets the segments below all that is owed.
func (x *sessionState) trim() {
	i := slices.IndexFunc(x.marks, func(k mark) bool { return k.highest >= x.base })
	if i < 0 {
		i = len(x.marks)
	}
	x.marks = slices.Delete(x.marks, 0, i)
}

func (x *sessionState) hold(packetID uint16) {
	if x.held == nil {
		x.held = map[uint16]struct{}{}
	}
	x.held[packetID] = struct{}{}
}

// lastTurn is every packet id once, or as far as ordinals have come.
func (o *SessionOptions) lastTurn(next uint64) span {
	return span{max(1, next-min(next, uint64(o.PacketIDs.Count))), next}
}

// skip leaves a hole in the ordinals. Those that no message has are swept or complete. Of a session without any
// message the log may have forgotten that it used QoS 2: all its ids are swept if a message ever comes.
func (x *sessionState) skip(n uint64) {
	hole := span{x.next, x.next + min(n, uint64(x.o.PacketIDs.Count)/4)}
	x.next = hole.to
	if x.second {
		x.sweeps.add(hole)
		return
	}
	x.complete.add(hole)
	x.doubt = x.doubt || x.logged.messages == 0
}

// sweep divides what was skipped into the ordinals that have to be swept and those whose packet id is swept again before
// any message gets it. A PUBREL frees an id whatever it was taken for, and only a message of that id is swallowed meanwhile:
// the last of several is enough, so that all together are no more than one turn of the ids, and one id for each message that
// waits. It is asked when all has been replayed: until then a message may be found for an ordinal that was skipped.
func (x *sessionState) sweep() (due, again spans) {
	turn, next := uint64(x.o.PacketIDs.Count), 0
	for _, s := range x.sweeps {
		for next < len(x.sweeps) && x.sweeps[next].to <= s.from+turn {
			next++
		}
		for i := next; i < len(x.sweeps) && x.sweeps[i].from < s.to+turn; i++ {
			same := span{max(s.from, x.sweeps[i].from-min(turn, x.sweeps[i].from)), min(s.to, x.sweeps[i].to-turn)}
			due.add(span{s.from, same.from})
			again.add(same)
			s.from = same.to
		}
		due.add(s)
	}
	return due, again
}

// cleared is what needs no message any more: complete, or only PUBREL is left and the message is not kept.
func (x *sessionState) cleared() cleared {
	c := cleared{below: x.base, above: slices.Clone(x.complete)}
	for _, r := range x.released {
		c.above.add(r)
	}
	c.above.cutBelow(c.below)
	return c
}
