package broker

import (
	"cmp"
	"slices"

	"skerry/queue"
)

// route fills t.targets with whom m goes to, and t.to with their sessions. It takes no lock and allocates nothing once t
// has grown. Those of content filters come last, in t.spans.
func (b *Broker) route(m *Message, from *session, t *Touched) {
	t.targets, t.to, t.spans = t.targets[:0], t.to[:0], t.spans[:0]
	matched, filters := b.subs.Match(m.TopicName, t.matched[:0])
	t.matched = matched
	t.addAll(m, from, matched, filters)
	if active := b.contents.active.Load(); active != nil {
		b.routeFiltered(*active, m, from, t)
	}
}

// addAll adds the targets of subscriptions that so many Topic Filters have found. They come to lie in another order.
func (t *Touched) addAll(m *Message, from *session, matched []*subscription, filters int) {
	if filters > 1 && len(matched) > 1 {
		slices.SortFunc(matched, func(x, y *subscription) int { return cmp.Compare(x.session.order, y.session.order) })
	}
	for len(matched) > 0 {
		if g := matched[0].group; g != nil {
			t.addShared(m, g)
			matched = matched[1:]
			continue
		}
		n := 1
		for n < len(matched) && matched[n].session == matched[0].session {
			n++
		}
		switch {
		case !matched[0].session.mayRead(m.TopicName):
		case n == 1:
			t.add(m, from, matched[0])
		default:
			t.addOverlapping(m, from, matched[:n])
		}
		matched = matched[n:]
	}
}

// add adds the target of one subscription, unless NoLocal keeps the message from it.
func (t *Touched) add(m *Message, from *session, sub *subscription) {
	if sub.noLocal && from.local(sub.session) {
		return
	}
	to := sub.session.receiver(m)
	t.to = append(t.to, to)
	t.targets = append(t.targets, queue.Target{
		Session:         to.queue,
		QoS:             min(m.QoS, sub.qos), // [MQTT-3.8.4-8]
		Retain:          m.Retain && sub.retainAsPublished,
		SubscriptionIDs: sub.ids,
	})
}

// addOverlapping adds one target for several subscriptions of one session. A Server may send one copy or one per
// subscription (3.3.4); here, for 3.1.1 and 5.0, it is one, at the highest QoS [MQTT-3.3.4-2] and with all Subscription
// Identifiers [MQTT-3.3.4-4], as mosquitto does for 3.1.1. RETAIN is kept if one of the subscriptions asks for it.
func (t *Touched) addOverlapping(m *Message, from *session, subs []*subscription) {
	var target queue.Target
	t.ids = t.ids[:0]
	local := from.local(subs[0].session)
	found := false
	for _, sub := range subs {
		if sub.noLocal && local {
			continue
		}
		found = true
		target.QoS = max(target.QoS, min(m.QoS, sub.qos))
		target.Retain = target.Retain || m.Retain && sub.retainAsPublished
		if len(sub.ids) > 0 {
			target.SubscriptionIDs = sub.ids
			t.ids = append(t.ids, sub.ids...)
		}
	}
	if !found {
		return
	}
	if len(t.ids) > 1 {
		target.SubscriptionIDs = subs[0].session.sharedIDs(t.ids)
	}
	to := subs[0].session.receiver(m)
	target.Session = to.queue
	t.to = append(t.to, to)
	t.targets = append(t.targets, target)
}

// touchAll puts the sessions of the last routed message on the list.
func (t *Touched) touchAll() {
	for _, s := range t.to {
		t.touch(s)
	}
}

// local tells whether a message published by s is local to other: its own, or of its group (inside the program one peer
// may have several sessions). s may be nil: nobody is behind the message any more.
func (s *session) local(other *session) bool {
	return s == other || s != nil && s.group != "" && s.group == other.group
}

// maxIDSets bounds the sets of Subscription Identifiers that a session remembers.
const maxIDSets = 64

// sharedIDs returns a set equal to ids that is never written again; ids itself is the caller's. The sets that occur are
// few, so they are made once and kept.
func (s *session) sharedIDs(ids []uint32) []uint32 {
	sets := s.idSets.Load()
	if sets != nil {
		for _, set := range *sets {
			if slices.Equal(set, ids) {
				return set
			}
		}
	}
	set := slices.Clone(ids)
	var known [][]uint32
	if sets != nil {
		known = *sets
	}
	if len(known) < maxIDSets {
		grown := append(known[:len(known):len(known)], set)
		s.idSets.CompareAndSwap(sets, &grown) // whoever loses makes it again the next time
	}
	return set
}
