package broker

import (
	"sync/atomic"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
)

// Subscription is one entry of a SUBSCRIBE (section 3.8.3). For 3.1.1 only TopicFilter and QoS are set.
type Subscription struct {
	TopicFilter       string
	QoS               byte
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte   // 0: send retained messages; 1: only if the subscription is new; 2: never
	ID                uint32 // Subscription Identifier; 0: none
}

// maxSubscriptionID is the largest value of a Variable Byte Integer.
const maxSubscriptionID = 268_435_455

// subscription is a Subscription of a session; immutable but for gone.
type subscription struct {
	session           *session
	filter            string
	qos               byte
	noLocal           bool
	retainAsPublished bool
	ids               []uint32 // one or none; shared by all deliveries
	sendRetained      bool     // at the time of SUBSCRIBE
	gone              atomic.Bool
}

// Subscribe adds or replaces subscriptions, and sends the retained messages they ask for. There is one code per entry:
// the QoS granted, or why it was refused. SUBACK may be sent when the receipt is resolved.
func (s *Session) Subscribe(subs []Subscription, t *Touched) ([]packet.ReasonCode, queue.Receipt) {
	if t == nil {
		t = new(Touched)
		defer t.Flush()
	}
	b, state := s.b, s.state
	b.mu.Lock()
	defer b.mu.Unlock()
	codes := make([]packet.ReasonCode, len(subs))
	var accepted []*subscription
	for i := range subs {
		if codes[i] = s.refusesSubscription(&subs[i], len(accepted)); codes[i].IsError() {
			continue
		}
		accepted = append(accepted, state.newSubscription(&subs[i], accepted))
	}
	if len(accepted) == 0 {
		return codes, 0
	}
	if err := b.subscribe(state, accepted); err != nil {
		for i := range codes {
			if !codes[i].IsError() {
				codes[i] = refusal(err)
			}
		}
		return codes, 0
	}
	t.touch(state)
	return codes, state.receipt
}

// refusesSubscription returns the granted QoS, or why the subscription is refused.
func (s *Session) refusesSubscription(sub *Subscription, more int) packet.ReasonCode {
	switch {
	case s.dead.Load():
		return packet.SessionTakenOver
	case topic.ValidFilter(sub.TopicFilter) != nil, sub.QoS > 2, sub.RetainHandling > 2, sub.ID > maxSubscriptionID:
		return packet.TopicFilterInvalid
	case topic.IsShared(sub.TopicFilter):
		return packet.SharedSubscriptionsNotSupported
	}
	_, known := s.state.subs[sub.TopicFilter]
	if !known && len(s.state.subs)+more >= s.b.options.Limits.Subscriptions {
		return packet.QuotaExceeded
	}
	return packet.ReasonCode(sub.QoS)
}

// newSubscription makes what Subscribe is to install after earlier ones of the same SUBSCRIBE.
func (s *session) newSubscription(o *Subscription, earlier []*subscription) *subscription {
	sub := &subscription{
		session:           s,
		filter:            o.TopicFilter,
		qos:               o.QoS,
		noLocal:           o.NoLocal,
		retainAsPublished: o.RetainAsPublished,
	}
	if o.ID != 0 {
		sub.ids = []uint32{o.ID}
	}
	_, known := s.subs[sub.filter]
	for _, e := range earlier {
		known = known || e.filter == sub.filter
	}
	sub.sendRetained = o.RetainHandling == 0 || o.RetainHandling == 1 && !known
	return sub
}

// subscribe installs subscriptions. While it runs no retained message is published: each is either found here or routed
// to the new subscription, and in order.
func (b *Broker) subscribe(s *session, subs []*subscription) error {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	var late []owed
	if s.queue.Durable() {
		var err error
		if late, err = b.subscribeDurably(s, subs); err != nil {
			return err
		}
	}
	for _, sub := range subs {
		b.install(sub)
		if !sub.sendRetained {
			continue
		}
		for name, k := range b.retained.names.Match(sub.filter) {
			if !sub.survives(k) {
				s.backlog.add(owed{name: name, sub: sub})
			}
		}
	}
	s.backlog.add(late...)
	return nil
}

// install makes sub what routing finds.
func (b *Broker) install(sub *subscription) {
	if old := sub.session.subs[sub.filter]; old != nil {
		old.gone.Store(true)
	}
	sub.session.subs[sub.filter] = sub
	b.subs.Set(sub.filter, sub.session, sub)
}

// directly is how many bytes of retained messages are written for a durable session before its SUBACK. Beyond that they
// would fill what the store takes before the disk has kept up, and they follow as the session takes them; a power cut in
// between costs the session those that were not sent yet.
const directly = 4 << 20

// subscribeDurably stores the retained messages for a durable session, and then the subscriptions. In this order, because
// a subscription that is known after a power cut, with its messages missing, would not get them by RetainHandling 1; the
// other way round they come twice at worst. A subscription that was there as it is costs no write.
func (b *Broker) subscribeDurably(s *session, subs []*subscription) (late []owed, err error) {
	left := directly
	for _, sub := range subs {
		if !sub.sendRetained {
			continue
		}
		for _, k := range collect(&b.retained, sub.filter, b.alive) {
			if !sub.wanted(k) || !sub.survives(k) {
				continue
			}
			if left -= weight(k.message); left < 0 {
				late = append(late, owed{k.message.TopicName, sub, true})
			} else if err := b.deliverRetained(k, sub); err != nil {
				return nil, err
			}
		}
	}
	c := b.change()
	for _, sub := range subs {
		c.putSubscription(sub)
	}
	return late, c.applyFor(s)
}

// Unsubscribe removes subscriptions; what is already queued for them is still delivered (section 3.10.4). There is one
// code per filter. UNSUBACK may be sent when the receipt is resolved.
func (s *Session) Unsubscribe(filters []string) ([]packet.ReasonCode, queue.Receipt) {
	b, state := s.b, s.state
	b.mu.Lock()
	defer b.mu.Unlock()
	codes := make([]packet.ReasonCode, len(filters))
	c := b.change()
	for i, filter := range filters {
		if codes[i] = s.refusesUnsubscribe(filter); codes[i] == packet.Success && state.queue.Durable() {
			c.deleteSubscription(state, filter)
		}
	}
	if err := c.applyFor(state); err != nil {
		for i := range codes {
			codes[i] = refusal(err)
		}
		return codes, 0
	}
	for i, filter := range filters {
		if codes[i] == packet.Success {
			b.uninstall(state, filter)
		}
	}
	return codes, state.receipt
}

func (s *Session) refusesUnsubscribe(filter string) packet.ReasonCode {
	if s.dead.Load() {
		return packet.SessionTakenOver
	}
	if _, known := s.state.subs[filter]; known {
		return packet.Success
	}
	if topic.ValidFilter(filter) != nil {
		return packet.TopicFilterInvalid
	}
	return packet.NoSubscriptionExisted
}

func (b *Broker) uninstall(s *session, filter string) {
	if sub := s.subs[filter]; sub != nil {
		sub.gone.Store(true)
		delete(s.subs, filter)
		b.subs.Delete(filter, s)
	}
}
