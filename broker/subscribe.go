package broker

import (
	"errors"
	"fmt"
	"strings"
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
	ids               []uint32     // one or none; shared by all deliveries
	sendRetained      bool         // at the time of SUBSCRIBE
	gone              *atomic.Bool // shared with the one that it replaced, if what was owed to that is still to come. Set by install
	group             *group       // of a shared subscription: the session is a member, or, where routing finds it, the group itself
	share             queue.Share

	behind *content // "$filter/..."; nil: none, or one that is not configured any more
	inner  string   // the Topic Filter behind it
}

// Subscribe adds or replaces subscriptions, and sends the retained messages they ask for. There is one code per entry:
// the QoS granted, or why it was refused. ServerBusy: more waits for the disk than memory may hold, which passes with the next group;
// nothing was changed for that entry, nor for those behind it. SUBACK may be sent when the receipt is resolved.
//
// Each filter may have to be compared with all that is retained: between two of them others have a turn with the locks.
func (s *Session) Subscribe(subs []Subscription, t *Touched) ([]packet.ReasonCode, queue.Receipt) {
	if t == nil {
		t = new(Touched)
		defer t.Flush()
	}
	merged, places := merge(subs)
	judged := s.b.judgeRetained(s.state, merged)
	granted := make([]packet.ReasonCode, len(merged))
	receipt, left := queue.Receipt(0), directly
	if len(merged) > 1 {
		t.begin(s.b.store) // all in one commit
	}
	for i := range merged {
		var r queue.Receipt
		if granted[i], r = s.subscribe(&merged[i], judged, &left, t); granted[i] == packet.ServerBusy {
			for k := range granted[i:] {
				granted[i+k] = packet.ServerBusy
			}
			break
		}
		receipt = max(receipt, r)
	}
	if places == nil {
		return granted, receipt
	}
	codes := make([]packet.ReasonCode, len(subs))
	for i := range subs {
		if codes[i] = granted[places[i]]; !codes[i].IsError() {
			codes[i] = packet.ReasonCode(subs[i].QoS)
		}
	}
	return codes, receipt
}

// merge leaves out entries that others with the same filter make good for: of each filter the last stays, and, if it does not ask
// for retained messages itself, the one before it that has. So a SUBSCRIBE that names a filter a thousand times finds what is
// retained once. places say where the code of each entry is; nil: nothing stood twice.
func merge(subs []Subscription) (merged []Subscription, places []int) {
	last := make(map[string]int, len(subs)) // the last entry of each filter
	for i := range subs {
		last[subs[i].TopicFilter] = i
	}
	if len(last) == len(subs) {
		return subs, nil
	}
	asks := make(map[string]int, len(last)) // the one whose wish for retained messages counts
	for i := range subs {
		if _, again := asks[subs[i].TopicFilter]; !again || subs[i].RetainHandling == 0 {
			asks[subs[i].TopicFilter] = i
		}
	}
	at := make(map[string]int, len(last))
	for i, sub := range subs {
		if i == asks[sub.TopicFilter] || i == last[sub.TopicFilter] {
			at[sub.TopicFilter] = len(merged)
			merged = append(merged, sub)
		}
	}
	places = make([]int, len(subs))
	for i := range subs {
		places[i] = at[subs[i].TopicFilter]
	}
	return merged, places
}

// subscribe is Subscribe for one filter.
func (s *Session) subscribe(o *Subscription, judged *judgement, left *int, t *Touched) (packet.ReasonCode, queue.Receipt) {
	b, state := s.b, s.state
	b.mu.Lock()
	defer b.mu.Unlock()
	known := state.subs[o.TopicFilter] != nil
	if code := s.refusesSubscription(o, known); code.IsError() {
		return code, 0
	}
	if err := b.subscribe(state.newSubscription(o, known), judged, left); err != nil {
		return refusal(err), 0
	}
	t.touch(state)
	return packet.ReasonCode(o.QoS), state.receipt
}

