package queue

import "slices"

// Most receivers pass a QoS 2 message on when PUBREL comes, and lose it with their session if that happens before. A session that keeps what
// was received has the message until PUBCOMP, in memory and in the log, and can begin its delivery anew.

// KeepReceived has a durable session keep a QoS 2 message until its delivery is complete, from the next PUBREC on. It is not stored. The
// messages count as owed, for limits too; one that a limit takes is forgotten only, and not counted as dropped.
func (x *Session) KeepReceived(keep bool) {
	if !x.durable {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.keep = keep
}

// Confirmed is how many deliveries are between PUBREC and PUBCOMP: of kept ones the message is still there, of bare ones it is not.
func (x *Session) Confirmed() (kept, bare uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.flight.len() {
		switch e := x.flight.at(i); {
		case e.state != received:
		case e.m != nil:
			kept++
		case e.weight > 0 || x.durable && x.released.has(e.ordinal): // else it was skipped, and never was a message
			bare++
		}
	}
	if !x.durable {
		return kept, bare
	}
	for i := range x.ring.len() {
		if x.ring.at(i).state == received {
			kept++
		}
	}
	for _, s := range x.sweeps {
		bare += x.released.within(s).ordinals()
	}
	return kept + x.keptUnread().ordinals(), bare
}

// keptUnread are the ordinals of kept messages that are only in the log.
func (x *Session) keptUnread() (unread spans) {
	if !x.spilled {
		return nil
	}
	for g := range x.unread(x.want, x.next) {
		for _, s := range x.kept.within(g) {
			unread.add(s)
		}
	}
	return unread
}

// Republish has every message that is kept delivered once more, as if PUBREC had not come: its receiver has lost its session. It is for a
// session without connection. The messages are published when that is durable, which the receipt says, or else a restart would send PUBREL for
// an id that the new session of the receiver does not know; 0: there is none.
func (x *Session) Republish() Receipt {
	if !x.durable {
		return 0
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	back := x.keptUnread()
	for _, r := range []*ring{&x.flight, &x.ring} {
		for i := range r.len() {
			if e := r.at(i); e.state == received && e.m != nil {
				x.begin(e)
				back.add(span{e.ordinal, e.ordinal + 1})
			}
		}
	}
	x.kept = nil
	return x.giveBackReceived(back)
}

// RepublishOne is Republish for one packet id in flight: its receiver does not know it. It is delivered with the next Resume. False: nothing is
// kept under that id.
func (x *Session) RepublishOne(packetID uint16) (Receipt, bool) {
	if !x.durable {
		return 0, false
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.inFlight(packetID)
	if e == nil || e.state != received || e.m == nil {
		return 0, false
	}
	x.begin(e)
	s := span{e.ordinal, e.ordinal + 1}
	x.kept.cut(s)
	return x.giveBackReceived(spans{s}), true
}

// begin makes a kept delivery one that waits to be sent once more.
func (x *Session) begin(e *entry) {
	e.state, e.rec, e.gate, e.dup = waiting, 0, x.s.pending.number, true
}

func (x *Session) giveBackReceived(back spans) Receipt {
	for _, b := range back {
		x.again = x.s.add(&item{typ: recReceived, other: &other{run: runRecord{x.number, b.from, b.to - b.from}, what: receivedBack}}, smallRecord)
	}
	if len(back) == 0 {
		return 0
	}
	return x.again
}

// missKept has PUBREL go for what is kept and lies in no segment any more: a version that knows of nothing kept may have freed it.
func (x *Session) missKept() {
	missing := slices.Clone(x.kept)
	for i := range x.marks {
		missing.cut(span{x.marks[i].lowest, x.marks[i].highest + 1})
	}
	for _, m := range missing {
		x.kept.cut(m)
		x.released.add(m)
	}
}
