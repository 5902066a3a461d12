package broker

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/topic"
	"skerry/queue"
)

// retained is the index of the retained messages. The messages themselves are the facts on disk (package queue).
type retained struct {
	mu     sync.Mutex
	names  topic.Names[kept]
	bytes  int
	limits Limits
	swept  time.Duration // when expired messages were last looked for
}

// kept is one retained message.
type kept struct {
	message *Message
	// from is the group or the key of the session that published it, for NoLocal; unknown after a restart.
	from string
}

// weight is what a retained message counts towards Limits.RetainedBytes.
func weight(m *Message) int { return len(m.TopicName) + len(m.Properties) + len(m.Payload) }

// sweepEvery bounds how often a full index is searched for expired messages.
const sweepEvery = time.Minute

// makeRoom tells whether m may be kept. The index is locked.
func (b *Broker) makeRoom(m *Message) bool {
	r := &b.retained
	if len(m.Payload) == 0 || r.fits(m) {
		return true
	}
	if now := b.store.Now().At; r.swept == 0 || now-r.swept >= sweepEvery {
		r.swept = now
		for _, k := range collect(r, "#", b.expired) {
			r.drop(k.message.TopicName)
		}
		for _, k := range collect(r, "$SYS/#", b.expired) {
			r.drop(k.message.TopicName)
		}
	}
	return r.fits(m)
}

func (r *retained) fits(m *Message) bool {
	bytes, count := r.bytes+weight(m), r.names.Len()+1
	if old, ok := r.names.Get(m.TopicName); ok {
		bytes, count = bytes-weight(old.message), count-1
	}
	return bytes <= r.limits.RetainedBytes && count <= r.limits.RetainedMessages
}

// keep makes m the retained message of its topic; an empty payload deletes it. [MQTT-3.3.1-6] The index is locked.
func (r *retained) keep(m *Message, from *session) {
	if len(m.Payload) == 0 {
		r.drop(m.TopicName)
		return
	}
	k := kept{message: m}
	if from != nil {
		k.from = from.origin
	}
	if old, had := r.names.Set(m.TopicName, k); had {
		r.bytes -= weight(old.message)
	}
	r.bytes += weight(m)
}

func (r *retained) drop(name string) {
	if old, had := r.names.Delete(name); had {
		r.bytes -= weight(old.message)
	}
}

// collect returns the retained messages that match a filter and a condition. The index is locked.
func collect(r *retained, filter string, when func(*Message) bool) []kept {
	var found []kept
	for _, k := range r.names.Match(filter) {
		if when(k.message) {
			found = append(found, k)
		}
	}
	return found
}

func (b *Broker) expired(m *Message) bool {
	return m.HasExpiry && b.store.Age(m) >= time.Duration(m.Expiry)*time.Second
}

func (b *Broker) alive(m *Message) bool { return !b.expired(m) }

// survives tells whether the delivery of a retained message has to survive.
func (sub *subscription) survives(k kept) bool {
	return sub.session.queue.Durable() && min(k.message.QoS, sub.qos) > 0
}

// wanted tells whether a retained message goes to a new subscription. [MQTT-3.8.3-3]
func (sub *subscription) wanted(k kept) bool {
	return !sub.noLocal || k.from != sub.session.origin
}

// deliverRetained pushes one retained message for a subscription. It is a copy that is not itself kept again; it has the
// stamp of the original, and so its age. RETAIN is set whatever RetainAsPublished says [MQTT-3.3.1-8]. Nobody was promised
// anything by the copy, so that its commit may wait.
func (b *Broker) deliverRetained(k kept, sub *subscription) error {
	c := *k.message
	c.Retain = false
	c.Origin = queue.Gateway
	target := queue.Target{Session: sub.session.queue, QoS: min(c.QoS, sub.qos), Retain: true, SubscriptionIDs: sub.ids}
	_, err := b.store.Publish(&c, []queue.Target{target})
	return err
}

// backlog names the retained messages that a session is still to get. They are not pushed at once, because the ring is
// bounded and there may be thousands; and they are named, not held, so that what is delivered is what is retained at that
// moment, never an older message after a newer one.
type backlog struct {
	waits atomic.Bool
	mu    sync.Mutex
	owed  []owed
}

type owed struct {
	name string
	sub  *subscription
	late bool // it has to survive, but there were too many to write them all before SUBACK
}

func (l *backlog) add(more ...owed) {
	l.mu.Lock()
	l.owed = append(l.owed, more...)
	l.waits.Store(len(l.owed) > 0)
	l.mu.Unlock()
}

// disconnected forgets what is owed to a connection only.
func (l *backlog) disconnected() {
	l.mu.Lock()
	l.owed = slices.DeleteFunc(l.owed, func(o owed) bool { return !o.late })
	l.waits.Store(len(l.owed) > 0)
	l.mu.Unlock()
}

// take removes up to n entries.
func (l *backlog) take(n int) []owed {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = min(n, len(l.owed))
	taken := l.owed[:n:n]
	l.owed = l.owed[n:]
	if len(l.owed) == 0 {
		l.owed = nil
		l.waits.Store(false)
	}
	return taken
}

// feedAtOnce is how many retained messages are pushed when the ring has room: small beside the ring (1024), so that live
// messages find room too.
const feedAtOnce = 128

// hungry tells whether there is something to feed, and room for it.
func (s *session) hungry() bool { return s.backlog.waits.Load() && s.queue.Queued() <= feedAtOnce }

// feed pushes some of the backlog; false if there was nothing to push or no room.
func (s *session) feed() bool {
	if !s.hungry() {
		return false
	}
	b := s.b
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	taken := s.backlog.take(feedAtOnce)
	for i, o := range taken {
		k, ok := b.retained.names.Get(o.name)
		// One that has to survive may have taken the place of what was owed; then it was routed to the session already.
		if !ok || o.sub.gone.Load() || !b.alive(k.message) || !o.sub.wanted(k) || o.sub.survives(k) && !o.late {
			continue
		}
		if b.deliverRetained(k, o.sub) != nil {
			s.backlog.add(taken[i:]...) // the store is busy; the next Next tries again
			return false
		}
	}
	return true
}
