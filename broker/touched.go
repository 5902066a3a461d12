package broker

import "skerry/queue"

// Touched is the list of sessions that a publisher has handed messages to since its last Flush. Each publisher owns one,
// passes it to Publish, Receive and Subscribe, and calls Flush once per batch of its input; it must do so before it blocks,
// because another publisher relies on it for a session that both have touched. The zero Touched is ready.
//
// It also holds the memory that routing a message needs, and so it is for one goroutine at a time.
type Touched struct {
	list []*session

	matched []*subscription
	targets []queue.Target
	to      []*session // the sessions of targets
	ids     []uint32
}

// Flush flushes each touched session once.
func (t *Touched) Flush() {
	for i, s := range t.list {
		t.list[i] = nil
		// First the mark, then the messages: whoever finds the mark still set has pushed before this flush takes them.
		s.touched.Store(false)
		if h := s.out.Load(); h != nil && h.conn != nil {
			h.conn.Flush()
		}
	}
	t.list = t.list[:0]
}

// touch puts s on the list if it is connected and on nobody's. It must be called after the message was pushed.
func (t *Touched) touch(s *session) {
	if s.out.Load() == nil || s.touched.Load() || !s.touched.CompareAndSwap(false, true) {
		return
	}
	t.list = append(t.list, s)
}
