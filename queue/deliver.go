package queue

import "time"

// push queues a delivery of QoS 1 or 2 to a volatile session, or of QoS 0 to any.
func (x *Session) push(m *Message, t *Target) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || t.QoS == 0 && !x.connected {
		return
	}
	e := entry{m: m, qos: t.QoS, retain: t.Retain, ids: t.SubscriptionIDs, size: int32(m.size())}
	if !x.fits(e.size) && (t.QoS == 0 || !x.makeRoom(e.size)) {
		x.s.dropped.Add(1)
		return
	}
	if t.QoS > 0 {
		e.ordinal = x.next
		x.next++
	}
	x.bytes += int(e.size)
	x.ring.push(e)
}

// fits tells whether the ring takes one more. A durable session without a connection gets little memory: there may
// be many, and the log has it all.
func (x *Session) fits(size int32) bool {
	most := x.o.RingBytes
	if x.durable && !x.connected {
		most = min(most, offlineBytes)
	}
	return x.ring.len() < x.o.RingMessages && (x.bytes+int(size) <= most || x.ring.len()+x.flight.len() == 0)
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
	x.s.dropped.Add(uint64(drop))
	x.ring.keep(func(e *entry) bool {
		if e.qos != 0 || drop == 0 {
			return true
		}
		drop--
		x.bytes -= int(e.size)
		return false
	})
	return x.fits(size)
}

// enqueue queues a delivery of QoS 1 or 2 to a durable session, under the lock of the store: log order is enqueue
// order. What does not fit is read back from the log.
func (x *Session) enqueue(it *item, t *logTarget, group Receipt) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		t.done.Store(true)
		return
	}
	t.ordinal = x.next
	x.next++
	x.second = x.second || t.qos == 2
	if !x.spilled && !x.fits(int32(it.m.size())) {
		x.spilled, x.want, x.cursor = true, t.ordinal, x.s.log.End()
	}
	if !x.spilled {
		x.accept(it, t, group)
	}
}

func (x *Session) accept(it *item, t *logTarget, group Receipt) {
	e := entry{m: it.m, it: it, owed: t, ordinal: t.ordinal, qos: t.qos, retain: t.retain, ids: t.ids, size: int32(it.m.size())}
	if t.qos == 2 {
		e.gate = group
	}
	x.bytes += int(e.size)
	x.ring.push(e)
}

// Next appends up to max deliveries to dst. It never blocks. It obeys the window, Receive Maximum, and the rule
// that a QoS 2 message is given to a durable session only when it is durable.
func (x *Session) Next(dst []Delivery, max int) []Delivery {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := 0; n < max; n++ {
		e := x.ready(true)
		if e == nil {
			break
		}
		dst = append(dst, x.take(e))
	}
	x.askFill()
	return dst
}

// Waiting tells whether Next would give something now.
func (x *Session) Waiting() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ready(false) != nil
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
		if !x.mayFly(o, park) {
			return nil
		}
		return &entry{ordinal: o, qos: 2, state: received}
	}
	if x.ring.len() == 0 {
		return nil
	}
	e := x.ring.at(0)
	if e.qos > 0 && !x.mayFly(e.ordinal, park) {
		return nil
	}
	return x.allowed(e, park)
}

// expire drops what has expired from the front of the ring, if its delivery has not begun [MQTT-3.3.2-5]. A QoS 2
// delivery that may have begun before a restart ends with PUBREL, so that its receiver does not keep the packet id.
func (x *Session) expire() {
	for x.ring.len() > 0 {
		e := x.ring.at(0)
		swept := len(x.sweeps) > 0 && e.ordinal > x.sweeps[0].from // that comes first
		if e.m == nil || swept || !x.s.expired(e.m) {
			return
		}
		x.s.expirations.Add(1)
		x.bytes -= int(e.size)
		if e.dup && e.qos == 2 {
			*e = entry{ordinal: e.ordinal, qos: 2, state: received}
			return
		}
		q := x.ring.pop()
		if q.qos > 0 {
			x.pulled = q.ordinal + 1
			if x.settled(&q) {
				x.markDirty()
			}
		}
	}
}

// sweepDue tells whether a skipped ordinal is next in order.
func (x *Session) sweepDue() (uint64, bool) {
	x.sweeps.cutBelow(x.pulled)
	for len(x.sweeps) > 0 && x.complete.has(x.sweeps[0].from) {
		x.sweeps.cutBelow(x.sweeps[0].from + 1)
	}
	if len(x.sweeps) == 0 {
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
func (x *Session) mayFly(ordinal uint64, park bool) bool {
	count := uint64(x.o.PacketIDs.Count)
	if n := x.flight.len(); n > 0 {
		if n >= x.o.Window || ordinal-x.flight.at(0).ordinal >= count {
			return false
		}
	}
	if !x.durable {
		return true
	}
	d := x.reuse.distance(ordinal)
	if park && d >= count/2 && x.dirty {
		x.s.work.hurry()
	}
	if d >= count {
		x.blocked = x.blocked || park
		return false
	}
	return true
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
		x.bytes -= int(e.size)
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
	written := x.settle(e)
	for x.flight.len() > 0 && x.flight.at(0).state == done {
		x.flight.pop()
		x.resend = max(0, x.resend-1)
	}
	if written {
		x.markDirty()
	}
	return true
}

// markDirty has the acknowledgements of the session written with the next group, or by themselves some time later.
func (x *Session) markDirty() {
	if x.durable && !x.dirty {
		x.dirty = true
		x.s.work.addDirty(x, time.Now().Add(x.s.o.LazyAck))
	}
}

// settle makes a delivery in flight complete, and tells whether the log has to know.
func (x *Session) settle(e *entry) (written bool) {
	written = x.settled(e)
	if e.counted {
		x.unacked--
	}
	x.bytes -= int(e.size)
	*e = entry{ordinal: e.ordinal, qos: e.qos, state: done}
	return written
}

// settled notes that a message is owed to this session no more. The log need not know if the message was not
// encoded yet: then this target is left out of it.
func (x *Session) settled(e *entry) (written bool) {
	if e.owed == nil {
		return true
	}
	e.owed.done.Store(true)
	return e.it.encoded.Load()
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
	s.addReceived(x, e.ordinal)
	return e.rec, true
}

// release turns a delivery into one of which only PUBREL is left. Its message is not needed any more.
func (x *Session) release(e *entry, r Receipt) bool {
	if e == nil || e.qos != 2 {
		return false
	}
	if e.state != received {
		x.bytes -= int(e.size)
		e.state, e.rec, e.m, e.ids, e.size = received, r, nil, nil, 0
	}
	return true
}
