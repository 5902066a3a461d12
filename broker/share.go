package broker

import (
	"slices"
	"sync/atomic"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
)

// Shared subscriptions (MQTT 5.0 section 4.8.2; offered to 3.1.1 as well, as mosquitto does). All sessions that subscribe to
// the same "$share/{ShareName}/{filter}" are members of one group, and each message that matches the filter goes to one of them.
// A session that is in two groups, or has the plain filter besides, gets a copy for each.
//
// A group has a queue of its own, whose messages no member owns. It hands them out one by one, each to the member with the
// least before it, in turns where that is equal, and never more than a member may have in flight; a member that acknowledges
// draws the next one by itself. What a member was given and has not acknowledged at QoS 1 goes to another one as soon as its
// connection ends; at QoS 2 it is that member's alone [MQTT-4.8.2-4] [MQTT-4.8.2-5]. QoS 0, by message or because no member
// granted more, goes to a member that is connected, or is lost. It is all in package queue: see queue.Session.Give.
//
// The queue is durable as soon as a durable session is a member, and until the last member has gone; before that it is in
// memory. What waits in memory when the first durable member comes stays there, and goes first.

// group is the members of one shared subscription.
type group struct {
	b      *Broker
	name   string   // the whole "$share/{ShareName}/{filter}"
	filter string   // what routing matches
	state  *session // what routing finds under the filter; never connected

	members atomic.Pointer[membership]
	turn    atomic.Uint32 // who is looked at first

	connected int // members that are; guarded by Broker.mu
}

// membership is a group at one moment; immutable.
type membership struct {
	subs  []*subscription // of the members
	qos   byte            // the highest of them
	queue *queue.Session  // takes what is published
	older *queue.Session  // in memory, from before the first durable member came; nil: none
}

func (m *membership) index(s *session) int {
	return slices.IndexFunc(m.subs, func(sub *subscription) bool { return sub.session == s })
}

// queues are in the order in which they are handed out.
func (m *membership) queues() []*queue.Session {
	if m.older != nil {
		return []*queue.Session{m.older, m.queue}
	}
	return []*queue.Session{m.queue}
}

// change replaces the membership, under Broker.mu.
func (g *group) change(edit func(m *membership)) {
	m := *g.members.Load()
	edit(&m)
	m.qos = 0
	for _, sub := range m.subs {
		m.qos = max(m.qos, sub.share.QoS)
	}
	g.members.Store(&m)
}

// groupQueue are the bounds of a group's queue: those of a session.
func (b *Broker) groupQueue(name string, durable bool) queue.SessionOptions {
	o := b.volatile
	if durable {
		o = b.options.Queue
	}
	o.Limits, o.Name, o.Shared = b.limitsOf(false), name, true
	o.PacketIDs = queue.Range{First: 1, Count: 1} // none is ever used, and with one there is nothing to skip
	return o
}

// storeGroup makes the queue of a group durable with the first subscription that is.
func (c *change) storeGroup(name string) {
	g := c.b.groups[name]
	if g != nil && g.members.Load().queue.Durable() || c.queues[name] != nil {
		return
	}
	if c.queues == nil {
		c.queues = map[string]*queue.Session{}
	}
	x := c.create(c.b.groupQueue(name, true))
	c.put(spaceGroup, name, encodeGroup(x.Number()))
	c.queues[name] = x
}

// join makes a subscription a member of its group, in place of the one that its session had. durable is the queue that the
// group has from now on; nil: it has one, or needs none.
func (b *Broker) join(sub *subscription, durable *queue.Session) {
	g := b.groups[sub.filter]
	if g == nil {
		g = b.newGroup(sub.filter, durable)
	} else if durable != nil {
		g.change(func(m *membership) { m.older, m.queue = m.queue, durable })
		g.open(durable)
	}
	sub.group = g
	sub.share = queue.Share{QoS: sub.qos, RetainAsPublished: sub.retainAsPublished, SubscriptionIDs: sub.ids, Takes: sub.takes}
	g.change(func(m *membership) {
		if i := m.index(sub.session); i >= 0 {
			m.subs = slices.Clone(m.subs)
			m.subs[i] = sub
			return
		}
		m.subs = append(slices.Clip(m.subs), sub)
		sub.session.joined.add(g)
		if sub.session.out.Load() != nil {
			g.arrived()
		}
	})
	b.provide(g)
}

