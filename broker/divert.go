package broker

import (
	"errors"
	"maps"
	"slices"
	"time"

	"skerry/queue"
)

// errDivert: only the program's own durable sessions can stand in for each other.
var errDivert = errors.New("only a durable session of the program itself can take what another one has subscribed to")

// Divert has another session get what is published from now on for the subscriptions of s; nil ends that. Each message goes to exactly
// one of the two: who routes it decides, once. What either holds already stays there, in its order. Nothing of it is stored: after a
// restart, and when `to` has ended, s gets what it has subscribed to. Retained messages for a new subscription go to s itself.
func (s *Session) Divert(to *Session) error { return s.DivertSome(to, nil) }

// DivertSome is Divert for those messages of which takes holds; nil: all. It is asked once for each message, by who routes it, in any
// goroutine: it is quick, and calls nothing of the broker. What it is asked about has no Stamp yet.
func (s *Session) DivertSome(to *Session, takes func(*Message) bool) error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	var other *diversion
	if to != nil && to.state != s.state {
		other = &diversion{to.state, takes}
		if !s.internal() || !to.internal() || !other.to.queue.Durable() || s.b.sessions[other.to.key] != other.to {
			return errDivert
		}
	}
	if before := s.state.diverted.Swap(other); before != nil {
		before.to.standsIn = nil
	}
	if other != nil {
		other.to.standsIn = s.state
	}
	return nil
}

// diversion is who gets what a session has subscribed to.
type diversion struct {
	to    *session
	takes func(*Message) bool // of which this holds; nil: all
}

// receiver is the session that gets a message that is published for the subscriptions of s.
func (s *session) receiver(m *Message) *session {
	if d := s.diverted.Load(); d != nil && (d.takes == nil || d.takes(m)) {
		return d.to
	}
	return s
}

// undivert ends what a session has to do with others, because it ends. Broker.mu is held.
func (s *session) undivert() {
	if from := s.standsIn; from != nil {
		if d := from.diverted.Load(); d != nil && d.to == s {
			from.diverted.Store(nil)
		}
		s.standsIn = nil
	}
	if other := s.diverted.Swap(nil); other != nil {
		other.to.standsIn = nil
	}
}

// Subscriptions are the Topic Filters that the session has subscribed to, in order. It also answers on a dead handle.
func (s *Session) Subscriptions() []string {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	return slices.Sorted(maps.Keys(s.state.subs))
}

// SetLimits bounds what waits for a session of the program itself, which has no limits of its own until then. They are not stored.
func (s *Session) SetLimits(l queue.Limits) { s.state.queue.SetLimits(l) }

// SetWindow changes how much may be unacknowledged at once: see queue.Session.
func (s *Session) SetWindow(deliveries, bytes int) { s.state.queue.SetWindow(deliveries, bytes) }

// Settled tells whether the acknowledgements of the session so far are on the disk, see queue.Session.Settled. It also answers on a dead
// handle.
func (s *Session) Settled() bool { return s.state.queue.Settled() }

// KeepReceived has a QoS 2 message of the session kept until PUBCOMP, see queue.Session.KeepReceived. It also answers on a dead handle, as the
// following do.
func (s *Session) KeepReceived(keep bool) { s.state.queue.KeepReceived(keep) }

// Confirmed is how many deliveries are between PUBREC and PUBCOMP: those whose message is kept, and those of which it is gone.
func (s *Session) Confirmed() (kept, bare uint64) { return s.state.queue.Confirmed() }

// Republish has what is kept published anew, see queue.Session.Republish.
func (s *Session) Republish() queue.Receipt { return s.state.queue.Republish() }

// RepublishOne is Republish for one packet id, while there is a connection: with the next one.
func (s *Session) RepublishOne(packetID uint16) (queue.Receipt, bool) {
	return s.state.queue.RepublishOne(packetID)
}

// Newest tells whether no retained message of its topic is newer than m, which was to be retained when it was published: it is the
// retained one, or has removed what was. A message that is not retained any more, for it has expired or was removed, is not the newest.
func (b *Broker) Newest(m *Message) bool {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	k, ok := b.retained.names.Get(m.TopicName)
	if !ok || !b.alive(k.message) {
		return len(m.Payload) == 0
	}
	// The log knows a Stamp to the millisecond. Two in one of those are told apart by what is in them.
	kept := k.message
	same := kept.Stamp.Boot == m.Stamp.Boot && kept.Stamp.At/time.Millisecond == m.Stamp.At/time.Millisecond
	return same && (m.Unresolved != kept.Unresolved || string(kept.Payload) == string(m.Payload))
}
