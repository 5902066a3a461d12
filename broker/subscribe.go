package broker

import (
	"fmt"
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
	fresh := make(map[string]bool) // filters that this SUBSCRIBE adds
	for i := range subs {
		filter := subs[i].TopicFilter
		known := state.subs[filter] != nil || fresh[filter]
		if codes[i] = s.refusesSubscription(&subs[i], known, len(fresh)); codes[i].IsError() {
			continue
		}
		accepted = append(accepted, state.newSubscription(&subs[i], known))
		if !known {
			fresh[filter] = true
		}
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
func (s *Session) refusesSubscription(sub *Subscription, known bool, more int) packet.ReasonCode {
	switch {
	case s.dead.Load():
		return packet.SessionTakenOver
	case topic.ValidFilter(sub.TopicFilter) != nil, sub.QoS > 2, sub.RetainHandling > 2, sub.ID > maxSubscriptionID:
		return packet.TopicFilterInvalid
	case topic.IsShared(sub.TopicFilter):
		return packet.SharedSubscriptionsNotSupported
	}
	if !known && len(s.state.subs)+more >= s.b.options.Limits.Subscriptions {
		return packet.QuotaExceeded
	}
	return packet.ReasonCode(sub.QoS)
}

// newSubscription makes what Subscribe is to install.
func (s *session) newSubscription(o *Subscription, known bool) *subscription {
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
	sub.sendRetained = o.RetainHandling == 0 || o.RetainHandling == 1 && !known
	return sub
}

// subscribe installs subscriptions. While it runs no retained message is published: each is either found here or routed
// to the new subscription, and in order.
func (b *Broker) subscribe(s *session, subs []*subscription) error {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	var later []owed
	left, names := directly, 0
	filters := make(map[string]bool)
	for _, sub := range subs {
		filters[sub.filter] = true
		if !sub.sendRetained {
			continue
		}
		more, err := b.sendRetained(sub, &left)
		if err != nil {
			return err
		}
		for _, o := range more {
			names += len(o.names)
		}
		later = append(later, more...)
	}
	if names > 0 && !s.backlog.room(names, b.options.Limits.RetainedMessages, filters) {
		return errTooManyRetained
	}
	if err := b.storeSubscriptions(s, subs); err != nil {
		return err
	}
	for _, sub := range subs {
		b.install(sub)
	}
	for _, o := range later {
		s.backlog.add(o)
	}
	return nil
}

// errTooManyRetained: so many retained messages are waiting to be sent that no more are remembered.
var errTooManyRetained = fmt.Errorf("too many retained messages are still to be sent: %w", queue.ErrBusy)

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

// sendRetained stores the retained messages that have to survive, and returns those that are to follow. This comes before
// the subscription is stored: one that is known after a power cut, with its messages missing, would not get them by
// RetainHandling 1; the other way round they come twice at worst. Their commit may wait: that of a new subscription, which
// SUBACK waits for, takes them along.
func (b *Broker) sendRetained(sub *subscription, left *int) ([]owed, error) {
	volatile, late := owed{sub: sub}, owed{sub: sub, late: true}
	for name, k := range b.retained.names.Match(sub.filter) {
		switch {
		case !b.alive(k.message) || !sub.wanted(k):
		case !sub.survives(k):
			volatile.names = append(volatile.names, name)
		case *left < weight(k.message):
			late.names = append(late.names, name)
		default:
			*left -= weight(k.message)
			if _, err := b.deliverRetained(k, sub, queue.Gateway); err != nil {
				return nil, err
			}
		}
	}
	return []owed{volatile, late}, nil
}

// storeSubscriptions writes the subscriptions of a durable session. One that was there as it is costs no write.
func (b *Broker) storeSubscriptions(s *session, subs []*subscription) error {
	if !s.queue.Durable() {
		return nil
	}
	c := b.change()
	for _, sub := range subs {
		c.putSubscription(sub)
	}
	return c.applyFor(s)
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
