package queuetest

import "skerry/queue"

// checkRetained compares what is kept of each topic with what was acknowledged of it and what was sent after that.
func (w *world) checkRetained(all []*queue.Message) {
	found := map[string]*queue.Message{}
	for _, m := range all {
		if found[m.TopicName] != nil {
			w.breaks("two retained messages of %s", m.TopicName)
		}
		found[m.TopicName] = m
	}
	for _, p := range w.pubs {
		m := found[p.topic()]
		delete(found, p.topic())
		if m == nil {
			p.checkNothingKept()
		} else {
			p.checkKept(m)
		}
	}
	for topic := range found {
		if topic != fillTopic {
			w.breaks("a retained message of %s, where nobody published", topic)
		}
	}
}

// keeps tells whether a message of a publisher becomes the retained one, and whether it deletes it instead.
func keeps(n int) (keep, deletes bool) { return n%5 == 0, n%15 == 10 }

func (p *publisher) checkKept(m *queue.Message) {
	n := number(m)
	keep, deletes := keeps(n)
	if !keep || deletes || n >= p.next || n < p.kept || !same(m, p.message(n)) {
		p.w.breaks("retained message %d of %s after %d was acknowledged", n, p.topic(), p.kept)
	}
}

// checkNothingKept: either nothing was acknowledged yet, or a message that deletes was the last.
func (p *publisher) checkNothingKept() {
	if p.kept < 0 {
		return
	}
	for n := p.kept; n < p.next; n++ {
		if _, deletes := keeps(n); deletes {
			return
		}
	}
	p.w.breaks("no retained message of %s after %d was acknowledged", p.topic(), p.kept)
}
