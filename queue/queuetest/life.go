package queuetest

import (
	"encoding/binary"
	"slices"
)

// unknown is which message of a publisher comes first to a new session: the client may see one that is sent again.
const unknown = -1

// cleanStart ends the session and makes a new one, as CONNECT with CleanStart does. CONNACK waits for the receipt;
// if the power goes before, the client tries again.
func (s *subscriber) cleanStart() {
	s.disconnect()
	b := s.w.s.NewBatch()
	before := s.x
	if !s.gone {
		b.End(before)
	}
	s.x = b.Create(s.options())
	s.x.KeepReceived(s.keeps())
	if slices.Contains(s.ended, s.x.Number()) {
		s.w.breaks("sub%d: number %d is used again", s.name, s.x.Number())
	}
	b.Put(factSpace, s.fact(), binary.AppendUvarint(nil, s.x.Number()))
	r, err := s.w.s.Apply(b)
	switch {
	case s.w.busy(err) || s.w.refused(err): // the client is refused, and may try again
		s.x = before
		return
	case err != nil:
		s.w.breaks("clean start: %w", err)
	case !s.gone:
		s.endingNow = append(s.endingNow, before.Number())
	}
	s.cleaning, s.gone = r, false
	s.w.trace("sub%d: clean start, session %d", s.name, s.x.Number())
	s.beginAnew()
}

// beginAnew forgets what a session without a past knows nothing of.
func (s *subscriber) beginAnew() {
	clear(s.held)
	clear(s.kept)
	clear(s.recorded)
	clear(s.anew)
	s.losing, s.lost = 0, false
	s.drops = newDrops()
	for _, p := range s.w.pubs {
		s.last[p.name], s.latest[p.name] = unknown, p.next
	}
}

// goAway ends the session. The client comes back later, or never.
func (s *subscriber) goAway() {
	if s.cleaning != 0 {
		return
	}
	s.disconnect()
	b := s.w.s.NewBatch()
	b.End(s.x)
	b.Delete(factSpace, s.fact())
	s.endingNow = append(s.endingNow, s.x.Number())
	r, err := s.w.s.Apply(b)
	if err != nil {
		s.w.breaks("end a session: %w", err)
	}
	s.w.trace("sub%d: session %d ends", s.name, s.x.Number())
	s.gone, s.x, s.ending = true, nil, r
}

// comeBack begins a new session.
func (s *subscriber) comeBack() {
	if s.w.s.Durable() >= s.ending {
		s.ending = 0
		s.cleanStart()
	}
}

// committed takes note of ends that are durable.
func (s *subscriber) committed() {
	if s.w.s.Durable() >= max(s.ending, s.cleaning) {
		s.ended = append(s.ended, s.endingNow...)
		s.endingNow = nil
	}
}

// checkGone is asked after a restart. Sessions whose end was durable must not be there; of one whose end was not, the
// client ends it again. It returns whether the client has no session.
func (s *subscriber) checkGone() bool {
	for _, n := range s.ended {
		if s.w.s.Session(n) != nil && !s.w.lossy() {
			s.w.breaks("sub%d: session %d was ended and is back", s.name, n)
		}
	}
	s.endingNow = nil
	if !s.gone {
		return false
	}
	s.ending = 0
	if v, ok := s.w.s.Fact(factSpace, s.fact()); ok {
		n, _ := binary.Uvarint(v)
		if s.x = s.w.s.Session(n); s.x == nil {
			s.w.breaks("sub%d: session %d has no state", s.name, n)
			return true
		}
		s.goAway()
	}
	return true
}

// bound goes on where the last boot ended.
func (s *subscriber) bound() {
	if s.created = true; s.x != nil && s.cleaning != 0 {
		s.cleaning = 0
		s.cleanStart()
	}
	if s.x != nil && s.lost {
		s.lose()
	}
}
