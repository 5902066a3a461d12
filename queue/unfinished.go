package queue

// Unfinished is how many deliveries of QoS 1 and 2 the session owes: waiting, on the disk or in flight, and not acknowledged. Unlike
// Waiting it does not depend on a connection or on what has been read back from the log. Expired messages count until their turn comes.
func (x *Session) Unfinished() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := uint64(0)
	for i := range x.flight.len() {
		if x.flight.at(i).state != done {
			n++
		}
	}
	for _, s := range x.complete.gaps(x.pulled, x.next) {
		n += s.to - s.from
	}
	return n
}
