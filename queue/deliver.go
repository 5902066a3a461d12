package queue

import "time"

// push queues a delivery of QoS 1 or 2 to a volatile session, or of QoS 0 to any.
func (x *Session) push(m *Message, t *Target) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || t.QoS == 0 && !x.connected {
		return
	}
	e := entry{m: m, qos: t.QoS, retain: t.Retain, ids: t.SubscriptionIDs, size: charge(m, t.SubscriptionIDs)}
	if !x.fits(e.size) && (t.QoS == 0 || !x.makeRoom(e.size)) {
		x.drop(DroppedRing, 1)
		return
	}
	if t.QoS > 0 {
		e.ordinal = x.next
		x.next++
	}
	x.occupy(e.size)
	x.ring.push(e)
}

// fits tells whether the ring takes one more. A message that is larger than the ring may be has it alone. A durable session
// without a connection gets little memory, and no large message at all: there may be many such sessions, and the log has it all.
func (x *Session) fits(size int32) bool {
	if x.ring.len() >= x.o.RingMessages || !x.fitsPool(size) {
		return false
	}
	if x.durable && !x.connected {
		return x.bytes+int(size) <= x.share()
	}
	return x.bytes+int(size) <= x.o.RingBytes || x.ring.len()+x.flight.len() == 0
}

// makeRoom drops the older half of what waits at QoS 0, so that a full ring is searched seldom.
func (x *Session) makeRoom(size int32) bool {
	zero := 0
	for i := range x.ring.len() {
		if x.ring.at(i).qos == 0 {
			zero++
		}
	}
	drop := (zero + 1) / 2
	x.drop(DroppedRing, uint64(drop))
	x.ring.keep(func(e *entry) bool {
		if e.qos != 0 || drop == 0 {
			return true
		}
		drop--
		x.occupy(-e.size)
		return false
	})
	return x.fits(size)
}

// enqueue queues a delivery of QoS 1 or 2 to a durable session, under the lock of the store: log order is enqueue
// order. What does not fit is read back from the log.
func (x *Session) enqueue(it *item, t *logTarget, group Receipt) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.enqueueLocked(it, t, group)
}

func (x *Session) enqueueLocked(it *item, t *logTarget, group Receipt) {
	if x.ended || !x.room(it.m) {
		t.leave()
		return
	}
	if x.doubt && x.shared == nil {
		x.sweepDoubt()
	}
	x.owe(it.m)
	x.place = place{group: group}
	t.ordinal = x.next
	x.next++
	x.second = x.second || t.qos == 2
	if !x.spilled && !x.fits(charge(it.m, t.ids)) {
		x.spilled, x.want, x.cursor = true, t.ordinal, x.s.log.End()
	}
	if !x.spilled {
		x.accept(it, t, group)
	} else if x.o.Limits.limited() {
		x.tally(t.ordinal, it.m)
	}
}

func (x *Session) accept(it *item, t *logTarget, group Receipt) {
	e := entry{m: it.m, it: it, owed: t, ordinal: t.ordinal, qos: t.qos, retain: t.retain, ids: t.ids, size: charge(it.m, t.ids)}
	if t.qos == 2 || x.shared != nil {
		e.gate = group
	}
	e.dup = t.ordinal < x.dupBelow
	x.occupy(e.size)
	x.ring.push(e)
}

// Next appends up to max deliveries to dst. It never blocks. It obeys the window, Receive Maximum, and the rule
// that a QoS 2 message is given to a durable session only when it is durable.
func (x *Session) Next(dst []Delivery, max int) []Delivery {
	most := len(dst) + max
	dst, stuck := x.gather(dst, most)
	for stuck {
		x.s.dropOverdue(x)
		dst, stuck = x.gather(dst, most)
	}
	return dst
}

// gather is Next as far as it goes without the lock of the store.
func (x *Session) gather(dst []Delivery, most int) (_ []Delivery, stuck bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(dst) < most {
		e := x.ready(true)
		if e == nil {
			break
		}
		dst = append(dst, x.take(e))
	}
	x.askFill()
	return dst, x.overdue && len(dst) < most
}

// Waiting tells whether Next would give something now.
func (x *Session) Waiting() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ready(false) != nil || x.overdue
}

// ready finds the delivery that is next, if it may go now. With park, the session is woken when a commit lets it go
// on.
func (x *Session) ready(park bool) *entry {
	if !x.connected {
		return nil
	}
	for ; x.resend < x.flight.len(); x.resend++ {
		if e := x.flight.at(x.resend); e.state != done {
			return x.allowed(e, park)
		}
	}
	x.expire()
	if o, due := x.sweepDue(); due {
		if !x.mayFly(o, 0, park) {
			return nil
		}
		return x.allowed(&entry{ordinal: o, qos: 2, state: received, rec: x.gave}, park)
	}
	if x.ring.len() == 0 || x.overdue {
		return nil
	}
	e := x.ring.at(0)
	if e.qos > 0 && !x.mayFly(e.ordinal, e.qos, park) {
		return nil
	}
	return x.allowed(e, park)
}

