package broker

import (
	"errors"
	"fmt"
	"strings"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
)

// Publish publishes a message of QoS 0 or 1, or one of QoS 2 from inside the program, where no packet id is to be held. The
// acknowledgement may be sent when the receipt is resolved. An error code means that nothing was published; ServerBusy, that
// more waits for the disk than memory may hold: it passes with the next group. The caller must flush t at the end of its
// batch; with t == nil that is done at once.
func (s *Session) Publish(m *Message, t *Touched) (queue.Receipt, packet.ReasonCode) {
	if t == nil {
		t = new(Touched)
		defer t.Flush()
	}
	r, code := s.take(m, 0, t)
	t.count(m, s.b)
	return r, code
}

// Receive publishes an inbound QoS 2 message and holds its packet id until Release. PUBREC may be sent when the receipt is
// resolved. A packet id that is already held is the same message once more: it publishes nothing and gets the first
// receipt. [MQTT-4.3.3-10]
func (s *Session) Receive(packetID uint16, m *Message, t *Touched) (queue.Receipt, packet.ReasonCode) {
	if t == nil {
		t = new(Touched)
		defer t.Flush()
	}
	r, code := s.take(m, packetID, t)
	t.count(m, s.b)
	return r, code
}

// errManyHeld: exchanges of QoS 2 are begun, and not ended, by all clients together.
var errManyHeld = errors.New("too many exchanges of QoS 2 are under way")

// take publishes m for this handle, unless it is dead. Nothing is flushed under the lock. packetID is not 0 if it is to be
// held.
func (s *Session) take(m *Message, packetID uint16, t *Touched) (queue.Receipt, packet.ReasonCode) {
	s.push.Lock()
	defer s.push.Unlock()
	if code := s.refuses(m); code.IsError() {
		return 0, code
	}
	if packetID != 0 {
		if r, held := s.state.queue.Held(packetID); held {
			return r, packet.Success
		}
		if !s.internal() && s.b.store.Held() >= s.b.options.Limits.HeldIDs {
			s.refused = errManyHeld
			return 0, packet.QuotaExceeded
		}
	}
	if s.access != nil && !s.access.MayPublish(m.TopicName) {
		return 0, packet.NotAuthorized
	}
	t.begin(s.b.store)
	r, err := s.b.publish(m, s.state, packetID, t)
	if s.refused = err; err != nil {
		s.b.unpublished(m)
		return 0, refusal(err)
	}
	if len(t.targets) == 0 && !m.Retain {
		return r, packet.NoMatchingSubscribers
	}
	return r, packet.Success
}

// Refusal says why the last Publish or Receive was refused for want of room, in words for a log line: whose queue is full
// and which limit that is. nil: it was taken, or refused for another reason. It is for the goroutine that publishes.
func (s *Session) Refusal() error {
	s.push.Lock()
	err := s.refused
	s.push.Unlock()
	full, ok := errors.AsType[*queue.FullError](err)
	if !ok || full.Session == 0 {
		return err
	}
	return fmt.Errorf("the queue of client %s (session %d) is full: it may hold %s", s.b.clientOf(full.Session), full.Session, full.Limit)
}

// clientOf is the ClientID of the session with that number.
func (b *Broker) clientOf(number uint64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, s := range b.sessions {
		if s.queue != nil && s.queue.Number() == number {
			return key[1:]
		}
	}
	for name, g := range b.groups {
		if g.members.Load().queue.Number() == number {
			return name
		}
	}
	return "that has gone"
}

// Holds tells whether an inbound QoS 2 packet id is held: a PUBLISH under it is the same message once more.
func (s *Session) Holds(packetID uint16) bool {
	_, held := s.state.queue.Held(packetID)
	return held
}

// Release notes a PUBREL. PUBCOMP may be sent when the receipt is resolved.
func (s *Session) Release(packetID uint16) (queue.Receipt, packet.ReasonCode) {
	s.push.Lock()
	defer s.push.Unlock()
	if s.dead.Load() {
		return 0, packet.SessionTakenOver
	}
	r, held := s.state.queue.Release(packetID)
	if !held {
		return 0, packet.PacketIdentifierNotFound
	}
	return r, packet.Success
}

// refuses says why a message is not even looked at.
func (s *Session) refuses(m *Message) packet.ReasonCode {
	switch {
	case s.dead.Load():
		return packet.SessionTakenOver
	case topic.ValidName(m.TopicName) != nil:
		return packet.TopicNameInvalid
	case !s.internal() && !s.b.options.Limits.allowsTopic(m.TopicName):
		return packet.TopicNameInvalid
	case m.QoS > 2:
		return packet.QoSNotSupported
	case m.TopicName[0] == '$' && mayNotName(m.TopicName, s.internal()):
		return packet.NotAuthorized
	}
	return packet.Success
}

// mayNotName tells whether a name is not for publishers. What is behind a content filter was published elsewhere, also by the
// program itself.
func mayNotName(name string, internal bool) bool {
	return topic.IsFiltered(name) || !internal && reserved(name)
}

// reserved names are the Server's own. A bridge may say whether it is there: mosquitto's bridges name such a topic in their
// Will, and would be refused for ever.
func reserved(name string) bool {
	if strings.HasPrefix(name, "$SYS/broker/connection/") && strings.HasSuffix(name, "/state") {
		return false
	}
	return strings.HasPrefix(name, "$SYS") || strings.HasPrefix(name, "$share") || strings.HasPrefix(name, "$skerry/")
}

// publish routes m and hands it to the store. packetID is not 0 if from is to hold it.
func (b *Broker) publish(m *Message, from *session, packetID uint16, t *Touched) (queue.Receipt, error) {
	if m.Retain {
		b.judge(m, t)
		// Between routing and keeping nobody else may publish to the topic or subscribe to it, else a subscriber could
		// get an older retained message after a newer one, and after a restart another one would be kept than now.
		b.retained.mu.Lock()
		defer b.retained.mu.Unlock()
		if !b.makeRoom(m) {
			return b.publishUnretained(m, from, t)
		}
	}
	b.route(m, from, t)
	receipt, err := b.hand(m, from, packetID, t)
	if err != nil {
		return 0, err
	}
	if m.Retain {
		b.retained.keep(m, from)
	}
	t.touchAll()
	return receipt, nil
}

func (b *Broker) hand(m *Message, from *session, packetID uint16, t *Touched) (queue.Receipt, error) {
	to := t.targets
	switch {
	case len(t.spans) > 0:
		return b.handForms(m, from, packetID, t)
	case packetID != 0:
		return from.queue.Receive(packetID, m, to)
	case len(to) == 0 && !m.Retain:
		return 0, nil
	}
	return b.store.Publish(m, to)
}

// handForms is hand for a message that goes out by content filters too.
func (b *Broker) handForms(m *Message, from *session, packetID uint16, t *Touched) (queue.Receipt, error) {
	forms := t.formsOf(m)
	defer clear(forms)
	if packetID != 0 {
		return from.queue.ReceiveForms(packetID, forms)
	}
	return b.store.PublishForms(forms)
}

// refusal is the reason code for what the store would not take.
func refusal(err error) packet.ReasonCode {
	switch {
	case errors.Is(err, queue.ErrBusy):
		return packet.ServerBusy
	case errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrTooLarge):
		return packet.QuotaExceeded
	}
	return packet.ImplementationSpecificError
}
