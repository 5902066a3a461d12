package queue

// A Session is the delivery state of one broker session, durable or volatile: one state machine for both. It starts suspended.
type Session struct{}

// Number names the session. That of a durable one is never used again.
func (x *Session) Number() uint64 { return 0 }

// Durable tells whether the session survives a restart.
func (x *Session) Durable() bool { return false }

// SetWaker sets who is told when deliveries have become available that Next could not give before.
func (x *Session) SetWaker(w Waker) {}

// Resume says that a connection is there: everything unacknowledged is delivered again. receiveMaximum 0 means 65535.
func (x *Session) Resume(receiveMaximum uint16) {}

// Suspend says that the connection is gone: QoS 0 is no longer queued.
func (x *Session) Suspend() {}

// Next appends up to max deliveries to dst. It never blocks.
func (x *Session) Next(dst []Delivery, max int) []Delivery { return dst }

// Waiting tells whether Next would give something now.
func (x *Session) Waiting() bool { return false }

// Ack completes a delivery: PUBACK or PUBCOMP came (or PUBREC with an error). False: no such packet id in flight.
func (x *Session) Ack(packetID uint16) bool { return false }

// Received notes a PUBREC. PUBREL may be sent when the receipt is resolved. False: no such packet id in flight at QoS 2.
func (x *Session) Received(packetID uint16) (Receipt, bool) { return 0, false }

// Held tells whether an inbound QoS 2 packet id is held, and by which receipt.
func (x *Session) Held(packetID uint16) (Receipt, bool) { return 0, false }

// Receive publishes an inbound QoS 2 message and holds its packet id, both or none. PUBREC may be sent when the receipt is resolved.
// A held packet id publishes nothing and gets the first receipt.
func (x *Session) Receive(packetID uint16, m *Message, to []Target) (Receipt, error) {
	return 0, errNotBuilt
}

// Release notes a PUBREL. PUBCOMP may be sent when the receipt is resolved. False: the packet id is not held.
func (x *Session) Release(packetID uint16) (Receipt, bool) { return 0, false }

// ForgetHeld lets go of all inbound packet ids.
func (x *Session) ForgetHeld() Receipt { return 0 }

// Drop ends a volatile session. Durable ones end through Batch.End.
func (x *Session) Drop() {}
