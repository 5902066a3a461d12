package uplink

import (
	"slices"

	"skerry/broker/client"
	"skerry/edge/config"
)

// held is what the Server may hold of QoS 2 messages from earlier connections. Servers count that against their Receive Maximum
// as soon as a session goes on, also before the messages are sent again. It belongs to the goroutine of Run.
type held struct {
	known bool     // else an earlier run of the program has sent them
	ids   []uint16 // if known
}

// mostInFlight is the window of a local session.
const mostInFlight = 1024

// window is the most that was ever on its way in the session upstream, of both QoS and of QoS 2. A stream sends in order, so
// that what the Server holds of it is among its first messages without an end, as many as the window was wide.
type window struct {
	All   int `json:"all"`
	Exact int `json:"exact"`
}

// unknownWindow is that of a fact which does not say.
var unknownWindow = window{mostInFlight, mostInFlight}

// widen notes the window of a connection.
func (w *window) widen(conn *client.Conn) {
	all, exact := conn.Window()
	w.All, w.Exact = max(w.All, min(all, mostInFlight)), max(w.Exact, min(exact, mostInFlight))
}

// begin prepares the account of a new connection. After a restart nobody knows what the Server holds: as many as it may hold
// count as held until those were sent again. To try with more is no way out: a 3.1.1 Server drops what is too much without a
// word, and a 5.0 Server that has been given too much is full of what cannot be sent first.
func (h *held) begin(l *link) {
	if !l.conn.Server().SessionPresent {
		*h = held{known: true}
	}
	for _, a := range l.lanes {
		owed := int(min(a.session.Load().Unfinished(), mostInFlight))
		a.before = window{owed, owed}
		if !h.known {
			a.before = window{min(owed, l.u.memory.Window.All), min(owed, l.u.memory.Window.Exact)}
		}
		if !h.known && a.class == config.StateClass { // it has not sent what it holds; what is superseded may be back
			a.before = window{owed, owed}
		}
		a.resumed = a.resumed || a.before.left() == 0 || h.known && !h.holds(a.stream)
		if !h.known && !a.resumed && !l.carries(a.class) { // what may be held could be much: it is left to the next link
			a.resumed, a.doubtful = true, true
		}
	}
	l.doubted = !h.known
	l.doubt()
}

// holds tells whether the Server may hold something of a stream: else nothing of it has to be sent before what is new.
func (h *held) holds(s *stream) bool {
	return slices.ContainsFunc(h.ids, func(id uint16) bool { return id >= s.first() && id <= s.last() })
}

// left is how many of the next messages may be among those that were sent before.
func (w *window) left() int { return min(w.All, w.Exact) }

// sent notes one of them.
func (w *window) sent(exact bool) {
	w.All--
	if exact {
		w.Exact--
	}
}

// doubt has the connection count what the Server may hold of messages that were not yet sent again. The next one to be sent is
// one of them.
func (l *link) doubt() {
	if !l.doubted {
		return
	}
	left, sending := 0, 0
	for _, a := range l.lanes {
		if a.doubtful || !a.resumed {
			left += a.before.left()
		}
		if !a.resumed {
			sending = 1
		}
	}
	l.conn.Doubt(max(min(left-sending, l.u.memory.Window.Exact), 0))
}

// end learns from a connection.
func (h *held) end(l *link) {
	doubtful := slices.ContainsFunc(l.lanes, func(a *lane) bool { return a.doubtful })
	h.known = h.known || l.resumed && !doubtful
	h.ids = nil
	if h.known {
		h.ids = l.conn.Held()
	}
}
