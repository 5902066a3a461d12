package queue

import (
	"skerry/queue/slotlog"
)

// How much one turn of reading takes, so that sessions take turns.
const (
	turnMessages = 512
	turnRecords  = 8192
)

// askFill has the ring filled from the log when it is half empty.
func (x *Session) askFill() {
	if !x.spilled || x.filling || !x.connected && !x.seek || x.ring.len() > x.o.RingMessages/2 || x.bytes > x.o.RingBytes/2 {
		return
	}
	x.filling = true
	x.s.work.mu.Lock()
	defer x.s.work.mu.Unlock()
	x.s.work.fills = append(x.s.work.fills, x)
	signal(x.s.work.fill)
}

// fillAll gives each session that asked for it one turn after the other until none asks any more.
func (s *Store) fillAll() {
	s.readMu.Lock()
	defer s.readMu.Unlock()
	for {
		s.work.mu.Lock()
		turn := s.work.fills
		s.work.fills = nil
		s.work.mu.Unlock()
		if len(turn) == 0 {
			return
		}
		for _, x := range turn {
			if s.fill(x) {
				s.work.mu.Lock()
				s.work.fills = append(s.work.fills, x)
				s.work.mu.Unlock()
			}
			x.wake()
		}
	}
}

// fill reads on for one session. It returns true if there is more to read and room for it.
func (s *Store) fill(x *Session) (again bool) {
	x.mu.Lock()
	var until slotlog.Position
	if x.spilled {
		until = x.skipSegments()
	} else {
		x.filling = false
	}
	spilled, from, want := x.spilled, x.cursor, x.want
	x.mu.Unlock()
	if !spilled {
		return false
	}
	batch, to := s.readTurn(x, from, until, want)
	more := x.refill(batch, from, to, want)
	if !more {
		return false
	}
	if to.Before(s.log.End()) {
		return true
	}
	return s.handOver(x)
}

// logged is a delivery as it was read from the log, and where.
type logged struct {
	e  entry
	at slotlog.Position
}

// readTurn reads messages for a session, without any lock. It returns where it stopped.
func (s *Store) readTurn(x *Session, from, until slotlog.Position, want uint64) (batch []logged, to slotlog.Position) {
	records := 0
	batch = s.batch[:0]
	defer s.readDamage(s.reader)
	to = s.reader.Read(from, func(r slotlog.Record) bool {
		if records == turnRecords || len(batch) >= turnMessages || until.Chunk > 0 && !r.At.Before(until) {
			return false
		}
		records++
		eachMessage(r, func(m *messageRecord) {
			batch = m.collect(batch, x.number, want, r.At)
		})
		return true
	})
	s.batch = batch
	return batch, to
}

// eachMessage finds the messages in a record, those of a batch included.
func eachMessage(r slotlog.Record, f func(*messageRecord)) {
	switch r.Type {
	case recMessage:
		if m, ok := decodeMessage(r.Body, r.Boot); ok {
			f(&m)
		}
	case recBatch:
		var ok bool
		for typ, body := range eachRecord(r.Body, &ok) {
			if typ == recMessage {
				eachMessage(slotlog.Record{Type: typ, Body: body, Boot: r.Boot}, f)
			}
		}
	}
}

// collect adds the deliveries of a message to a session, those below an ordinal left out.
func (r *messageRecord) collect(batch []logged, session, want uint64, at slotlog.Position) []logged {
	var m *Message
	for t := range r.eachTarget(nil) {
		if t.session != session || t.ordinal < want {
			continue
		}
		if m == nil {
			m = r.message()
		}
		ids := t.subscriptionIDs()
		batch = append(batch, logged{entry{
			m: m, ordinal: t.ordinal, qos: t.flags & targetQoS, retain: t.flags&targetRetain != 0,
			ids: ids, size: charge(m, ids),
		}, at})
	}
	return batch
}

// refill puts what was read into the ring, as far as there is room; the cursor then stands at the first that was
// left. What the turn did not look for may have been cut from the ring meanwhile, or dropped.
func (x *Session) refill(batch []logged, from, to slotlog.Position, sought uint64) (more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended || x.cursor != from || x.want < sought {
		x.filling = false
		return false
	}
	x.cursor = to
	for i := range batch {
		e := &batch[i].e
		if e.ordinal < x.want || x.complete.has(e.ordinal) {
			continue
		}
		if x.hurt && x.want < e.ordinal {
			x.sweepGaps(x.want, e.ordinal)
			x.want = e.ordinal
		}
		if x.released.has(e.ordinal) { // only PUBREL is left: it is swept
			continue
		}
		if !x.fits(e.size) {
			x.cursor, x.filling = batch[i].at, false
			break
		}
		x.remember(e)
		x.want = e.ordinal + 1
		x.occupy(e.size)
		x.ring.push(*e)
	}
	clear(batch)
	return x.filling
}

// remember gives a delivery that was read from the log the state that it had before.
func (x *Session) remember(e *entry) {
	e.dup = e.ordinal < x.dupBelow
	switch {
	case x.kept.has(e.ordinal):
		e.state, e.rec = received, x.gave
	case e.dup && e.qos == 2:
		e.gate = x.again
	}
}

// handOver ends reading from the log: when the cursor is at its durable end, all that is missing is in memory, in
// the groups that are pending or being written. Under the lock of the store nothing is added to them.
func (s *Store) handOver(x *Session) (again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.spilled || x.ended {
		x.filling = false
		return false
	}
	if end := s.log.End(); x.cursor.Before(end) {
		return true
	}
	x.filling = false
	for _, g := range []*group{s.writing, s.pending} {
		if g == nil {
			continue
		}
		for it := range g.messages {
			if !x.handOverItem(it, g.number) {
				return false // full again: the rest will be read from the log
			}
		}
	}
	if x.hurt && x.want < x.dupBelow {
		x.sweepGaps(x.want, x.dupBelow)
		x.want = x.dupBelow
	}
	x.spilled = false
	return false
}

func (x *Session) handOverItem(it *item, group Receipt) bool {
	for i := range it.to {
		t := &it.to[i]
		if t.x != x || t.ordinal < x.want || t.done() {
			continue
		}
		if !x.fits(charge(it.m, t.ids)) {
			return false
		}
		if x.hurt {
			x.sweepGaps(x.want, t.ordinal)
		}
		x.want = t.ordinal + 1
		x.accept(it, t, group)
	}
	return true
}
