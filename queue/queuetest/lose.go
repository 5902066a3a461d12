package queuetest

// late tells whether the client passes a QoS 2 message on only when it is released, as most servers do, and loses it with its session before
// that. The session of such a client keeps what was received.
func (s *subscriber) late() bool { return s.w.Late && s.name >= 2 }

// keeps tells whether the session of the client keeps what was received: some do for nothing, so that all else is tried with it.
func (s *subscriber) keeps() bool { return s.late() || s.w.Seed/2%2 == 0 && s.name == 3 }

// lose has the client lose its session, and the store begin anew what was not complete. If the power goes before that is durable, the client
// comes back without a session once more.
func (s *subscriber) lose() {
	s.disconnect()
	clear(s.held)
	clear(s.kept)
	for _, p := range s.w.pubs {
		s.twice[p.name] = max(s.twice[p.name], s.last[p.name])
	}
	clear(s.anew)
	for ordinal := range s.recorded {
		s.anew[ordinal] = true
	}
	clear(s.recorded)
	before, _ := s.x.Confirmed()
	s.losing, s.lost = s.x.Republish(), false
	s.w.trace("sub%d: its session is lost; %d are published anew", s.name, before)
	s.w.result.Again += int(before)
	if after, _ := s.x.Confirmed(); after > 0 || (before > 0) != (s.losing > 0) {
		s.w.breaks("sub%d: %d deliveries are kept, receipt %d; after that %d", s.name, before, s.losing, after)
	}
}

// cutOff is told that the store is gone.
func (s *subscriber) cutOff() {
	s.lost = s.lost || s.losing > 0 && s.w.s != nil && s.w.s.Durable() < s.losing
	s.losing = 0
	clear(s.recorded)
	clear(s.anew)
}
