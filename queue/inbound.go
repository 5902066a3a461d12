package queue

import "encoding/binary"

// held is an inbound QoS 2 packet id between PUBLISH and PUBCOMP.
type held struct {
	r        Receipt // of the message
	logged   bool    // the log knows that the id is held
	released Receipt // of the PUBREL, if it came: the id is free when that is resolved
}

// holds finds a packet id that is held, or whose release is not durable yet.
func (x *Session) holds(packetID uint16) (held, bool) {
	h, ok := x.held[packetID]
	if ok && h.released != 0 && x.s.resolved(h.released) {
		x.unhold(packetID)
		return held{}, false
	}
	return h, ok
}

func (x *Session) hold(packetID uint16, h held) {
	if x.held == nil {
		x.held = map[uint16]held{}
	}
	if before, ok := x.held[packetID]; ok {
		x.s.held.Add(-before.count())
	}
	x.s.held.Add(h.count())
	x.held[packetID] = h
}

func (x *Session) unhold(packetID uint16) {
	x.s.held.Add(-x.held[packetID].count())
	delete(x.held, packetID)
}

// unholdAll lets go of all packet ids, without a record.
func (x *Session) unholdAll() {
	for id := range x.held {
		x.unhold(id)
	}
	x.held = nil
}

// count is what a packet id counts in Store.Held.
func (h held) count() int64 {
	if h.released != 0 {
		return 0
	}
	return 1
}

// Held is how many inbound packet ids all sessions hold whose PUBREL has not come.
func (s *Store) Held() int { return int(s.held.Load()) }

// Held tells whether an inbound QoS 2 packet id is held, and by which receipt.
func (x *Session) Held(packetID uint16) (Receipt, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h, ok := x.holds(packetID)
	return h.r, ok && h.released == 0
}

// Receive publishes an inbound QoS 2 message and holds its packet id, both or none. PUBREC may be sent when the
// receipt is resolved. A packet id that is held publishes nothing and gets the first receipt. Errors as with
// Publish.
//
// A message that is owed to no durable session needs no record: after a power cut nobody is left who might get it
// twice.
func (x *Session) Receive(packetID uint16, m *Message, to []Target) (Receipt, error) {
	if r, ok := x.Held(packetID); ok {
		return r, nil
	}
	s := x.s
	logged := loggedTargets(to)
	if !x.durable || logged == 0 && !m.Retain {
		r, err := s.Publish(m, to)
		if err == nil {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.hold(packetID, held{r: r})
		}
		return r, err
	}
	s.stamp(m, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.publish(m, to, logged, from{x.number, packetID})
	if err == nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.hold(packetID, held{r: r, logged: true})
	}
	return r, err
}

// Release notes a PUBREL. PUBCOMP may be sent when the receipt is resolved: before that, a restart would bring the
// held id back, and swallow the next message that the publisher sends under it. False: the packet id is not held.
func (x *Session) Release(packetID uint16) (Receipt, bool) {
	if ok, logged := x.letGo(packetID); !logged {
		return 0, ok
	}
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	h, ok := x.holds(packetID)
	if !ok || h.released != 0 {
		return h.released, ok
	}
	body := binary.AppendUvarint(nil, x.number)
	body = binary.AppendUvarint(body, uint64(packetID))
	h.released = s.add(&item{typ: recRelease, other: &other{body: body}}, smallRecord)
	x.hold(packetID, h)
	x.forgetReleased()
	return h.released, true
}

// letGo releases a packet id that only memory knows of.
func (x *Session) letGo(packetID uint16) (ok, logged bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h, ok := x.holds(packetID)
	if ok && !h.logged {
		x.unhold(packetID)
	}
	return ok, h.logged
}

// forgetReleased keeps the map small.
func (x *Session) forgetReleased() {
	const few = 128
	if len(x.held) < few {
		return
	}
	for id := range x.held {
		x.holds(id)
	}
}

// ForgetHeld lets go of all inbound packet ids: the publisher has lost its session. No PUBLISH may be taken from it
// before the receipt is resolved.
func (x *Session) ForgetHeld() Receipt {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	logged := false
	for _, h := range x.held {
		logged = logged || h.logged
	}
	x.unholdAll()
	if !logged {
		return 0
	}
	return s.add(&item{typ: recRelease, other: &other{body: binary.AppendUvarint(nil, x.number)}}, smallRecord)
}