// expire drops what has expired from the front of the ring, if its delivery has not begun [MQTT-3.3.2-5]. A QoS 2
// delivery of a durable session that may have begun before a restart is overdue: that only PUBREL is left of it has to be written first.
func (x *Session) expire() {
	x.overdue = false
	x.tidySweeps()
	for x.ring.len() > 0 {
		e := x.ring.at(0)
		swept := x.sweeping() && e.ordinal > x.sweeps[0].from // that comes first
		if e.m == nil || e.state == received || swept {
			return
		}
		why, old := x.tooOld(e.m, e.qos)
		if !old {
			return
		}
		if x.overdue = x.durable && e.dup && e.qos == 2; x.overdue {
			return
		}
		x.drop(why, 1)
		x.occupy(-e.size)
		q := x.ring.pop()
		if q.qos > 0 {
			x.pulled = q.ordinal + 1
			if x.settled(&q) {
				x.markDirty()
			}
		}
	}
}

// sweeping tells whether there are skipped ordinals. A session in memory has none.
func (x *Session) sweeping() bool { return x.durable && len(x.sweeps) > 0 }

// tidySweeps forgets the skipped ordinals that are in flight or complete.
func (x *Session) tidySweeps() {
	if !x.sweeping() {
		return
	}
	x.sweeps.cutBelow(x.pulled)
	for len(x.sweeps) > 0 && x.complete.has(x.sweeps[0].from) {
		x.sweeps.cutBelow(x.sweeps[0].from + 1)
	}
}

// sweepDue tells whether a skipped ordinal is next in order.
func (x *Session) sweepDue() (uint64, bool) {
	x.tidySweeps()
	if !x.sweeping() {
		return 0, false
	}
	o := x.sweeps[0].from
	if x.ring.len() == 0 {
		return o, !x.spilled
	}
	e := x.ring.at(0)
	return o, e.qos > 0 && e.ordinal > o
}

// mayFly tells whether one more ordinal may be in flight.
func (x *Session) mayFly(ordinal uint64, qos byte, park bool) bool {
	count := uint64(x.o.PacketIDs.Count)
	if n := x.flight.len(); n > 0 {
		if n >= x.o.Window || ordinal-x.flight.at(0).ordinal >= count {
			return false
		}
	}
	return !x.durable || x.mayReuse(ordinal, qos, park)
}

// allowed checks what the connection and the disk have to say.
func (x *Session) allowed(e *entry, park bool) *entry {
	gate := e.gate
	switch {
	case e.qos == 0:
		return e
	case e.state == received:
		gate = e.rec
	case x.unacked >= x.quota:
		return nil
	}
	if gate != 0 && !x.s.resolved(gate) && !(park && x.s.park(x, gate)) {
		return nil
	}
	return e
}

// take hands out what ready found.
func (x *Session) take(e *entry) Delivery {
	again := x.resend < x.flight.len()
	switch {
	case again:
		x.resend++
	case e.ordinal != 0:
		e = x.fly(e)
	default:
		x.occupy(-e.size)
		q := x.ring.pop()
		return Delivery{Message: q.m, Retain: q.retain, SubscriptionIDs: q.ids}
	}
	d := Delivery{
		Message: e.m, Ordinal: e.ordinal, PacketID: x.packetID(e.ordinal), QoS: e.qos,
		Dup: again || e.dup, Retain: e.retain, SubscriptionIDs: e.ids,
	}
	if e.state == received {
		return Delivery{Ordinal: d.Ordinal, PacketID: d.PacketID, QoS: 2, Release: true}
	}
	e.counted = true
	x.unacked++
	return d
}

// fly moves the next delivery from the ring, or a swept ordinal, into flight.
func (x *Session) fly(e *entry) *entry {
	q := *e
	if x.ring.len() > 0 && e == x.ring.at(0) {
		q = x.ring.pop()
	}
	if q.lent && q.qos == 2 {
		x.repay(&q) // from now on it is this session's, whatever becomes of it [MQTT-4.8.2-5]
	}
	x.flight.push(q)
	x.resend = x.flight.len()
	x.pulled = q.ordinal + 1
	if q.qos == 2 && x.durable {
		x.reuse.sent(q.ordinal)
	}
	return x.flight.at(x.flight.len() - 1)
}

