package broker

import (
	"maps"

	"skerry/broker/topic"
	"skerry/queue"
)

// restore fills an empty broker with what the store holds. A fact that cannot be read costs what it stood for, nothing
// else: it is counted and deleted.
func (b *Broker) restore(rec *queue.Recovery) {
	for _, m := range rec.Retained {
		if b.alive(m) {
			b.retained.keep(m, nil)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.change()
	queues, lost := b.restoreGroups(c)
	numbers, bad := b.restoreSessions(c, queues)
	bad += lost + b.restoreSubscriptions(numbers, queues, c)
	for name, x := range queues { // its last member has gone, and the power before it was written
		c.delete(spaceGroup, name)
		c.endQueue(x)
		c.piece(false)
	}
	bad += b.restoreWills(c)
	for _, s := range b.sessions {
		b.restoreAway(s, c)
	}
	if bad > 0 {
		b.log.Error("facts of the broker could not be read: sessions, subscriptions or wills are lost", "count", bad)
	}
	c.piece(true)
}

// restoreGroups finds the queues of shared subscriptions, by their names.
func (b *Broker) restoreGroups(c *change) (queues map[string]*queue.Session, bad int) {
	queues = make(map[string]*queue.Session)
	for name, value := range maps.Collect(b.store.Facts(spaceGroup)) {
		number, ok := decodeGroup(value)
		x := b.store.Session(number)
		if !ok || x == nil {
			bad++
			c.drop(spaceGroup, name)
			c.piece(false)
			continue
		}
		x.SetShared()
		x.SetLimits(b.limitsOf(false))
		x.SetName(name)
		queues[name] = x
	}
	return queues, bad
}

// restoreSessions makes the sessions whose fact and whose deliveries are both there.
func (b *Broker) restoreSessions(c *change, queues map[string]*queue.Session) (numbers map[uint64]*session, bad int) {
	shared := make(map[uint64]bool)
	for _, x := range queues {
		shared[x.Number()] = true
	}
	numbers = make(map[uint64]*session)
	for key, value := range maps.Collect(b.store.Facts(spaceSession)) {
		fact, ok := decodeSession(value)
		x := b.store.Session(fact.number)
		if !ok || x == nil || key == "" {
			bad++
			c.drop(spaceSession, key)
			c.piece(false)
			continue
		}
		s := newSession(b, key, fact.group)
		s.queue, s.user, s.door = x, fact.user, fact.door
		x.SetLimits(b.limitsOf(key[0] == internalKey))
		x.SetName(key[1:])
		s.life = life{expiry: b.grant(fact.expiry, key[0] == internalKey), away: fact.away, restarted: true}
		b.enter(s)
		numbers[fact.number] = s
	}
	for x := range b.store.Sessions() {
		if numbers[x.Number()] == nil && !shared[x.Number()] {
			bad++
			c.endQueue(x)
			c.piece(false)
		}
	}
	return numbers, bad
}

// limitsOf are the limits of what waits for a session. The program's own sessions have those of the store only.
func (b *Broker) limitsOf(internal bool) queue.Limits {
	if internal {
		return queue.Limits{}
	}
	return b.options.Queue.Limits
}

func (b *Broker) restoreSubscriptions(numbers map[uint64]*session, queues map[string]*queue.Session, c *change) (bad int) {
	asleep := map[string]int{} // by content filter
	for key, value := range maps.Collect(b.store.Facts(spaceSubscription)) {
		number, filter, ok := parseSubscriptionKey(key)
		if s := numbers[number]; ok && s == nil {
			c.drop(spaceSubscription, key) // left over from a session that has ended
		} else if sub, valid := decodeSubscription(s, filter, value); ok && valid && topic.ValidFilter(filter) == nil {
			if topic.IsShared(filter) && b.groups[filter] == nil && queues[filter] == nil { // lost to damage: without what waited
				c.storeGroup(filter)
				queues[filter] = c.queues[filter]
			}
			sub.behind, sub.inner = b.contents.of(filter)
			b.install(sub, queues)
			if b.contents.lacks(filter) {
				name, _, _ := topic.CutFiltered(filter)
				asleep[name]++
			}
		} else {
			bad++
			c.drop(spaceSubscription, key)
		}
		c.piece(false)
	}
	b.tellAsleep(asleep)
	return bad
}

// restoreWills gives the wills back to their sessions. A volatile session is gone, but its Client may still be on its way
// back, and others may believe it is connected: a session is made that holds nothing but the Will.
func (b *Broker) restoreWills(c *change) (bad int) {
	for key, value := range maps.Collect(b.store.Facts(spaceWill)) {
		fact, ok := decodeWill(value)
		if !ok || key == "" {
			bad++
			c.drop(spaceWill, key)
			c.piece(false)
			continue
		}
		s := b.sessions[key]
		if s == nil {
			s = newSession(b, key, "")
			s.user, s.door, s.life.restarted = fact.user, fact.door, true
			b.enter(s)
		}
		b.setWill(s, &fact.will)
		s.life.keepAlive = fact.keepAlive
	}
	return bad
}

// restoreAway sets the deadlines of a restored session. If it was connected when the last run ended, it is away since now.
func (b *Broker) restoreAway(s *session, c *change) {
	if s.queue == nil {
		b.setDeadlines(s)
		return
	}
	if s.life.away == (queue.Stamp{}) && s.life.expiry != Never {
		s.life.away = b.store.Now()
		fact := sessionFact{number: s.queue.Number(), user: s.user, group: s.group, expiry: s.life.expiry, away: s.life.away, door: s.door}
		c.put(spaceSession, s.key, fact.encode())
		c.piece(false)
	}
	b.setDeadlines(s)
}
