package client

import (
	"math"
	"sync"

	"skerry/broker/packet"
)

// Session is what a Client remembers when its connection is gone: messages without their acknowledgement, and the Packet
// Identifiers of QoS 2 messages that it has received but the Server has not released. Given to the next Connect with the same
// ClientID it completes what was on its way. It lives in memory. One Client at a time may use it.
type Session struct {
	mu    sync.Mutex
	last  uint16                                // the id given last
	out   []*exchange                           // QoS 1 and 2, in the order of publishing
	byID  map[uint16]*exchange                  // the same
	held  map[uint16]struct{}                   // inbound QoS 2
	waits map[uint16]chan<- []packet.ReasonCode // SUBSCRIBE and UNSUBSCRIBE
}

// exchange is one outbound message until its QoS is satisfied (section 4.3).
type exchange struct {
	id       uint16
	message  *packet.Publish
	received bool // PUBREC has come
	done     func(error)
}

// NewSession gives an empty Session.
func NewSession() *Session {
	return &Session{
		byID:  map[uint16]*exchange{},
		held:  map[uint16]struct{}{},
		waits: map[uint16]chan<- []packet.ReasonCode{},
	}
}

// Pending is the number of messages that are not yet acknowledged.
func (s *Session) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.out)
}

// allocate gives an id that nothing uses. There always is one: the window is far smaller than the number of ids.
func (s *Session) allocate() uint16 {
	for {
		if s.last == math.MaxUint16 {
			s.last = 0
		}
		s.last++
		_, waits := s.waits[s.last]
		if s.byID[s.last] == nil && !waits {
			return s.last
		}
	}
}

// begin takes a message in.
func (s *Session) begin(m *packet.Publish, done func(error)) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &exchange{id: s.allocate(), message: m, done: done}
	s.out, s.byID[x.id] = append(s.out, x), x
	return x
}

// end forgets a message and gives it, nil if it is not known.
func (s *Session) end(id uint16) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[id]
	if x == nil {
		return nil
	}
	delete(s.byID, id)
	for i, other := range s.out { // nearly always the first
		if other == x {
			s.out = append(s.out[:i], s.out[i+1:]...)
			break
		}
	}
	return x
}

// receive notes the PUBREC of a message; false if it is not known.
func (s *Session) receive(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[id]
	if x != nil {
		x.received = true
	}
	return x != nil
}

// releasing tells whether PUBREL was sent for a message. A PUBCOMP for another one answers what we said to an unknown PUBREC.
func (s *Session) releasing(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byID[id]
	return x != nil && x.received
}

// hold notes an inbound QoS 2 id; false if it is held already, so that the message is known [MQTT-4.3.3-10].
func (s *Session) hold(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.held[id]
	s.held[id] = struct{}{}
	return !known
}

// release ends an inbound QoS 2 exchange; false if the id was not held.
func (s *Session) release(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.held[id]
	delete(s.held, id)
	return known
}

// resume gives what must be sent again, oldest first [MQTT-4.4.0-1]. If the Server knows nothing of the session, inbound ids are
// void and forgotten gives the messages that it may or may not have passed on.
func (s *Session) resume(present bool) (again, forgotten []*exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.waits)
	if present {
		return append(again, s.out...), nil
	}
	clear(s.held)
	for _, x := range s.out {
		if x.received {
			forgotten = append(forgotten, x)
			delete(s.byID, x.id)
		} else {
			again = append(again, x)
		}
	}
	s.out = append(s.out[:0], again...)
	return again, forgotten
}

// abandon gives all messages up.
func (s *Session) abandon() []*exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.out
	s.out = nil
	clear(s.byID)
	return out
}

// wait gives an id for a request and the channel its answer comes on.
func (s *Session) wait() (uint16, <-chan []packet.ReasonCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.allocate()
	answer := make(chan []packet.ReasonCode, 1)
	s.waits[id] = answer
	return id, answer
}

// answer passes the answer of a request on; nobody may wait any more.
func (s *Session) answer(id uint16, codes []packet.ReasonCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait, ok := s.waits[id]; ok {
		delete(s.waits, id)
		wait <- codes
	}
}