// Ack completes a delivery: PUBACK or PUBCOMP came, or PUBREC with an error. It is written with the next group or
// within Options.LazyAck; if that is lost, QoS 1 is delivered once more and PUBREL is sent once more. False: no
// such packet id in flight.
func (x *Session) Ack(packetID uint16) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.inFlight(packetID)
	if e == nil {
		return false
	}
	x.finish(e)
	return true
}

// Expired is Ack for a delivery that was given, and has expired before it could be sent; packetID 0: of QoS 0.
func (x *Session) Expired(packetID uint16) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if packetID != 0 {
		e := x.inFlight(packetID)
		if e == nil {
			return
		}
		x.finish(e)
	}
	x.drop(DroppedExpired, 1)
}

// AckAs is Ack for who says what the acknowledgement is for: the QoS of the delivery, and whether Received has been called
// for it. If the delivery waits for another one it fits not, and nothing is done.
func (x *Session) AckAs(packetID uint16, qos byte, afterReceived bool) (known, fits bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.inFlight(packetID)
	if e == nil {
		return false, true
	}
	if e.qos != qos || (e.state == received) != afterReceived {
		return true, false
	}
	x.finish(e)
	return true, true
}

// InFlight tells whether a packet id stands for a delivery that is not complete.
func (x *Session) InFlight(packetID uint16) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.inFlight(packetID) != nil
}

// finish makes a delivery in flight complete, and lets the log know of it in time.
func (x *Session) finish(e *entry) {
	if e.owed != nil {
		e.owed.complete()
	}
	written := x.settle(e)
	x.popDone()
	if written {
		x.markDirty()
	}
}

// popDone lets go of what is complete at the front of what is in flight.
func (x *Session) popDone() {
	for x.flight.len() > 0 && x.flight.at(0).state == done {
		x.flight.pop()
		x.resend = max(0, x.resend-1)
	}
}

// markDirty has the acknowledgements of the session written with the next group, or by themselves some time later.
func (x *Session) markDirty() {
	if !x.durable {
		return
	}
	x.marked++
	if !x.dirty {
		x.dirty = true
		x.s.work.addDirty(x, time.Now().Add(x.s.o.LazyAck))
	}
}

// Settled tells whether all acknowledgements so far are on the disk. Else they are written now, and the session is woken when that is done.
// Who gives up a message for one that comes after it asks before that one is sent at QoS 2: or else a power cut would have the older
// delivered when the receiver takes the newer one for a repetition.
func (x *Session) Settled() bool {
	if !x.durable {
		return true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.written == x.marked || x.ended {
		return true
	}
	x.blocked = true
	x.s.work.hurry()
	return false
}

// settle makes a delivery in flight complete, and tells whether the log has to know.
func (x *Session) settle(e *entry) (written bool) {
	written = x.settled(e)
	if e.counted {
		x.unacked--
	}
	x.occupy(-e.size)
	*e = entry{ordinal: e.ordinal, qos: e.qos, state: done}
	return written
}

// settled notes that a message is owed to this session no more. The log need not know if the message was not
// encoded yet: then this target is left out of it.
func (x *Session) settled(e *entry) (written bool) {
	if e.lent {
		x.repay(e)
		return false
	}
	written = e.owed == nil || e.owed.leave()
	if e.m != nil && x.durable && e.qos > 0 {
		x.unowe(e.m, written)
	}
	return written
}

// Received notes a PUBREC. PUBREL may be sent when the receipt is resolved: before that, a restart would send
// PUBLISH again to a receiver that may have forgotten the packet id. False: no such packet id in flight at QoS 2.
func (x *Session) Received(packetID uint16) (Receipt, bool) {
	if !x.durable {
		x.mu.Lock()
		defer x.mu.Unlock()
		return 0, x.release(x.inFlight(packetID), 0)
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.inFlight(packetID)
	if e != nil && e.state == received {
		return e.rec, true
	}
	if !x.release(e, s.pending.number) {
		return 0, false
	}
	s.addReceived(x, e)
	return e.rec, true
}

// release turns a delivery into one of which only PUBREL is left. Its message is not needed any more, unless the session keeps it.
func (x *Session) release(e *entry, r Receipt) bool {
	if e == nil || e.qos != 2 {
		return false
	}
	if e.state != received {
		e.state, e.rec = received, r
		if !x.durable || !x.keep {
			x.forgo(e)
		}
	}
	return true
}

// forgo gives up the message of a delivery of which only PUBREL is left.
func (x *Session) forgo(e *entry) {
	if x.durable {
		x.unowe(e.m, true)
		e.weight = uint32(e.m.weight())
	}
	x.occupy(-e.size)
	e.m, e.ids, e.size = nil, nil, 0
}
