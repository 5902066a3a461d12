package broker

import (
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"skerry/broker/topic"
	"skerry/queue"
)

// retained is the index of the retained messages. The messages themselves are the facts on disk (package queue).
type retained struct {
	mu     sync.Mutex
	names  topic.Names[kept]
	count  int // of those that count towards the limits
	bytes  int // of these
	limits Limits
	swept  time.Duration // when expired messages were last looked for
	full   bool          // one was refused, and none has found room since
}

// kept is one retained message.
type kept struct {
	message *Message
	by      *author // nil: the Server itself, or not known after a restart
}

// weight is what a retained message counts towards Limits.RetainedBytes.
func weight(m *Message) int { return len(m.TopicName) + len(m.Properties) + len(m.Payload) }

// sweepEvery bounds how often a full index is searched for expired messages.
const sweepEvery = time.Minute

// makeRoom tells whether m may be kept. The index is locked.
func (b *Broker) makeRoom(m *Message) bool {
	r := &b.retained
	if system(m.TopicName) {
		return true
	}
	if len(m.Payload) == 0 || r.fits(m) {
		b.tellRetainedRoom(m)
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

// publishUnretained is for a message for which makeRoom has found none. At QoS 1 and 2 its publisher is told; at QoS 0, where that is not
// possible, those who are there get it all the same, and the message that it was to replace is discarded [MQTT-3.3.1-7 of 3.1.1]. The index is
// locked.
func (b *Broker) publishUnretained(m *Message, from *session, t *Touched) (queue.Receipt, error) {
	r := &b.retained
	b.store.CountRefused()
	if !r.full {
		r.full = true
		b.log.Warn("no more messages are retained: there are as many as may be", "messages", r.names.Len(), "bytes", r.bytes,
			"most_messages", r.limits.RetainedMessages, "most_bytes", r.limits.RetainedBytes)
	}
	if m.QoS > 0 {
		return 0, fmt.Errorf("at most %d messages of %d bytes are retained: %w", r.limits.RetainedMessages, r.limits.RetainedBytes, queue.ErrFull)
	}
	b.route(m, from, t)
	live := *m
	live.Retain = false
	receipt, err := b.hand(&live, from, 0, t)
	if err != nil {
		return 0, err
	}
	t.touchAll()
	if _, known := r.names.Get(m.TopicName); known {
		if _, err := b.store.Publish(unretain(m), nil); err != nil {
			b.log.Warn("a retained message is discarded, and is back after a restart", "topic", m.TopicName, "err", err)
		}
		r.drop(m.TopicName)
	}
	return receipt, nil
}

// unretain is what removes the retained message that m was to replace. Nobody waits for its commit.
func unretain(m *Message) *Message {
	return &Message{TopicName: m.TopicName, Retain: true, Origin: queue.Gateway}
}

// tellRetainedRoom logs that a new topic has found room again.
func (b *Broker) tellRetainedRoom(m *Message) {
	r := &b.retained
	if _, known := r.names.Get(m.TopicName); r.full && !known && len(m.Payload) > 0 {
		r.full = false
		b.log.Info("messages are retained again")
	}
}

func (r *retained) fits(m *Message) bool {
	bytes, count, levels := r.bytes+weight(m), r.count+1, r.names.Levels()
	if old, ok := r.names.Get(m.TopicName); ok {
		bytes, count = bytes-weight(old.message), count-1
	} else {
		levels += strings.Count(m.TopicName, "/") + 1
	}
	return bytes <= r.limits.RetainedBytes && count <= r.limits.RetainedMessages && levels*levelWeight <= max(r.limits.RetainedBytes, leastIndex)
}

// Names of many levels that nobody else has weigh more in the index than in bytes: it may take as much as the messages do.
const (
	levelWeight = 300 // bytes of memory
	leastIndex  = 1 << 20
)

// keep makes m the retained message of its topic; an empty payload deletes it. [MQTT-3.3.1-6] The index is locked.
func (r *retained) keep(m *Message, from *session) {
	if len(m.Payload) == 0 {
		r.drop(m.TopicName)
		return
	}
	k := kept{message: m, by: from.signs()}
	if old, had := r.names.Set(m.TopicName, k); had {
		r.weigh(old.message, -1)
	}
	r.weigh(m, 1)
}

// weigh adds a message to what counts, or takes it away. What the Server says about itself leaves no less room to Clients.
func (r *retained) weigh(m *Message, sign int) {
	if !system(m.TopicName) {
		r.count += sign
		r.bytes += sign * weight(m)
	}
}

// most is how many names there can be. The index is locked.
func (r *retained) most() int { return r.limits.RetainedMessages + r.names.Len() - r.count }

// system names are those of what the Server says about itself. What a Client may publish beside them is not among them: it counts.
func system(name string) bool { return strings.HasPrefix(name, "$SYS/") && reserved(name) }

func (r *retained) drop(name string) {
	if old, had := r.names.Delete(name); had {
		r.weigh(old.message, -1)
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

// wanted tells whether a retained message goes to a new subscription, whatever is in it. [MQTT-3.8.3-3] It does not if its publisher has
// lost the right to publish there: mosquitto does so by default (check_retain_source).
func (sub *subscription) wanted(k kept) bool {
	if c := sub.behind; c != nil && !c.matches(k.message.TopicName) {
		return false
	}
	name := k.message.TopicName
	return !(sub.noLocal && k.by.local(sub.session)) && sub.session.mayRead(name) && k.by.stands(name)
}

// matching gives the retained messages that a subscription asks for by name.
func (r *retained) matching(sub *subscription) iter.Seq2[string, kept] {
	if sub.behind != nil {
		return r.names.MatchBelow(sub.inner)
	}
	return r.names.Match(sub.filter)
}

// deliverRetained pushes one retained message for a subscription. It is a copy that is not itself kept again; it has the
// stamp of the original, and so its age. RETAIN is set whatever RetainAsPublished says [MQTT-3.3.1-8]. by tells whether its
// commit may wait.
func (b *Broker) deliverRetained(k kept, sub *subscription, by queue.Origin) (queue.Receipt, error) {
	c := *k.message
	c.Retain = false
	c.Origin = by
	if sub.behind != nil {
		c.TopicName = sub.behind.named(c.TopicName)
	}
	target := queue.Target{Session: sub.session.queue, QoS: min(c.QoS, sub.qos), Retain: true, SubscriptionIDs: sub.ids}
	return b.store.Publish(&c, []queue.Target{target})
}
