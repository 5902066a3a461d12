package queue

import (
	"fmt"
	"time"
)

// Publish hands m to the rings of its targets; those of durable sessions at QoS 1 and 2, and a message to be
// retained, go to the log too. The receipt is 0 if nothing is owed to the disk. Errors: ErrTooLarge, ErrBusy, or
// that the store is down; then nothing was published. A store that is down still passes on QoS 0 and whatever is
// owed to volatile sessions only.
func (s *Store) Publish(m *Message, to []Target) (Receipt, error) {
	s.stamp(m)
	logged := loggedTargets(to)
	if logged == 0 && !m.Retain {
		pushAll(m, to)
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publish(m, to, logged, from{})
}

func (s *Store) stamp(m *Message) {
	if m.Stamp.Boot == 0 {
		m.Stamp = s.Now()
	}
}

// loggedTargets counts the targets that are owed m through a power cut.
func loggedTargets(to []Target) (n int) {
	for i := range to {
		if to[i].logged() {
			n++
		}
	}
	return n
}

func (t *Target) logged() bool { return t.QoS > 0 && t.Session.durable }

func pushAll(m *Message, to []Target) {
	for i := range to {
		if !to[i].logged() {
			to[i].Session.push(m, &to[i])
		}
	}
}

// publish is Publish under the lock.
func (s *Store) publish(m *Message, to []Target, logged int, by from) (Receipt, error) {
	if err := s.admit(m.size() + logged*targetSize(to)); err != nil {
		if m.QoS > 0 || logged > 0 {
			return 0, err
		}
		s.dropped.Add(1) // to be retained at QoS 0: nobody was promised that
		pushAll(m, to)
		return 0, nil
	}
	it := s.newItem(m, to, logged, by)
	s.deliver(it, to)
	r := s.add(it, m.size()+logged*targetSize(to), s.dueOf(m, logged, by))
	if m.QoS == 0 && logged == 0 {
		return 0, nil // owed to nobody
	}
	return r, nil
}

// targetSize bounds the bytes of a target in a record.
func targetSize(to []Target) int {
	most := 0
	for i := range to {
		most = max(most, len(to[i].SubscriptionIDs))
	}
	return 24 + 5*most
}

// admit tells whether the log takes so many bytes more.
func (s *Store) admit(bytes int) error {
	switch {
	case s.err != nil:
		return s.err
	case bytes > s.log.MaxRecord():
		return fmt.Errorf("%d bytes, at most %d: %w", bytes, s.log.MaxRecord(), ErrTooLarge)
	}
	waiting := s.pending.bytes
	if s.writing != nil {
		waiting += s.writing.bytes
	}
	if waiting > 0 && waiting+bytes > s.o.PendingBytes {
		return ErrBusy
	}
	return nil
}

// MaxMessage is how many bytes of topic, properties and payload a message to a few targets may have.
func (s *Store) MaxMessage() int { return s.log.MaxRecord() * 15 / 16 }

func (s *Store) newItem(m *Message, to []Target, logged int, by from) *item {
	it := &item{typ: recMessage, m: m, by: by}
	if logged > 0 {
		it.to = make([]logTarget, 0, logged)
	}
	for i := range to {
		t := &to[i]
		if !t.logged() {
			continue
		}
		it.to = it.to[:len(it.to)+1]
		n := &it.to[len(it.to)-1]
		n.x, n.number, n.ids, n.qos, n.retain = t.Session, t.Session.number, t.SubscriptionIDs, t.QoS, t.Retain
	}
	return it
}

// deliver gives an item its ordinals and puts it into all rings.
func (s *Store) deliver(it *item, to []Target) {
	pushAll(it.m, to)
	for i := range it.to {
		it.to[i].x.enqueue(it, &it.to[i], s.pending.number)
	}
}

// dueOf tells by when a message has to be committed: one of a client at once if somebody was promised that.
func (s *Store) dueOf(m *Message, logged int, by from) time.Time {
	if by.session != 0 || m.Origin == Client && (logged > 0 || m.QoS > 0) {
		return time.Now()
	}
	return time.Now().Add(s.window)
}
