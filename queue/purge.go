package queue

// Purge drops the messages that wait for a durable session, for a person who does not want them any more. What is in
// flight on a connection is left to it. Of a QoS 2 delivery that may have been sent, PUBREL is left, so that its
// receiver does not keep the packet id. The receipt is 0 if nothing was dropped. Errors: that the store is down.
func (x *Session) Purge() (messages, bytes uint64, r Receipt, err error) {
	s := x.s
	s.mu.Lock()
	if err = s.err; err == nil && x.durable {
		if messages, bytes = x.purge(); messages > 0 {
			r = s.pending.number
		}
	}
	s.mu.Unlock()
	if messages > 0 {
		s.work.hurry()
		x.wake() // there may be PUBRELs to send
	}
	return messages, bytes, r, err
}

func (x *Session) purge() (messages, bytes uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before := x.load
	for !x.connected && x.dropInFlight(DroppedPurged) {
		continue
	}
	for x.dropWaiting(DroppedPurged) {
		continue
	}
	x.dropUnread(x.next, DroppedPurged)
	before.sub(x.load)
	return before.messages, before.bytes
}
