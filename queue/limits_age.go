package queue

import "time"

// mostAge is the age at which deliveries of the session are dropped; 0: none.
func (x *Session) mostAge() time.Duration {
	own, all := x.o.Limits.Age, x.s.o.Limits.Age
	if own == 0 || all > 0 && all < own {
		return all
	}
	return own
}

// tooOld tells whether a delivery is not to be made any more, and why. An age is what is proven: no wrong date makes a
// message older.
func (x *Session) tooOld(m *Message, qos byte) (why Reason, old bool) {
	if x.s.expired(m) {
		return DroppedExpired, true
	}
	if most := x.mostAge(); most > 0 && qos > 0 && x.durable {
		return DroppedAge, x.s.Age(m) >= most
	}
	return 0, false
}

// dropAged drops what has reached the limit of age, of all sessions. What is connected and takes what it is given needs
// nobody to do that.
func (s *Store) dropAged() {
	for _, x := range s.sessions {
		x.mu.Lock()
		if most := x.mostAge(); most > 0 {
			x.dropAged(most)
		}
		x.mu.Unlock()
	}
}

func (x *Session) dropAged(most time.Duration) {
	aged := func(r *ring) bool {
		for i := range r.len() {
			if e := r.at(i); e.m != nil && e.qos > 0 && !e.lent {
				return x.s.Age(e.m) >= most
			}
		}
		return false
	}
	for !x.connected && aged(&x.flight) && x.dropInFlight(DroppedAge) {
		continue
	}
	for aged(&x.ring) && x.dropWaiting(DroppedAge) {
		continue
	}
	for i := 0; i < len(x.marks) && x.spilled && x.ringDone(); i++ {
		k := x.marks[i]
		if k.highest < x.want {
			continue
		}
		if x.s.Since(k.last) < most {
			return
		}
		x.dropUnread(k.highest+1, DroppedAge)
	}
}

// dropOverdue drops the first of a ring if it is too old and may have been sent at QoS 2 before the restart. PUBREL goes
// when that is durable: a next start that can prove less age would send the message again.
func (s *Store) dropOverdue(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.overdue = false
	if x.ring.len() == 0 {
		return
	}
	if e := x.ring.at(0); e.m != nil {
		if why, old := x.tooOld(e.m, e.qos); old {
			x.dropAt(0, why)
		}
	}
}

// ringDone tells whether no message of QoS 1 or 2 waits in the ring.
func (x *Session) ringDone() bool {
	for i := range x.ring.len() {
		if e := x.ring.at(i); e.m != nil && e.qos > 0 {
			return false
		}
	}
	return true
}
