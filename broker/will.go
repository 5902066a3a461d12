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

// willWeight is what the Will of a session counts towards Limits.WillBytes. s may be nil.
func (s *session) willWeight() int {
	if s == nil || s.will == nil || s.internal() {
		return 0
	}
	return weight(s.will.Message)
}

// setWill gives a session a Will, or takes it away. All Wills are in memory, those of Clients that are away included.
func (b *Broker) setWill(s *session, w *Will) {
	b.willBytes -= s.willWeight()
	s.will = w
	b.willBytes += s.willWeight()
}

// fire publishes the Will of a session, if it has one, and in the same batch forgets it.
func (b *Broker) fire(s *session, t *Touched) {
	s.life.willDue = false
	if s.will == nil {
		return
	}
	m := *s.will.Message // fresh: the time of a Will is when it is published
	m.Stamp = queue.Stamp{}
	b.setWill(s, nil)
	c := b.change()
	c.delete(spaceWill, s.key)
	if !s.mayPublish(m.TopicName) { // the rules have changed since CONNECT
		b.log.Warn("will not published: its client may not publish there any more", "client", s.key[1:], "topic", m.TopicName)
		if err := c.apply(); err != nil {
			b.log.Warn("will not forgotten: it stays stored", "client", s.key[1:], "err", err)
		}
		return
	}
	var keep *Message // what takes the place of the retained message of the topic
	if m.Retain {
		b.retained.mu.Lock()
		defer b.retained.mu.Unlock()
		if keep = &m; !b.makeRoom(&m) {
			b.log.Warn("will published but not retained: too many retained messages", "client", s.key[1:], "topic", m.TopicName)
			keep, m.Retain = unretain(&m), false
			c.publish(keep, nil)
		}
	}
	b.route(&m, s, t)
	c.publishRouted(&m, t)
	if err := c.apply(); err != nil {
		b.log.Warn("will not published: it stays stored and is published by the next run", "client", s.key[1:], "err", err)
		return
	}
	if keep != nil {
		b.retained.keep(keep, s)
	}
	t.touchAll()
}
