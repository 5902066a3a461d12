package queue

import "fmt"

// Publish hands m to the rings of its targets; those of durable sessions at QoS 1 and 2, and a message to be
// retained, go to the log too. The receipt is 0 if nothing is owed to the disk. Errors: ErrTooLarge, ErrBusy, ErrFull,
// or that the store is down; then nothing was published. A store that is down still passes on QoS 0 and whatever is
// owed to volatile sessions only.
func (s *Store) Publish(m *Message, to []Target) (Receipt, error) {
	logged := loggedTargets(to)
	s.stamp(m, logged > 0 || m.Retain)
	if logged == 0 && !m.Retain {
		pushAll(m, to)
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publish(m, to, logged, from{})
}

// stamp gives m the time. For one whose age may count the clock is read anew, which costs a system call: else a message
// that comes right after the machine has slept would look older than it is, by the time of the sleep. Once is enough for a burst.
func (s *Store) stamp(m *Message, kept bool) {
	if m.Stamp.Boot != 0 {
		return
	}
	if (kept || m.HasExpiry) && !s.bursts.knowTheTime() {
		s.clock.sync()
	}
	m.Stamp = Stamp{Boot: s.boot, At: s.clock.now()}
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
	bytes := m.size() + logged*targetSize(to)
	keep, err := s.accept(m, to, bytes, logged)
	if err != nil {
		if m.QoS > 0 || logged > 0 {
			s.countRefused(err, to)
			return 0, err
		}
		s.drops[DroppedRing].Add(1) // to be retained at QoS 0: nobody was promised that
		pushAll(m, to)
		return 0, nil
	}
	if !keep {
		if to, logged = dropLogged(to), 0; !m.Retain {
			pushAll(m, to)
			return 0, nil
		}
	}
	it := s.newItem(m, to, logged, by)
	s.deliver(it, to)
	r := s.addMessage(it, bytes)
	if m.QoS == 0 && logged == 0 {
		return 0, nil // owed to nobody
	}
	return r, nil
}

// accept tells what becomes of a message: see hold.
func (s *Store) accept(m *Message, to []Target, bytes, logged int) (keep bool, err error) {
	if err := s.admit(bytes); err != nil {
		return false, err
	}
	if err := rejects(m, to); err != nil {
		return false, err
	}
	return s.afford(m, bytes, logged)
}

// afford tells whether the limits of the store leave room for a message: see hold.
func (s *Store) afford(m *Message, bytes, logged int) (keep bool, err error) {
	keep, err = s.hold(bytes, logged)
	if !keep && err == nil && m.Retain && int64(s.waiting()+bytes) > s.space.small {
		err = &FullError{Limit: s.limit()} // who was told that it is retained must find it after a restart
	}
	return keep, err
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
	if waiting := s.waiting(); waiting > 0 && waiting+bytes > s.o.PendingBytes {
		return ErrBusy
	}
	return nil
}

// MaxMessage is how many bytes of topic, properties and payload a message to a few targets may have.
func (s *Store) MaxMessage() int { return s.log.MaxRecord() * 15 / 16 }

func (s *Store) newItem(m *Message, to []Target, logged int, by from) *item {
	it := newMessageItem(logged)
	it.typ, it.m, it.by = recMessage, m, by
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

// newMessageItem makes an item with room for so many targets. Nearly always it is one, which comes in the same allocation.
func newMessageItem(targets int) *item {
	switch targets {
	case 0:
		return new(item)
	case 1:
		one := new(struct {
			item
			to [1]logTarget
		})
		one.item.to = one.to[:0]
		return &one.item
	}
	return &item{to: make([]logTarget, 0, targets)}
}

// deliver gives an item its ordinals and puts it into all rings.
func (s *Store) deliver(it *item, to []Target) {
	pushAll(it.m, to)
	for i := range it.to {
		it.to[i].x.enqueue(it, &it.to[i], s.pending.number)
	}
}
