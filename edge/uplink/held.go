package uplink

import "skerry/broker/packet"

// held is what the Server may hold of QoS 2 messages from earlier connections. Servers count that against their Receive Maximum
// as soon as a session goes on, also before the messages are sent again. It belongs to the goroutine of Run.
type held struct {
	known  bool     // else an earlier run of the program has sent them
	ids    []uint16 // if known
	failed bool     // the last connection ended before everything was sent again
}

// mostInFlight is the window of a local session.
const mostInFlight = 1024

// begin prepares the account of a new connection. After a restart nobody knows what the Server holds. A 5.0 Server says when
// it is given too much, so that caution can wait until it has; a 3.1.1 Server drops what is too much without a word.
func (h *held) begin(l *link) {
	if !l.conn.Server().SessionPresent {
		*h = held{known: true}
	}
	if h.known || l.conn.Version() == packet.V5 && !h.failed {
		return
	}
	owed := 0
	for _, a := range l.lanes {
		owed += int(min(a.session.Load().Unfinished(), mostInFlight))
	}
	l.conn.Doubt(owed)
}

// end learns from a connection.
func (h *held) end(l *link) {
	h.failed = !l.resumed
	h.known = h.known || l.resumed
	h.ids = nil
	if h.known {
		h.ids = l.conn.Held()
	}
}
