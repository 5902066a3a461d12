package broker

// Unfinished is how many deliveries of QoS 1 and 2 the session owes its subscriber: waiting or on their way, and not
// acknowledged. It also answers on a dead handle.
func (s *Session) Unfinished() uint64 { return s.state.queue.Unfinished() }
