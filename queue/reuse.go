package queue

// reuse guards packet ids of QoS 2 in a durable session. An id may name another message only after it is durable
// that the one before is complete: otherwise a restart would deliver both under the same id, and the receiver would
// take one for the other. The same holds for an id that passes from QoS 1 to QoS 2: a restart may not know that the one
// before is complete, drop it, and free with PUBREL what the receiver holds for the one behind.
type reuse struct {
	any  bool   // some QoS 2 delivery may not be durably complete
	low  uint64 // the lowest such ordinal
	last uint64 // the highest QoS 2 ordinal handed out
	base uint64 // everything below is durably complete, at any QoS
}

func (r *reuse) sent(ordinal uint64) {
	r.last = ordinal
	if !r.any {
		r.any, r.low = true, ordinal
	}
}

// distance from the lowest ordinal that has to be durably complete before the next one may go.
func (r *reuse) distance(ordinal uint64, qos byte) uint64 {
	low := ordinal
	if r.any {
		low = min(low, r.low)
	}
	if qos == 2 {
		low = min(low, r.base)
	}
	return ordinal - low
}

// mayReuse tells whether the packet id of an ordinal is free as far as the disk knows. With park, what is missing is
// written, and the session woken.
func (x *Session) mayReuse(ordinal uint64, qos byte, park bool) bool {
	count := uint64(x.o.PacketIDs.Count)
	d := x.reuse.distance(ordinal, qos)
	if park && d >= count/2 && d > 0 {
		x.writeComplete(ordinal)
	}
	if d >= count {
		x.blocked = x.blocked || park
		return false
	}
	return true
}

// writeComplete has the acknowledgements written now, if they say more than the disk knows.
func (x *Session) writeComplete(ordinal uint64) {
	low := ordinal // the next one: all below is in flight or complete
	if x.flight.len() > 0 {
		low = x.flight.at(0).ordinal
	} else {
		x.pulled = max(x.pulled, ordinal)
	}
	if low > x.reuse.base {
		x.markDirty()
	}
	if x.dirty {
		x.s.work.hurry()
	}
}

// acked is an acknowledgement state on its way to the disk.
type acked struct {
	x       *Session
	base    uint64 // everything below is complete
	low     uint64 // lowest incomplete QoS 2 ordinal; 0: none
	pulled  uint64
	marked  uint64
	cleared cleared
}

// snapshot describes what is complete: everything below pulled that is not in flight, and what replay knew beyond. In
// the log it comes behind the records of a group.
func (x *Session) snapshot(group Receipt) (ackedRecord, acked) {
	x.passHoles()
	r := ackedRecord{session: x.number, acked: x.logged, drops: x.dropped()}
	r.acked.sub(x.load)
	if r.drops != (Drops{}) {
		r.flags |= ackedDrops
	}
	a := acked{x: x, marked: x.marked}
	a.pulled, _ = x.complete.gap(x.pulled) // what is complete blocks no packet id
	var complete, unneeded completion
	for i := range x.flight.len() {
		e := x.flight.at(i)
		if e.state == done || e.state == taken && e.rec <= group {
			continue
		}
		complete.miss(e.ordinal)
		bare := e.state == received && e.m == nil
		if !bare || e.rec > group {
			unneeded.miss(e.ordinal)
		}
		if (bare || e.state == taken) && e.rec > group { // the record of that comes later and says so again
			r.acked.sub(load{1, uint64(e.weight)})
		}
		if e.qos == 2 && a.low == 0 {
			a.low = e.ordinal
		}
	}
	if r.acked.messages > 0 {
		r.flags |= ackedLoad
	}
	r.base, r.above = complete.end(x.pulled, x.complete)
	a.base = r.base
	a.cleared.below, a.cleared.above = unneeded.end(x.pulled, x.complete)
	if x.gave > group {
		r.acked.sub(x.given)
	} else {
		for _, released := range x.released {
			a.cleared.above.add(released)
		}
	}
	a.cleared.above.cutBelow(a.cleared.below)
	return r, a
}

// completion collects runs of ordinals around those that are missing from them.
type completion struct {
	base, at uint64
	above    spans
}

func (c *completion) miss(ordinal uint64) {
	switch {
	case c.base == 0:
		c.base = ordinal
	case ordinal > c.at:
		c.above = append(c.above, span{c.at, ordinal})
	}
	c.at = ordinal + 1
}

// end adds everything from the last miss to pulled, and what is known beyond.
func (c *completion) end(pulled uint64, beyond spans) (base uint64, above spans) {
	if c.base == 0 {
		c.base, c.at = pulled, pulled
	}
	c.above.add(span{c.at, pulled})
	for _, s := range beyond {
		c.above.add(s)
	}
	c.above.cutBelow(c.base)
	base, _ = c.above.gap(c.base)
	c.above.cutBelow(base)
	return base, c.above
}

// durable takes note that the state is on the disk. It tells whether the session had been waiting for that.
func (a *acked) durable() bool {
	x := a.x
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cleared, x.written = a.cleared, a.marked
	if x.passMarks() {
		signal(x.s.checkpointer.kick)
	}
	r := &x.reuse
	r.base = max(r.base, a.base)
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
