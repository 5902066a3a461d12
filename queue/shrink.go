package queue

import "skerry/queue/slotlog"

// What a connected session holds in memory is more than one without a connection may keep. What is too much, from the
// back, is in the log or on its way there, and is read again like all that has spilled.

// shrink leaves a session without a connection the memory it may have.
func (x *Session) shrink() {
	// A share keeps what has come back from its members: what is done in flight is not noted there, and would be read again.
	if x.durable && x.shared == nil && !x.connected && !x.ended && x.bytes > x.share() {
		x.keepShare()
	}
	x.ring.compact()
	x.flight.compact()
}

func (x *Session) keepShare() {
	left := x.share()
	flying, waiting := x.flight.within(&left), 0
	if flying == x.flight.len() {
		waiting = x.ring.within(&left)
	}
	var cut []entry
	for i := flying; i < x.flight.len(); i++ {
		cut = append(cut, *x.flight.at(i))
	}
	x.unfly(cut)
	for i := waiting; i < x.ring.len(); i++ {
		cut = append(cut, *x.ring.at(i))
	}
	x.flight.cut(flying)
	x.ring.cut(waiting)
	x.resend = min(x.resend, flying)
	x.spill(cut)
}

// spill has entries read again that were the last in memory.
func (x *Session) spill(cut []entry) {
	x.spilled, x.want = true, cut[0].ordinal
	x.cursor = x.notBehind(x.want)
	behind := x.tallies
	x.tallies = nil
	for i := range cut {
		e := &cut[i]
		x.occupy(-e.size)
		if e.m != nil && x.o.Limits.limited() {
			x.tally(e.ordinal, e.m)
		}
	}
	x.tallyBehind(cut[len(cut)-1].ordinal+1, behind)
}

// tallyBehind adds what was only in the log before, from an ordinal on.
func (x *Session) tallyBehind(from uint64, tallies []tally) {
	for _, t := range tallies {
		if at := max(t.from, from); at < t.to {
			t.from, t.bytes = at, t.bytes-t.below(at)
			x.tallies = append(x.tallies, t)
		}
	}
	for n := len(x.tallies); n >= mostTallies; n = len(x.tallies) {
		for i := range n / 2 {
			x.tallies[2*i].and(x.tallies[2*i+1])
			x.tallies[i] = x.tallies[2*i]
		}
		x.tallies = append(x.tallies[:n/2], x.tallies[n-n%2:]...)
	}
}

// notBehind is a position that no message from an ordinal on is before: the beginning of its segment, or of the first one
// that may hold it.
func (x *Session) notBehind(ordinal uint64) slotlog.Position {
	segment := x.s.marked.Load() + 1
	for i := range x.marks {
		if k := &x.marks[i]; k.highest >= ordinal {
			segment = k.segment
			break
		}
	}
	p, _ := x.s.log.FirstOf(segment)
	return p
}

// unfly makes of what was last in flight what a restart would make of it: a message that was sent is sent again, as a
// duplicate; of one whose PUBREC came PUBREL is left, which is swept, or read again with the message that is kept; and all between is complete.
func (x *Session) unfly(cut []entry) {
	if len(cut) == 0 {
		return
	}
	x.base = max(x.base, x.flight.at(0).ordinal)
	x.dupBelow = max(x.dupBelow, x.pulled)
	at := cut[0].ordinal
	for i := range cut {
		e := &cut[i]
		x.complete.add(span{at, e.ordinal})
		at = e.ordinal + 1
		switch e.state {
		case done:
			x.complete.add(span{e.ordinal, at})
		case received:
			x.leaveReceived(e)
		}
	}
	x.complete.add(span{at, x.pulled})
	x.pulled = cut[0].ordinal
}

// leaveReceived has PUBREL go as for what a limit took: when the record of its PUBREC is durable. What is kept is read again for that.
func (x *Session) leaveReceived(e *entry) {
	s := span{e.ordinal, e.ordinal + 1}
	if e.m != nil {
		x.kept.add(s)
	} else {
		x.sweeps.add(s)
		x.released.add(s)
	}
	if e.rec > x.gave {
		x.gave, x.given = e.rec, load{}
	}
	if e.rec == x.gave && e.m == nil {
		x.given.add(uint64(e.weight))
	}
}
