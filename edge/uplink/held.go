package uplink

// held is what the Server may hold of QoS 2 messages from earlier connections. Servers count that against their Receive Maximum
// as soon as a session goes on, also before the messages are sent again. It belongs to the goroutine of Run.
type held struct {
	known bool     // else an earlier run of the program has sent them
	ids   []uint16 // if known
}

// mostInFlight is the window of a local session.
const mostInFlight = 1024

// begin prepares the account of a new connection. After a restart nobody knows what the Server holds: as many as it may hold
// count as held until everything was sent again. With a small Receive Maximum that means one message at a time. To try with
// more is no way out: a 3.1.1 Server drops what is too much without a word, and a 5.0 Server that has been given too much is full
// of what cannot be sent first.
func (h *held) begin(l *link) {
	if !l.conn.Server().SessionPresent {
		*h = held{known: true}
	}
	if h.known {
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
	h.known = h.known || l.resumed
	h.ids = nil
	if h.known {
		h.ids = l.conn.Held()
	}
}
