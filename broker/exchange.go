package broker

import (
	"fmt"

	"skerry/queue"
)

// Exchange publishes messages and stores a small state of the gateway (see Broker.PutFact), all or nothing of it: for a part of the program
// that makes new messages out of others. When the receipt is resolved it may acknowledge those; after a power cut before that, the
// state says which of them are in what was published. The commit may wait for the window. Messages that a session of the program may not publish,
// and more than fits a batch of the store, are errors, and nothing was done. A message that is to be retained when there is no more room for
// that is only published. A nil state is deleted. The caller flushes t.
func (s *Session) Exchange(key string, state []byte, messages []*Message, t *Touched) (queue.Receipt, error) {
	s.push.Lock()
	defer s.push.Unlock()
	for _, m := range messages {
		if code := s.refuses(m); code.IsError() {
			return 0, fmt.Errorf("publish to %s: %w", m.TopicName, code)
		}
	}
	b, c := s.b, s.b.change()
	if state == nil {
		c.batch.Delete(spaceGateway, key)
	} else {
		c.batch.Put(spaceGateway, key, state)
	}
	b.retained.mu.Lock() // see publish
	defer b.retained.mu.Unlock()
	var kept []*Message
	for _, m := range messages {
		if m.Retain {
			keep := m
			if !b.makeRoom(m) {
				plain := *m
				m, keep, plain.Retain = &plain, unretain(m), false
				c.publish(keep, nil)
			}
			kept = append(kept, keep)
		}
		var routed Touched // its targets stay as they are until the batch is applied
		b.route(m, s.state, &routed)
		c.publishRouted(m, &routed)
		t.to = append(t.to, routed.to...)
	}
	c.batch.MayWait()
	receipt, err := b.store.Apply(c.batch)
	if err == nil {
		for _, m := range kept {
			b.retained.keep(m, s.state)
		}
		t.touchAll()
	} else {
		for _, m := range messages {
			b.unpublished(m)
		}
	}
	t.to = t.to[:0]
	return receipt, err
}
