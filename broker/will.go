package broker

import (
	"time"

	"skerry/queue"
)

// Will is the message that is published when a Client's connection ends without a DISCONNECT (section 3.1.2.5).
type Will struct {
	Message *Message
	Delay   uint32 // seconds; it is published earlier if the session ends before
}

func (w *Will) delay() time.Duration { return time.Duration(w.Delay) * time.Second }

// fire publishes the Will of a session, if it has one, and in the same batch forgets it.
func (b *Broker) fire(s *session, t *Touched) {
	s.life.willDue = false
	if s.will == nil {
		return
	}
	m := *s.will.Message // fresh: the time of a Will is when it is published
	m.Stamp = queue.Stamp{}
	s.will = nil
	c := b.change()
	c.delete(spaceWill, s.key)
	if m.Retain {
		b.retained.mu.Lock()
		defer b.retained.mu.Unlock()
		if !b.makeRoom(&m) {
			b.log.Warn("will published but not retained: too many retained messages", "client", s.key[1:], "topic", m.TopicName)
			m.Retain = false
		}
	}
	b.route(&m, s, t)
	if len(t.targets) > 0 || m.Retain {
		c.publish(&m, t.targets)
	}
	if err := c.apply(); err != nil {
		b.log.Warn("will not published: it stays stored and is published by the next run", "client", s.key[1:], "err", err)
		return
	}
	if m.Retain {
		b.retained.keep(&m, s)
	}
	t.touchAll()
}
