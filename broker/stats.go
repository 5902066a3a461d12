package broker

// Stats is a snapshot of what the broker holds. Sessions of the program itself are not Clients and are not counted.
type Stats struct {
	Connected     int    // Clients
	Away          int    // sessions kept for Clients that are not connected
	Subscriptions int    // of all these
	Shared        int    // of them shared ones
	Retained      int    // messages, those that have expired unnoticed included, but not what SetSystem made
	RetainedBytes int    // of these: topic names, properties and payloads
	Expired       uint64 // sessions that have ended since the start because their Client did not come back in time
}

// shares is how many shared subscriptions a session has.
func (s *session) shares() (n int) {
	for _, sub := range s.subs {
		if sub.group != nil {
			n++
		}
	}
	return n
}

// Stats looks at every session.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	st := Stats{Expired: b.expirations}
	for _, s := range b.sessions {
		if s.internal() || s.queue == nil {
			continue
		}
		if s.out.Load() != nil {
			st.Connected++
		} else {
			st.Away++
		}
		st.Subscriptions += len(s.subs)
		if len(b.groups) > 0 {
			st.Shared += s.shares()
		}
	}
	b.mu.Unlock()
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	st.Retained, st.RetainedBytes = b.retained.count, b.retained.bytes
	return st
}
