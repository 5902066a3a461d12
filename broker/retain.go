package broker

import (
	"iter"
	"sync"
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
		for _, k := range collect(r.names.All(), b.expired) {
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

// collect returns the retained messages of which a condition holds.
func collect(names iter.Seq2[string, kept], when func(*Message) bool) []kept {
	var found []kept
	for _, k := range names {
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
// stamp of the original, and so its age. RETAIN is set whatever RetainAsPublished says [MQTT-3.3.1-8]. by tells whether its
// commit may wait.
func (b *Broker) deliverRetained(k kept, sub *subscription, by queue.Origin) (queue.Receipt, error) {
	c := *k.message
	c.Retain = false
	c.Origin = by
	target := queue.Target{Session: sub.session.queue, QoS: min(c.QoS, sub.qos), Retain: true, SubscriptionIDs: sub.ids}
	return b.store.Publish(&c, []queue.Target{target})
}
