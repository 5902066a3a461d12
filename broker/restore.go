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
	numbers, bad := b.restoreSessions(c)
	bad += b.restoreSubscriptions(numbers, c)
	bad += b.restoreWills(c)
	for _, s := range b.sessions {
		b.restoreAway(s, c)
	}
	if bad > 0 {
		b.log.Error("facts of the broker could not be read: sessions, subscriptions or wills are lost", "count", bad)
	}
	c.piece(true)
}

// restoreSessions makes the sessions whose fact and whose deliveries are both there.
func (b *Broker) restoreSessions(c *change) (numbers map[uint64]*session, bad int) {
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
		s.queue, s.user = x, fact.user
		s.life = life{expiry: fact.expiry, away: fact.away, restarted: true}
		b.enter(s)
		numbers[fact.number] = s
	}
	for x := range b.store.Sessions() {
		if numbers[x.Number()] == nil {
			bad++
			c.endQueue(x)
			c.piece(false)
		}
	}
	return numbers, bad
}

func (b *Broker) restoreSubscriptions(numbers map[uint64]*session, c *change) (bad int) {
	for key, value := range maps.Collect(b.store.Facts(spaceSubscription)) {
		number, filter, ok := parseSubscriptionKey(key)
		if s := numbers[number]; ok && s == nil {
			c.drop(spaceSubscription, key) // left over from a session that has ended
		} else if sub, valid := decodeSubscription(s, filter, value); ok && valid && topic.ValidFilter(filter) == nil {
			b.install(sub)
		} else {
			bad++
			c.drop(spaceSubscription, key)
		}
		c.piece(false)
	}
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
			s.user, s.life.restarted = fact.user, true
			b.enter(s)
		}
		s.will = &fact.will
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
		fact := sessionFact{number: s.queue.Number(), user: s.user, group: s.group, expiry: s.life.expiry, away: s.life.away}
		c.put(spaceSession, s.key, fact.encode())
		c.piece(false)
	}
	b.setDeadlines(s)
}