// refusesSubscription returns the granted QoS, or why the subscription is refused.
func (s *Session) refusesSubscription(sub *Subscription, known bool) packet.ReasonCode {
	switch {
	case s.dead.Load():
		return packet.SessionTakenOver
	case topic.ValidFilter(sub.TopicFilter) != nil, sub.QoS > 2, sub.RetainHandling > 2, sub.ID > maxSubscriptionID:
		return packet.TopicFilterInvalid
	case s.access != nil && !s.access.MaySubscribe(sub.TopicFilter):
		return packet.NotAuthorized
	case !s.internal() && !s.b.options.Limits.allowsTopic(sub.TopicFilter):
		return packet.TopicFilterInvalid
	case refusesShare(sub).IsError():
		return refusesShare(sub)
	case s.b.contents.refuses(sub.TopicFilter, s.internal()):
		return packet.TopicFilterInvalid
	}
	if !known && len(s.state.subs) >= s.b.options.Limits.Subscriptions {
		return packet.QuotaExceeded
	}
	if !known && !s.internal() && !s.b.hasRoom(s.state, filterWeight(sub.TopicFilter)) {
		return packet.QuotaExceeded
	}
	return packet.ReasonCode(sub.QoS)
}

// filterWeight is about what a subscription takes in memory: here, in the store, and in the tree, where a filter with a
// wildcard has a node for each level.
func filterWeight(filter string) int {
	n := 500 + 2*len(filter)
	if topic.HasWildcard(filter) {
		n += 250 * (strings.Count(filter, "/") + 1)
	}
	return n
}

// hasRoom tells whether a session may have so many bytes of subscriptions more.
func (b *Broker) hasRoom(s *session, more int) bool {
	most := b.options.Limits.SubscribedBytes
	return s.weight+more <= most/8 && b.subBytes+more <= most
}

// weigh adds a subscription to what all weigh, or takes it away.
func (b *Broker) weigh(sub *subscription, sign int) {
	n := sign * filterWeight(sub.filter)
	sub.session.weight += n
	b.subBytes += n
}

// newSubscription makes what Subscribe is to install.
func (s *session) newSubscription(o *Subscription, known bool) *subscription {
	behind, inner := s.b.contents.of(o.TopicFilter)
	sub := &subscription{
		session:           s,
		filter:            o.TopicFilter,
		behind:            behind,
		inner:             inner,
		qos:               o.QoS,
		noLocal:           o.NoLocal,
		retainAsPublished: o.RetainAsPublished,
	}
	if o.ID != 0 {
		sub.ids = []uint32{o.ID}
	}
	// Retained messages are not sent to a shared subscription (section 4.8.2).
	sub.sendRetained = !topic.IsShared(o.TopicFilter) && (o.RetainHandling == 0 || o.RetainHandling == 1 && !known)
	return sub
}

// subscribe installs a subscription. While it runs no retained message is published: each is either found here or routed
// to the new subscription, and in order.
func (b *Broker) subscribe(sub *subscription, judged *judgement, left *int) error {
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	var later []owed
	if sub.sendRetained {
		var err error
		if later, err = b.sendRetained(sub, judged, left); err != nil {
			return err
		}
	}
	queues, err := b.storeSubscription(sub)
	if err != nil {
		return err
	}
	b.install(sub, queues)
	for _, o := range later {
		sub.session.backlog.add(o)
	}
	return nil
}

// errTooManyRetained: so many retained messages are waiting to be sent that no more are remembered.
var errTooManyRetained = fmt.Errorf("too many retained messages are still to be sent: %w", queue.ErrFull)

// install makes sub what routing finds. queues are those that groups have from now on.
func (b *Broker) install(sub *subscription, queues map[string]*queue.Session) {
	sub.gone = new(atomic.Bool)
	if old := sub.session.subs[sub.filter]; old != nil {
		if b.weigh(old, -1); sub.sendRetained {
			old.gone.Store(true)
		} else {
			sub.gone = old.gone // what SUBSCRIBE has called forth before is not lost [MQTT-3.8.4-4]
		}
	}
	b.weigh(sub, 1)
	if sub.session.subs == nil {
		sub.session.subs = map[string]*subscription{}
	}
	sub.session.subs[sub.filter] = sub
	switch {
	case topic.IsShared(sub.filter):
		b.join(sub, queues[sub.filter])
		delete(queues, sub.filter)
	case sub.behind != nil:
		sub.behind.subs.Set(sub.inner, sub.session, sub)
		b.contents.changed(sub.behind)
	default:
		b.subs.Set(sub.filter, sub.session, sub)
	}
}