// provide has the queues of a group take their memory from what its first member may have: many groups of one Client hold no
// more than its own queue does.
func (b *Broker) provide(g *group) {
	all := g.members.Load()
	if len(all.subs) == 0 {
		return
	}
	first := all.subs[0].session
	if first.pool == nil {
		first.pool = queue.NewPool(b.volatile.RingBytes)
	}
	for _, x := range all.queues() {
		x.SetPool(first.pool)
	}
}

func (b *Broker) newGroup(name string, x *queue.Session) *group {
	_, filter, _ := topic.ParseShared(name)
	if x == nil {
		x = b.store.NewVolatile(b.groupQueue(name, false))
	}
	g := &group{b: b, name: name, filter: filter}
	b.made++
	g.state = &session{b: b, order: b.made, queue: x, shared: g}
	g.members.Store(&membership{queue: x})
	g.open(x)
	b.groups[name] = g
	b.subs.Set(filter, g.state, &subscription{session: g.state, filter: filter, group: g})
	return g
}

// open has a queue tell when it can go on.
func (g *group) open(x *queue.Session) {
	x.SetWaker(g)
	if g.connected > 0 {
		x.Resume(0)
	}
}

// quit takes the session of a subscription out of its group. A group without members ends, and what it holds is dropped.
func (b *Broker) quit(sub *subscription) {
	g := sub.group
	if sub.session.out.Load() != nil {
		g.left()
	}
	sub.session.joined.remove(g)
	g.change(func(m *membership) {
		m.subs = slices.DeleteFunc(slices.Clone(m.subs), func(o *subscription) bool { return o.session == sub.session })
	})
	if len(g.members.Load().subs) == 0 {
		b.endGroup(g)
	}
	b.provide(g)
}

func (b *Broker) endGroup(g *group) {
	delete(b.groups, g.name)
	b.subs.Delete(g.filter, g.state)
	c := b.change()
	for _, x := range g.members.Load().queues() {
		x.SetWaker(nil)
		if n := x.Unfinished(); n > 0 {
			b.log.Info("shared subscription ended: its last member has left", "subscription", g.name, "dropped", n)
		}
		if x.Durable() {
			c.delete(spaceGroup, g.name)
			c.endQueue(x)
		} else {
			x.Drop()
		}
	}
	c.piece(true)
}

// arrived and left count the members that are connected. A queue without any reads nothing from the disk.
func (g *group) arrived() {
	if g.connected++; g.connected > 1 {
		return
	}
	for _, x := range g.members.Load().queues() {
		x.Resume(0)
	}
}

func (g *group) left() {
	if g.connected--; g.connected > 0 {
		return
	}
	for _, x := range g.members.Load().queues() {
		x.Suspend()
	}
}

// arrive tells the groups of a session that it is connected.
func (s *session) arrive() {
	for _, g := range s.joined.groups() {
		g.arrived()
	}
}

// depart tells the groups of a session that its connection has ended. What it had not acknowledged goes to others.
func (s *session) depart(t *Touched) {
	for _, g := range s.joined.groups() {
		g.left()
		g.spread(t)
	}
}

// joined are the groups that a session is a member of. Changed under Broker.mu, read without.
type joined struct{ all atomic.Pointer[[]*group] }

func (j *joined) groups() []*group {
	if all := j.all.Load(); all != nil {
		return *all
	}
	return nil
}

func (j *joined) add(g *group) {
	all := append(slices.Clip(j.groups()), g)
	j.all.Store(&all)
}

func (j *joined) remove(g *group) {
	all := slices.DeleteFunc(slices.Clone(j.groups()), func(o *group) bool { return o == g })
	if len(all) == 0 {
		j.all.Store(nil)
		return
	}
	j.all.Store(&all)
}

