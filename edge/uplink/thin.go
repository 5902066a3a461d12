package uplink

import (
	"sync"
	"time"

	"skerry/broker"
	"skerry/queue"
)

// thinner thins a live stream out while the budget of its link is tight: of each topic a message leaves, and those that were published
// within an interval after it do not. What decides is when they were published, not when there was a connection, so that of what has waited
// as much is left as of what has not. The first message leaves and not the last, which nobody knows before the interval is over.
//
// What has left is remembered in memory, and not over a restart. It may be used by several goroutines.
type thinner struct {
	every time.Duration
	begun time.Time

	mu     sync.Mutex
	topics map[string]queue.Stamp // when what has left of them was published
	bytes  int                    // of memory
	count  uint64                 // messages that did not leave
	said   bool                   // that it thins out
	before uint64                 // count when that was said
}

const (
	// mostThinned bounds what a thinner remembers, in bytes; thinnedTopic is about what a topic costs beside its name.
	mostThinned  = 1 << 20
	thinnedTopic = 80
)

func newThinner(every time.Duration) *thinner {
	return &thinner{every: every, begun: time.Now(), topics: map[string]queue.Stamp{}}
}

// passes tells whether a message leaves that was published at a moment, and if so remembers it. One of another run of the store does: how
// long it is after the one before is not always known.
func (t *thinner) passes(topic string, at queue.Stamp) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, known := t.topics[topic]
	if known && last.Boot == at.Boot && (at.At-last.At).Abs() < t.every {
		t.count++
		return false
	}
	if !known {
		t.bytes += thinnedTopic + len(topic)
	}
	t.topics[topic] = at
	for other := range t.topics { // any is forgotten: each costs a message too many, whichever it is
		if t.bytes <= mostThinned {
			break
		}
		if other != topic {
			delete(t.topics, other)
			t.bytes -= thinnedTopic + len(other)
		}
	}
	return true
}

// now is a moment of passes for what is published now.
func (t *thinner) now() queue.Stamp { return queue.Stamp{At: time.Since(t.begun)} }

// thinned is how many messages did not leave, so far.
func (t *thinner) thinned() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// look notes whether the stream is thinned out now, and tells whether that is news; count is of how many messages since it was.
func (t *thinner) look(tight bool) (news bool, count uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said == tight {
		return false, 0
	}
	count, t.said, t.before = t.count-t.before, tight, t.count
	if !tight {
		t.topics, t.bytes = map[string]queue.Stamp{}, 0
	}
	return true, count
}

// thins tells whether a message that has not been sent before is left out for the budget of the link. Of a pair nothing is: what is left out
// there has gone into the backlog when it was published, see pairs.
func (l *link) thins(a *lane, d *broker.Delivery) bool {
	if a.thin == nil || a.behind || d.Dup || removes(d.Retain, d.Message.Payload) || !l.way.purse.tight(a.stream) || a.thin.passes(d.Message.TopicName, d.Message.Stamp) {
		return false
	}
	l.way.purse.account.Dropped(classOf(a.class), 1)
	l.u.count(func(s *Status) { s.Thinned++ })
	return true
}

// sayThinned logs when streams begin to be thinned out for the budget of the link, and when that ends.
func (u *Uplink) sayThinned(w *way) {
	for _, s := range u.streams {
		if s.thin == nil {
			continue
		}
		tight := w.Carries(s.class) && w.purse.tight(s)
		news, count := s.thin.look(tight)
		switch {
		case !news:
		case tight && s.behind:
			u.log.Warn("a live stream is thinned out for a link's budget; the rest goes into the backlog", "stream", s.name, "link", w.Name, "every", s.thin.every)
		case tight:
			u.log.Warn("a live stream is thinned out for a link's budget; the rest is dropped", "stream", s.name, "link", w.Name, "every", s.thin.every)
		default:
			u.log.Info("a live stream is not thinned out any more", "stream", s.name, "link", w.Name, "messages", count)
		}
	}
}
