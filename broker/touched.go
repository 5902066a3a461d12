package broker

import (
	"skerry/broker/filter"
	"skerry/queue"
)

// Touched is the list of sessions that a publisher has handed messages to since its last Flush. Each publisher owns one,
// passes it to Publish, Receive and Subscribe, and calls Flush once per batch of its input, before it blocks. Publish and
// Receive flush by themselves when a batch grows so long that it could fill the ring of a subscriber who would be fast
// enough. The zero Touched is ready.
//
// It also holds the memory that routing a message needs, and so it is for one goroutine at a time.
type Touched struct {
	list     []*session
	messages int // since the last flush
	bytes    int
	burst    *queue.Store // that knows of the batch

	matched []*subscription
	targets []queue.Target
	to      []*session // the sessions of targets
	ids     []uint32

	// Of content filters; empty as long as nobody has subscribed to one.
	spans    []span
	forms    []queue.Form
	subject  *filter.Subject
	judged   *Message // what subject is, and verdicts are about
	verdicts []verdict
}

// Flush flushes each touched session once; not again if another publisher has done so since.
func (t *Touched) Flush() {
	t.end()
	for i, s := range t.list {
		t.list[i] = nil
		s.toucher.CompareAndSwap(t, nil)
		// First the mark, then the messages: whoever finds the mark still set has pushed before this flush takes them.
		if !s.unflushed.Swap(false) {
			continue
		}
		if h := s.out.Load(); h != nil && h.conn != nil {
			h.conn.Flush()
		}
	}
	t.list, t.messages, t.bytes = t.list[:0], 0, 0
}

// begin tells the store that more may follow at once.
func (t *Touched) begin(s *queue.Store) {
	if t.burst == nil {
		t.burst = s
		s.BeginBurst()
	}
}

func (t *Touched) end() {
	if t.burst != nil {
		t.burst.EndBurst()
		t.burst = nil
	}
}

// wake is Flush for those who must not be held up: the store wakes a group.
func (t *Touched) wake() {
	for _, s := range t.list {
		s.toucher.CompareAndSwap(t, nil)
		if h := s.out.Load(); s.unflushed.Swap(false) && h != nil && h.conn != nil {
			h.conn.Wake()
		}
	}
}

// touch puts s on the list if it is connected. It must be called after the message was pushed. That it is on the list
// already is seen by the mark of the last who touched it: without a lock, and wrong only in that a session may be listed
// twice when two publishers take turns. Nobody leaves the flush to another, who may be stopped for long in mid-batch.
func (t *Touched) touch(s *session) {
	if s.out.Load() == nil {
		if s.shared != nil {
			s.shared.spread(t)
		}
		return
	}
	if !s.unflushed.Load() {
		s.unflushed.Store(true)
	}
	if s.toucher.Load() != t {
		s.toucher.Store(t)
		t.list = append(t.list, s)
	}
}

// count flushes t if much was published since the last time.
func (t *Touched) count(m *Message, b *Broker) {
	t.messages++
	t.bytes += len(m.Payload)
	if t.messages >= b.flushMessages || t.bytes >= b.flushBytes {
		t.Flush()
	}
}