// addShared adds the target for a group: its queue, or at QoS 0 a member.
func (t *Touched) addShared(m *Message, g *group) {
	all := g.members.Load()
	if min(m.QoS, all.qos) == 0 {
		if i := g.choose(all, m.TopicName); i >= 0 {
			g.turn.Store(uint32(i + 1))
			t.add(m, nil, all.subs[i])
		}
		return
	}
	t.to = append(t.to, g.state)
	t.targets = append(t.targets, queue.Target{Session: all.queue, QoS: 1, Retain: m.Retain})
}

// looks is how many connected members are compared.
const looks = 8

// choose finds the connected member with the least before it, of a few from whose turn it is; -1: nobody is connected. With a
// Topic Name only those count who may read that.
func (g *group) choose(all *membership, name string) (found int) {
	n, first := len(all.subs), int(g.turn.Load())
	found = -1
	least, left := 0, looks
	for k := 0; k < n && left > 0; k++ {
		i := (first + k) % n
		s := all.subs[i].session
		if s.out.Load() == nil || name != "" && !s.mayRead(name) {
			continue
		}
		left--
		if load := s.queue.Load(); found < 0 || load < least {
			found, least = i, load
		}
		if least == 0 {
			break
		}
	}
	return found
}

// spread hands out what waits, as far as members have room.
func (g *group) spread(t *Touched) {
	all := g.members.Load()
	for _, x := range all.queues() {
		given := queue.Gave
		for given == queue.Gave {
			given = g.handOut(x, all, t)
		}
		if given == queue.NoRoom {
			return // the order is kept between the queues too
		}
	}
}

// handOut gives one message to a member.
func (g *group) handOut(x *queue.Session, all *membership, t *Touched) queue.Given {
	first := g.choose(all, "")
	if first < 0 {
		return queue.NoRoom
	}
	n := len(all.subs)
	for k := range n {
		i := (first + k) % n
		sub := all.subs[i]
		if k > 0 && sub.session.out.Load() == nil {
			continue
		}
		switch x.Give(sub.session.queue, &sub.share) {
		case queue.Gave:
			g.turn.Store(uint32(i + 1))
			t.touch(sub.session)
			return queue.Gave
		case queue.GaveNothing:
			return queue.GaveNothing
		}
	}
	return queue.NoRoom
}

// Wake is told by the store that there is something to hand out that could not go before.
func (g *group) Wake() {
	var t Touched
	g.spread(&t)
	t.wake()
}

// draw lets a session with room take from its groups, up to most deliveries in all.
func (s *session) draw(dst []Delivery, most int) []Delivery {
	groups := s.joined.groups()
	if len(groups) == 0 {
		return dst
	}
	for drawn := true; drawn && len(dst) < most; {
		drawn = false
		for _, g := range groups { // one of each, so that none waits for another
			drawn = g.giveTo(s) || drawn
		}
		dst = s.queue.Next(dst, most-len(dst))
	}
	return dst
}

// giveTo gives a member what it has room for, of the queue whose turn it is.
func (g *group) giveTo(s *session) bool {
	all := g.members.Load()
	i := all.index(s)
	if i < 0 {
		return false
	}
	for _, x := range all.queues() {
		switch x.Give(s.queue, &all.subs[i].share) {
		case queue.Gave:
			return true
		case queue.NoRoom:
			return false
		}
	}
	return false
}

// takes tells whether a message goes to this member: if it may read that, or if nobody may who is connected. Then it is left out
// before it is sent, as any other is, and does not hold up what comes behind it.
func (sub *subscription) takes(m *Message) bool {
	if sub.session.mayRead(m.TopicName) {
		return true
	}
	for _, other := range sub.group.members.Load().subs {
		if other.session.out.Load() != nil && other.session.mayRead(m.TopicName) {
			return false
		}
	}
	return true
}

// refusesShare tells why a shared subscription is refused. The Topic Filter is valid.
func refusesShare(sub *Subscription) packet.ReasonCode {
	_, filter, err := topic.ParseShared(sub.TopicFilter)
	switch {
	case err != nil: // not shared
		return packet.Success
	case sub.NoLocal: // a Protocol Error [MQTT-3.8.3-4], for which SUBACK has no word
		return packet.TopicFilterInvalid
	case topic.IsFiltered(filter): // a group behind a content filter
		return packet.SharedSubscriptionsNotSupported
	}
	return packet.Success
}
