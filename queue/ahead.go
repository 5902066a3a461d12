package queue

import "skerry/queue/slotlog"

// Ahead yields, in order, what waits for a durable session with QoS 1 or 2 and was never given by Next, with its ordinal and RETAIN, until yield says
// false. Nothing is delivered by that, and what is added meanwhile may be left out. It reads from the disk, a turn at a time as Next does, and may
// be called from any goroutine; yield must not call the session, and the message is not to be kept.
func (x *Session) Ahead(yield func(ordinal uint64, m *Message, retain bool) bool) {
	from, want, on := x.aheadInMemory(yield)
	for on && from.Before(x.s.log.End()) {
		to := from
		if on, to = x.s.ahead(x, from, want, yield); to == from {
			return
		}
		from = to
	}
}

// aheadInMemory yields what is in memory, and says where to read on in the log, if there is more.
func (x *Session) aheadInMemory(yield func(uint64, *Message, bool) bool) (from slotlog.Position, want uint64, more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.ring.len() {
		if e := x.ring.at(i); e.qos > 0 && e.m != nil && e.state != received && !yield(e.ordinal, e.m, e.retain) {
			return from, 0, false
		}
	}
	return x.cursor, x.want, x.durable && x.spilled && !x.ended
}

// ahead is one turn of reading on.
func (s *Store) ahead(x *Session, from slotlog.Position, want uint64, yield func(uint64, *Message, bool) bool) (more bool, to slotlog.Position) {
	s.readMu.Lock()
	defer s.readMu.Unlock()
	batch, to := s.readTurn(x, from, slotlog.Position{}, want)
	defer clear(batch)
	for i := range batch {
		e := &batch[i].e
		x.mu.Lock()
		gone := x.ended || x.complete.has(e.ordinal) || x.released.has(e.ordinal) || x.kept.has(e.ordinal)
		x.mu.Unlock()
		if !gone && !yield(e.ordinal, e.m, e.retain) {
			return false, to
		}
	}
	return true, to
}
