package broker

import "skerry/queue"

// DisconnectOptions say how a connection ended.
type DisconnectOptions struct {
	// Will: the Will is to be published, now or after its delay. False for a DISCONNECT with Reason Code 0. [MQTT-3.1.2-8]
	Will bool
	// SessionExpiryInterval of the DISCONNECT, if it had one. It cannot make a session durable that is not. [MQTT-3.14.2-2]
	SessionExpiryInterval *uint32
	// Shutdown: the Server goes down, not the Client. The Will stays on disk, to be published by the next run unless the
	// Client is back within Will Delay + 1.5 KeepAlive; so a restart does not tell the world that everybody is gone. The same
	// happens after a crash, and to a Client that sent DISCONNECT in the two seconds before: that is written with the next group.
	Shutdown bool
}

// Disconnect ends the connection; the handle is dead afterwards. On a dead handle it does nothing. The receipt is 0 unless
// the session ended and was durable.
func (s *Session) Disconnect(o DisconnectOptions) queue.Receipt {
	b := s.b
	var up later
	b.mu.Lock()
	r := b.disconnect(s, &o, &up)
	b.mu.Unlock()
	up.do()
	return r
}

func (b *Broker) disconnect(h *Session, o *DisconnectOptions, up *later) queue.Receipt {
	if h.dead.Load() {
		return 0
	}
	b.detach(h, &up.touched)
	s := h.state
	if o.SessionExpiryInterval != nil && s.life.expiry != 0 {
		s.life.expiry = b.grant(*o.SessionExpiryInterval, h.internal())
	}
	ends := s.life.expiry == 0
	c := b.change()
	switch {
	case s.will == nil:
	case !o.Will:
		b.setWill(s, nil)
		c.delete(spaceWill, s.key)
	case o.Shutdown:
		b.setWill(s, nil) // its fact is for the next run
	case ends || s.will.Delay == 0:
		b.fire(s, &up.touched)
	}
	if ends {
		return b.end(s, c)
	}
	b.away(s, b.store.Now(), c)
	return 0
}

// away notes since when a session has no connection, and sets its deadlines. A session that never expires needs no note.
func (b *Broker) away(s *session, since queue.Stamp, c *change) {
	s.life.away = since
	fact := sessionFact{number: s.queue.Number(), user: s.user, group: s.group, expiry: s.life.expiry, door: s.door}
	if fact.expiry != Never {
		fact.away = since
	}
	c.put(spaceSession, s.key, fact.encode())
	if err := c.apply(); err != nil {
		b.log.Warn("end of a connection not noted: the session may last longer than it should", "client", s.key[1:], "err", err)
	}
	b.setDeadlines(s)
}

// end ends a session, with what else is in c. A Will that still waits must have been published before.
func (b *Broker) end(s *session, c *change) queue.Receipt {
	s.undivert()
	c.end(s)
	err := c.apply()
	if err != nil {
		b.log.Warn("end of a session not stored: it will be back after a restart", "client", s.key[1:], "err", err)
	}
	b.forget(s)
	return c.receipt
}

// forget removes an ended session from memory, and what it leaves in the store.
func (b *Broker) forget(s *session) {
	durable := s.queue != nil && s.queue.Durable()
	c := b.change()
	for filter, sub := range s.subs {
		b.remove(sub)
		if durable {
			c.delete(spaceSubscription, subscriptionKey(s.queue.Number(), filter))
			c.piece(false)
		}
	}
	c.piece(true)
	clear(s.subs)
	s.undivert()
	s.backlog.forget()
	b.setWill(s, nil)
	if b.sessions[s.key] == s {
		delete(b.sessions, s.key)
		if !s.internal() {
			b.clients--
		}
	}
	b.due.remove(s)
	if s.queue != nil && !durable {
		s.queue.Drop()
	}
}