// remove undoes install in routing.
func (b *Broker) remove(sub *subscription) {
	sub.gone.Store(true)
	b.weigh(sub, -1)
	switch {
	case sub.group != nil:
		b.quit(sub)
	case sub.behind != nil:
		sub.behind.subs.Delete(sub.inner, sub.session)
		b.contents.changed(sub.behind)
	default:
		b.subs.Delete(sub.filter, sub.session)
	}
}

// directly is how many bytes of retained messages are written for a durable session before its SUBACK. Beyond that they
// would fill what the store takes before the disk has kept up, and they follow as the session takes them; a power cut in
// between costs the session those that were not sent yet.
const directly = 4 << 20

// sendRetained stores the retained messages that have to survive, and returns those that are to follow. This comes before
// the subscription is stored: one that is known after a power cut, with its messages missing, would not get them by
// RetainHandling 1; the other way round they come twice at worst. Their commit may wait: that of a new subscription, which
// SUBACK waits for, takes them along.
func (b *Broker) sendRetained(sub *subscription, judged *judgement, left *int) ([]owed, error) {
	room := sub.session.backlog.room(b.retained.most(), sub.filter)
	volatile, late := owed{sub: sub}, owed{sub: sub, late: true}
	for name, k := range b.retained.matching(sub) {
		switch {
		case !b.alive(k.message) || !sub.wanted(k):
			continue
		case !sub.survives(k): // what is behind a content filter is judged when its turn comes
			volatile.names = append(volatile.names, name)
		case !judged.passes(sub, k.message):
			continue
		case *left < weight(k.message):
			late.names = append(late.names, name)
		default:
			*left -= weight(k.message)
			_, err := b.deliverRetained(k, sub, queue.Gateway)
			if err != nil && !errors.Is(err, queue.ErrFull) {
				return nil, err
			}
			if err == nil {
				continue
			}
			late.names = append(late.names, name) // it follows when there is room: the subscription does not wait for that
		}
		if room--; room < 0 {
			return nil, errTooManyRetained
		}
	}
	return []owed{volatile, late}, nil
}

// storeSubscription writes the subscription of a durable session. One that was there as it is costs no write.
func (b *Broker) storeSubscription(sub *subscription) (queues map[string]*queue.Session, err error) {
	if !sub.session.queue.Durable() {
		return nil, nil
	}
	c := b.change()
	c.putSubscription(sub)
	if topic.IsShared(sub.filter) {
		c.storeGroup(sub.filter)
	}
	return c.queues, c.applyFor(sub.session)
}

// Unsubscribe removes subscriptions; what is already queued for them is still delivered (section 3.10.4). There is one
// code per filter; ServerBusy is that of Subscribe. UNSUBACK may be sent when the receipt is resolved.
func (s *Session) Unsubscribe(filters []string) ([]packet.ReasonCode, queue.Receipt) {
	b, state := s.b, s.state
	b.mu.Lock()
	defer b.mu.Unlock()
	codes := make([]packet.ReasonCode, len(filters))
	c := b.change()
	gone := make(map[string]bool)
	for i, filter := range filters {
		if codes[i] = s.refusesUnsubscribe(filter, gone); codes[i] != packet.Success {
			continue
		}
		if gone[filter] = true; state.queue.Durable() {
			c.deleteSubscription(state, filter)
		}
	}
	if err := c.applyFor(state); err != nil {
		for i := range codes {
			codes[i] = packet.ImplementationSpecificError // UNSUBACK has no other word for it
			if errors.Is(err, queue.ErrBusy) {
				codes[i] = packet.ServerBusy
			}
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

// refusesUnsubscribe tells why a filter cannot be removed. gone are those that the same UNSUBSCRIBE has named before.
func (s *Session) refusesUnsubscribe(filter string, gone map[string]bool) packet.ReasonCode {
	if s.dead.Load() {
		return packet.SessionTakenOver
	}
	if s.state.subs[filter] != nil && !gone[filter] {
		return packet.Success
	}
	if topic.ValidFilter(filter) != nil {
		return packet.TopicFilterInvalid
	}
	return packet.NoSubscriptionExisted
}

func (b *Broker) uninstall(s *session, filter string) {
	if sub := s.subs[filter]; sub != nil {
		delete(s.subs, filter)
		b.remove(sub)
	}
}
