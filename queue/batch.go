package queue

import "fmt"

// A Batch is a set of changes that become durable all or none. Make it with Store.NewBatch, fill it, give it to
// Store.Apply once.
type Batch struct {
	s       *Store
	changes []change
	mayWait bool
	told    Waker // nil: nobody
	bytes   int
	created []*Session
	ended   []*Session
}

// change is a message or a record that is encoded already, with what it does to memory.
type change struct {
	typ  byte
	body []byte

	space byte
	key   string
	value []byte

	m  *Message
	to []Target
}

// NewBatch makes an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{s: s} }

func (b *Batch) add(c change) {
	b.changes = append(b.changes, c)
	b.bytes += len(c.body) + smallRecord
}

// Put sets a fact. The value must not change afterwards.
func (b *Batch) Put(space byte, key string, value []byte) {
	b.add(change{typ: recPut, body: appendFact(nil, space, key, value), space: space, key: key, value: value})
}

// Delete removes a fact.
func (b *Batch) Delete(space byte, key string) {
	b.add(change{typ: recDelete, body: appendFact(nil, space, key, nil), space: space, key: key})
}

// Create makes a durable session. It has its number at once and may be a target in this batch; it exists when the
// batch was applied.
func (b *Batch) Create(o SessionOptions) *Session {
	x := newSession(b.s, b.s.sessionNumber.Add(1), true, o)
	r := sessionRecord{x.number, *x.o}
	b.add(change{typ: recSession, body: r.append(nil)})
	b.created = append(b.created, x)
	return x
}

// End ends a durable session and all it holds.
func (b *Batch) End(x *Session) {
	r := runRecord{session: x.number}
	b.add(change{typ: recSessionEnd, body: r.append(nil)})
	b.ended = append(b.ended, x)
}

// Publish publishes m with the batch. It is always written, even if everybody acknowledges it before.
func (b *Batch) Publish(m *Message, to []Target) {
	b.add(change{typ: recMessage, m: m, to: to})
	b.bytes += m.size() + loggedTargets(to)*targetSize(to)
}

// MayWait lets the commit of the batch wait for the commit window.
func (b *Batch) MayWait() { b.mayWait = true }

// Tell has w woken once, when the batch is durable or the store is down; that may be before Apply returns. Unlike Store.Notify it
// leaves the batch its window: facts are told when they are written, which the receipt, that of all that is pending, is not.
func (b *Batch) Tell(w Waker) { b.told = w }

// Apply applies the batch. Facts and sessions show it at once; it is durable when the receipt is resolved. The
// receipt is 0 if the batch is empty. Errors: ErrTooLarge if it does not fit a quarter of a slot, ErrBusy, ErrFull, or that
// the store is down; then nothing was applied.
func (s *Store) Apply(b *Batch) (Receipt, error) {
	if len(b.changes) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admitSmall(b); err != nil {
		return 0, fmt.Errorf("apply batch: %w", err)
	}
	for _, x := range b.created {
		s.sessions[x.number] = x
	}
	for _, x := range b.ended {
		delete(s.sessions, x.number)
		x.mu.Lock()
		if x.shared != nil {
			s.drops[DroppedEnded].Add(x.load.messages)
		}
		x.end()
		x.mu.Unlock()
	}
	s.shareOffline()
	it := &item{typ: recBatch, other: &other{batched: make([]*item, 0, len(b.changes))}}
	for i := range b.changes {
		it.batched = append(it.batched, s.apply(&b.changes[i]))
	}
	if len(it.batched) == 1 {
		it = it.batched[0] // one record is atomic by itself
	}
	r := Receipt(0)
	if b.mayWait {
		r = s.addWaiting(it, b.bytes)
	} else {
		r = s.add(it, b.bytes)
	}
	if b.told != nil {
		s.pending.told = append(s.pending.told, told{it, b.told})
	}
	for _, x := range b.ended {
		s.ending = append(s.ending, ending{x, r})
	}
	return r, nil
}

func (s *Store) apply(c *change) *item {
	switch c.typ {
	case recMessage:
		s.stamp(c.m, true)
		it := s.newItem(c.m, c.to, loggedTargets(c.to), from{})
		it.fixed = true
		s.deliver(it, c.to)
		return it
	case recPut:
		s.setFact(c.space, c.key, c.value)
	case recDelete:
		delete(s.facts[c.space], c.key)
	}
	return &item{typ: c.typ, other: &other{body: c.body}}
}

func (s *Store) setFact(space byte, key string, value []byte) {
	if s.facts[space] == nil {
		s.facts[space] = map[string][]byte{}
	}
	s.facts[space][key] = value
}
