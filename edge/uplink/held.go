package uplink

import (
	"slices"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
)

// held is what the Server may hold of QoS 2 messages from earlier connections. Servers count that against their Receive Maximum
// as soon as a session goes on, also before the messages are sent again. It belongs to the goroutine of Run.
type held struct {
	known bool     // else an earlier run of the program may have sent others
	ids   []uint16 // that this run has sent
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
		if !h.known { // what has its place already is not counted twice
			n := h.count(a.stream)
			a.before.All, a.before.Exact = a.before.All-n, a.before.Exact-n
		}
		a.resumed = a.resumed || owed == 0 || h.known && h.count(a.stream) == 0
		if !h.known && !a.resumed && !l.carries(a.stream) { // what may be held could be much: it is left to the next link
			a.resumed, a.doubtful = true, true
		}
	}
	l.doubted, l.most = !h.known, max(l.u.memory.Window.Exact-len(h.ids), 0)
	l.doubt()
}

// count is how many of the ids are those of a stream. Of none nothing has to be sent before what is new.
func (h *held) count(s *stream) (n int) {
	for _, id := range h.ids {
		if id >= s.first() && id <= s.last() {
			n++
		}
	}
	return n
}

// left is how many of the next messages may be among those that were sent before.
func (w *window) left() int { return max(min(w.All, w.Exact), 0) }

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
	l.conn.Doubt(max(min(left-sending, l.most), 0))
}

// begun tells whether a lane begins with its next message what the Server does not hold.
func (l *link) begun(a *lane, d *broker.Delivery) bool {
	if a.latest != nil || d.QoS == 0 || d.Release {
		return false
	}
	return !d.Dup || l.doubted && a.before.left() == 0 && !l.placed(d)
}

// doubts tells whether a message that is to be sent may be among those that the Server holds and nobody remembers. PUBREL is not: after a
// loss of power many are sent for ids that the Server does not hold, and they say nothing of how many messages it does.
func (l *link) doubts(a *lane, d *broker.Delivery) bool {
	if a.resumed || d.QoS == 0 || d.Release || a.latest != nil && !a.latest.list[0].pinned {
		return false
	}
	return !l.doubted || !l.placed(d)
}

// placed tells whether the Server may hold a message from an earlier connection of this run, or has it now.
func (l *link) placed(d *broker.Delivery) bool {
	return l.conn.Unacknowledged(d.PacketID, d.PacketID) > 0
}

// recount replaces the account of a lane of class state when all that the Server may hold of it has been read: it is what is pinned.
func (l *link) recount(a *lane) {
	if a.latest.counted {
		return
	}
	n := 0
	for _, c := range a.latest.list {
		if c.pinned && !c.Release && !l.placed(&c.Delivery) {
			n++
		}
	}
	a.before, a.latest.counted = window{n, n}, true
	l.doubt()
}

// passes tells whether what is new of a lane may leave before everything is sent again: an alarm. It takes the place that a message does
// which the Server turns out not to hold. In 5.0 a QoS 1 message would need one more.
func (l *link) passes(a *lane) bool {
	return a.class == config.AlarmClass && (!l.doubted || l.conn.Version() != packet.V5)
}

// end learns from a connection.
func (h *held) end(l *link) {
	doubtful := slices.ContainsFunc(l.lanes, func(a *lane) bool { return a.doubtful })
	h.known = h.known || l.resumed && !doubtful
	h.ids = l.conn.Held()
	if !h.known { // nor is known whether the Server held what PUBREL was sent for
		h.ids = slices.DeleteFunc(h.ids, l.acks.releasing)
	}
}
