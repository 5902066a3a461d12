package broker

import "skerry/queue"

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

	matched []*subscription
	targets []queue.Target
	to      []*session // the sessions of targets
	ids     []uint32
}

// Flush flushes each touched session once; not again if another publisher has done so since.
func (t *Touched) Flush() {
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

// touch puts s on the list if it is connected. It must be called after the message was pushed. That it is on the list
// already is seen by the mark of the last who touched it: without a lock, and wrong only in that a session may be listed
// twice when two publishers take turns. Nobody leaves the flush to another, who may be stopped for long in mid-batch.
func (t *Touched) touch(s *session) {
	if s.out.Load() == nil {
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
