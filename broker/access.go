package broker

// Access says what a Client may do. It is asked from any goroutine, also while locks are held: it answers at once and calls
// nothing of the broker.
type Access interface {
	MayPublish(topicName string) bool      // at each PUBLISH, and for a Will at CONNECT and when it is due
	MayHaveRetained(topicName string) bool // when a message that it has retained is to be sent to somebody who subscribes
	MaySubscribe(topicFilter string) bool  // at SUBSCRIBE; "$share/..." as a whole
	MayRead(topicName string) bool         // when a message, or a retained one, is to be queued for the session
}

// admit asks for the access of a session's new connection.
func (o *ConnectOptions) admit() Access {
	if o.Access == nil {
		return nil
	}
	return o.Access(o.ClientID)
}

// Guard says what Clients may do that came in by a door in an earlier run, until they are back: for their Wills, and for what is queued
// meanwhile. access gives it for a user and a ClientID; locks are held. What was queued before, the Server that connects a Client has to
// look at once more.
func (b *Broker) Guard(door string, access func(user, clientID string) Access) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.sessions {
		if s.door == door && s.life.restarted && !s.internal() {
			s.obey(access(s.user, s.key[1:]))
		}
	}
}

// obey makes a session keep to what its last Client may do, also while that is away; nil: no bounds. After a restart there are none
// before Guard.
func (s *session) obey(a Access) {
	if a == nil {
		s.access.Store(nil)
	} else {
		s.access.Store(&a)
	}
	s.author.Store(nil)
}

// author is what is remembered of who has retained a message.
type author struct {
	origin string  // for NoLocal: the group or the key of the session
	access *Access // of the session then; nil: no bounds
}

// signs gives the session as the author of what it retains. It is made once for a connection.
func (s *session) signs() *author {
	if s == nil {
		return nil
	}
	a := s.author.Load()
	if a == nil {
		a = &author{s.origin, s.access.Load()}
		s.author.Store(a)
	}
	return a
}

// stands tells whether a message that it has retained may still be sent. What nobody is known to have retained may: who it was is not
// known after a restart.
func (a *author) stands(name string) bool {
	return a == nil || a.access == nil || (*a.access).MayHaveRetained(name)
}

// local tells whether it is a session's own, or of its group.
func (a *author) local(s *session) bool { return a != nil && a.origin == s.origin }

// mayRead tells whether messages of a topic go to the session.
func (s *session) mayRead(name string) bool {
	a := s.access.Load()
	return a == nil || (*a).MayRead(name)
}

// mayPublish tells whether the session's Will may be published.
func (s *session) mayPublish(name string) bool {
	a := s.access.Load()
	return a == nil || (*a).MayPublish(name)
}
