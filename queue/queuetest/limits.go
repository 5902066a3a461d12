package queuetest

import (
	"time"

	"skerry/queue"
)

// drops is what a model knows about deliveries to one session that may be missing.
type drops struct {
	order  int                 // messages enqueued so far
	bytes  int                 // of them
	first  map[delivery]placed // when it was enqueued; a publisher that got no answer sends a message again
	again  map[delivery]placed // and when the last time
	newest map[delivery]bool   // the session was full when it came
	passed map[delivery]bool   // passed over: it never came, and is no duplicate if it does
	due    map[delivery]bool   // passed over, but sent again later: it has to come
}

// delivery names a message.
type delivery struct{ pub, n int }

// placed is where a message stands in the order of enqueueing.
type placed struct{ order, bytes int }

func newDrops() drops {
	return drops{
		first: map[delivery]placed{}, again: map[delivery]placed{},
		newest: map[delivery]bool{}, passed: map[delivery]bool{}, due: map[delivery]bool{},
	}
}

// expectDrop is asked before a message is published: is the session full? A message in a batch is dropped where others are
// refused, because nobody could be told.
func (s *subscriber) expectDrop(p *publisher, n int) {
	policy := s.w.Limits.WhenFull
	newest := policy == queue.DropNewest || policy == queue.Reject && p.batch
	if newest && !s.gone && s.full() {
		s.newest[delivery{p.name, n}] = true
	}
}

// full tells whether a limit of the session may be reached by one message more.
func (s *subscriber) full() bool {
	l := s.w.Limits
	return l.Messages > 0 && s.x.Unfinished() >= l.Messages || l.Bytes > 0 && s.x.Unfinished() > 0
}

func (s *subscriber) enqueued(p *publisher, n int, m *queue.Message) {
	if s.x == nil {
		return
	}
	s.order++
	s.bytes += size(m)
	d := delivery{p.name, n}
	if _, sent := s.first[d]; !sent {
		s.first[d] = placed{s.order, s.bytes}
	}
	s.again[d] = placed{s.order, s.bytes}
}

func size(m *queue.Message) int { return len(m.TopicName) + len(m.Properties) + len(m.Payload) }

// passOver tells whether every message from one number on, below another, may be missing at this place.
func (s *subscriber) passOver(p *publisher, from, to int) bool {
	for n := from; n < to; n++ {
		if !s.mayMiss(p, n, s.first) {
			return false
		}
		s.passed[delivery{p.name, n}] = true
		if !s.mayMiss(p, n, s.again) {
			s.due[delivery{p.name, n}] = true
		}
	}
	return true
}

// missed gives a message that must have come until now.
func (s *subscriber) missed() (d delivery, missed bool) {
	for d := range s.due {
		if !s.mayMiss(s.w.pubs[d.pub], d.n, s.again) {
			return d, true
		}
	}
	return d, false
}

// mayMiss tells whether a message that was enqueued there may never come.
func (s *subscriber) mayMiss(p *publisher, n int, at map[delivery]placed) bool {
	d := delivery{p.name, n}
	if n < s.forgiven[p.name] || s.w.unread() || p.refused[n] || s.newest[d] || s.mayBeTooOld(p, n) {
		return true
	}
	where, ok := at[d]
	if !ok && n < s.latest[p.name] { // sent before the session began, and held or acknowledged since
		return true
	}
	l := &s.w.Limits
	return ok && l.WhenFull == queue.DropOldest && s.crowdedOut(where, l.Messages, l.Bytes) ||
		ok && s.w.storeMayDrop() && s.crowdedOut(where, 0, uint64(s.w.Options.SlotSize/2))
}

// crowdedOut tells whether so much came after a message that it may have been the oldest when the session was full.
// What is in flight, a window of the largest messages at most, counts for the session and is not dropped.
func (s *subscriber) crowdedOut(at placed, messages, bytes uint64) bool {
	later, laterBytes := uint64(s.order-at.order), uint64(s.bytes-at.bytes)
	window := uint64(s.w.Window)
	return messages > 0 && later+window >= messages ||
		bytes > 0 && laterBytes+window*uint64(s.w.large()+400) >= bytes
}

// mayBeTooOld tells whether a message had the time to expire, or to reach the limit of age. The time that the test itself
// takes passes in the store too.
func (s *subscriber) mayBeTooOld(p *publisher, n int) bool {
	age := s.w.real - p.sentAt[n] + time.Since(s.w.began)
	seconds, expires := p.expiry(n)
	limit := s.w.Limits.Age
	return expires && age >= time.Duration(seconds)*time.Second || limit > 0 && age >= limit
}

// checkExpiry: what is proven to be too old when its delivery begins is not delivered.
func (s *subscriber) checkExpiry(d *queue.Delivery, p *publisher) {
	m := d.Message
	if d.Dup || !m.HasExpiry {
		return
	}
	if age := s.w.s.Age(m); age-time.Since(s.w.began) >= time.Duration(m.Expiry)*time.Second {
		s.w.breaks("sub%d: message %d of p%d is delivered %v old", s.name, number(m), p.name, age)
	}
}

// droppedByStore counts, by subscriber, what was dropped because the whole store was full.
func (w *world) droppedByStore() []uint64 {
	n := make([]uint64, len(w.subs))
	for i, s := range w.subs {
		if !s.gone {
			st := s.x.Stats()
			n[i] = st.Dropped[queue.DroppedStore]
		}
	}
	return n
}

// noteDrops is told what was counted before a message was published. If the count of a session has grown, the message may
// be what was dropped; and the store must be full.
func (w *world) noteDrops(before []uint64, p *publisher, n int) {
	p.unsure[n] = p.unsure[n] || w.storeIsFull()
	for i, after := range w.droppedByStore() {
		if after == before[i] {
			continue
		}
		w.subs[i].newest[delivery{p.name, n}] = true
		if !w.storeIsFull() {
			w.breaks("dropped, although the store is not full: %+v", w.s.Stats())
		}
	}
}

// storeIsFull tells whether not more than the reserve and what is being written is left of what the store may take. Of a
// small disk it leaves some to its checkpoints.
func (w *world) storeIsFull() bool {
	const left, checkpoints = 3, 512 << 10 // two slots are the reserve
	slots, size := uint64(w.s.Stats().Slots), uint64(w.Options.SlotSize)
	free, _ := w.disk.Free("q")
	most := w.Options.Limits.Bytes
	return most > 0 && (slots+left)*size > most || w.Capacity > 0 && free < left*w.Options.SlotSize+checkpoints
}

// storeMayDrop tells whether the store as a whole drops what is oldest.
func (w *world) storeMayDrop() bool {
	return (w.Options.Limits.Bytes > 0 || w.Capacity > 0) && w.Options.Limits.WhenFull == queue.DropOldest
}

// mayRefuse tells whether what a refusal names can be full.
func (w *world) mayRefuse(e *queue.FullError) bool {
	if e.Session == 0 {
		return w.Options.Limits.WhenFull != queue.DropOldest && w.Options.Limits.Bytes > 0 || w.Capacity > 0
	}
	for _, s := range w.subs {
		if s.x != nil && s.x.Number() == e.Session {
			return w.Limits.WhenFull == queue.Reject && s.full()
		}
	}
	return false
}

// unread tells whether a range of the log could not be read, however often it was tried: what lies there is lost.
func (w *world) unread() bool { return w.ReadFaults > 0 && w.s.Stats().Damaged > 0 }
