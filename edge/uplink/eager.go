package uplink

import (
	"errors"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// eager is whether a Server takes what is sent with CONNECT, before its CONNACK. MQTT allows that, and not every server was made for it: one
// that hangs up on it is not tried with it again soon. It belongs to the goroutine of Run.
type eager struct {
	sent   bool // on the connection that was tried last
	proven bool // it was acknowledged once
	failed int  // connections in a row that ended before it was
	rest   int  // connections without it until it is tried again: the Server hung up on it, or the link broke just then
	rests  int  // how many those are the next time
	narrow bool // the Server takes one message at a time, and may hold one already
}

// A Server that hung up is tried again after so many connections, at first and at most.
const (
	firstRest = 8
	mostRest  = 1024
)

// may tells whether it is worth an attempt.
func (e *eager) may() bool { return e.rest == 0 && !e.narrow }

// accepted learns from CONNACK.
func (e *eager) accepted(s *client.Server) { e.narrow = s.ReceiveMaximum < 2 }

// lost learns from an attempt that has got no CONNACK.
func (e *eager) lost(err error) {
	switch {
	case e.sent:
		e.doubt(err)
	case errors.Is(err, client.ErrLost):
		e.rest = 0 // it was not that
	}
}

// ended learns from a connection that has carried; answered: what was sent with CONNECT was acknowledged.
func (e *eager) ended(answered bool, err error) {
	switch {
	case e.sent && answered:
		e.proven, e.failed, e.rests = true, 0, 0
	case e.sent:
		e.doubt(err)
	case e.rest > 0:
		e.rest--
	}
}

// doubt notes an end that may be the Server's answer to it: it hangs up, says why, or answers out of order. A Server that has taken it
// before has hung up on something else, if it does not do so again.
func (e *eager) doubt(err error) {
	_, said := errors.AsType[*client.Disconnected](err)
	_, wrong := errors.AsType[*packet.Error](err)
	if !said && !wrong && !errors.Is(err, client.ErrLost) {
		return
	}
	if e.failed++; !e.proven || e.failed > 1 {
		e.rests = min(max(2*e.rests, firstRest), mostRest)
		e.rest = e.rests
	}
}

// greeting is what says upstream that the gateway is there, if it may leave with CONNECT: in packets of its own it would cost 240 bytes,
// and 70 so. Nothing is known of the Server yet, but what it needs for this the Will needs too, for which it would refuse CONNECT: the
// QoS and Retain [MQTT-3.2.2-12] [MQTT-3.2.2-13]. It is the one QoS 1 message for which the Receive Maximum has always a place: of what the
// Server holds from before, which is of QoS 2, there is one less (client.Conn). nil: it waits.
func (u *Uplink) greeting(s *server, cleanStart bool) *packet.Publish {
	switch {
	case cleanStart, u.memory.ClientID != u.config.ClientID: // that connection may not be the one that carries
		return nil
	case u.memory.Window.All == 1: // after a restart nothing else tells that the Server is narrow
		return nil
	case !s.eager.may(), s.modest, s.guessed, s.fallback > 0, s.speech().version != packet.V5, !u.profile.Eager:
		return nil
	}
	return &packet.Publish{QoS: 1, Retain: true, PacketID: firstOwnID, TopicName: []byte(u.names.Outward(u.state, nil)), Payload: []byte(online)}
}
