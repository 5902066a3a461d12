package broker

import (
	"skerry/broker/filter"
	"skerry/broker/topic"
)

// judgement is what content filters say about retained messages. nil is enough for subscriptions that are behind none.
type judgement struct {
	b       *Broker
	subject filter.Subject
	known   map[judged]bool
}

// judged is a question that was asked.
type judged struct {
	c *content
	m *Message
}

// judgeRetained asks the content filters that a durable session is about to subscribe to, before locks are taken: there may be
// many retained messages. Those that come meanwhile are asked about when they are found, and those of a volatile session
// when their turn comes.
func (b *Broker) judgeRetained(s *session, subs []Subscription) (j *judgement) {
	for i := range subs {
		c, inner := b.contents.of(subs[i].TopicFilter)
		if c == nil {
			continue
		}
		if j == nil {
			j = &judgement{b: b}
		}
		if i >= b.options.Limits.Subscriptions { // more can hardly be wanted; what is asked about later is asked under a lock
			break
		}
		if subs[i].RetainHandling == 2 || !s.queue.Durable() || topic.ValidFilter(subs[i].TopicFilter) != nil {
			continue
		}
		for _, m := range b.candidates(c, inner, subs[i].QoS) {
			j.knows(c, m)
		}
	}
	return j
}

// candidates are the retained messages that a subscription behind a content filter may be sent at once.
func (b *Broker) candidates(c *content, inner string, qos byte) (all []*Message) {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	for name, k := range b.retained.names.MatchBelow(inner) {
		if min(k.message.QoS, qos) > 0 && c.matches(name) && b.alive(k.message) {
			all = append(all, k.message)
		}
	}
	return all
}

// passes tells whether the content filter that a subscription is behind lets a retained message pass.
func (j *judgement) passes(sub *subscription, m *Message) bool {
	if sub.behind == nil {
		return true
	}
	return j.knows(sub.behind, m)
}

// knows asks what has not been asked yet.
func (j *judgement) knows(c *content, m *Message) bool {
	if passes, ok := j.known[judged{c, m}]; ok {
		return passes
	}
	return j.asks(c, m)
}

func (j *judgement) asks(c *content, m *Message) bool {
	j.subject.Date = j.b.date
	j.subject.Set(m.TopicName, m.Payload, m.Properties, m.QoS, true, j.b.store.Age(m))
	holds := c.Condition.Holds
	if memory, ok := c.Condition.(Memory); ok {
		holds = memory.Stored
	}
	passes := holds(&j.subject)
	if j.known == nil {
		j.known = map[judged]bool{}
	}
	j.known[judged{c, m}] = passes
	return passes
}
