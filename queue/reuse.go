package queue

// reuse guards packet ids of QoS 2 in a durable session. An id may name another message only after it is durable
// that the one before is complete: otherwise a restart would deliver both under the same id, and the receiver would
// take one for the other.
type reuse struct {
	any  bool   // some QoS 2 delivery may not be durably complete
	low  uint64 // the lowest such ordinal
	last uint64 // the highest QoS 2 ordinal handed out
}

func (r *reuse) sent(ordinal uint64) {
	r.last = ordinal
	if !r.any {
		r.any, r.low = true, ordinal
	}
}

// distance from the lowest ordinal that is not durably complete.
func (r *reuse) distance(ordinal uint64) uint64 {
	if !r.any || ordinal < r.low {
		return 0
	}
	return ordinal - r.low
}

// acked is an acknowledgement state on its way to the disk.
type acked struct {
	x      *Session
	low    uint64 // lowest incomplete QoS 2 ordinal; 0: none
	pulled uint64
}

// snapshot describes what is complete: everything below pulled that is not in flight, and what replay knew beyond.
func (x *Session) snapshot() (ackedRecord, acked) {
	x.passHoles()
	r := ackedRecord{session: x.number}
	a := acked{x: x, pulled: x.pulled}
	at := uint64(0)
	for i := range x.flight.len() {
		e := x.flight.at(i)
		if e.state == done {
			continue
		}
		switch {
		case r.base == 0:
			r.base = e.ordinal
		case e.ordinal > at:
			r.above = append(r.above, span{at, e.ordinal})
		}
		at = e.ordinal + 1
		if e.qos == 2 && a.low == 0 {
			a.low = e.ordinal
		}
	}
	if r.base == 0 {
		r.base, at = x.pulled, x.pulled
	}
	above := spans(r.above)
	above.add(span{at, x.pulled})
	for _, s := range x.complete {
		above.add(s)
	}
	above.cutBelow(r.base)
	r.above = above
	return r, a
}

// durable takes note that the state is on the disk. It tells whether the session had been waiting for that.
func (a *acked) durable() bool {
	x := a.x
	x.mu.Lock()
	defer x.mu.Unlock()
	r := &x.reuse
	switch {
	case a.low != 0:
		r.any, r.low = true, a.low
	case r.last >= a.pulled:
		r.any, r.low = true, a.pulled
	default:
		r.any = false
	}
	was := x.blocked
	x.blocked = false
	return was
}
