package server

import (
	"errors"
	"io"
	"net"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// finish ends a connection that had a session: the broker is told how it came, the Client is told why where it can
// be told, and whoever still writes is waited for.
func (c *conn) finish(err error) {
	kicked := c.kick.wait()
	c.closing.Store(true)
	c.leave(err)
	if c.lastWord(err) && c.settle() {
		c.linger()
	}
	c.inner.Close() // lets go a writer that is stuck
	for !c.turn.shut() {
		<-kicked
	}
	c.dismantle()
	c.server.log.Info("client disconnected", "client", clip(c.clientID), "reason", reason(err))
}

// leave gives the session back. A Will is published unless the Client said good-bye in the way that discards it
// [MQTT-3.14.4-3], or the Server stops.
func (c *conn) leave(err error) {
	o := broker.DisconnectOptions{Will: true}
	var p parting
	switch {
	case errors.As(err, &p):
		o.Will = p.ReasonCode != packet.NormalDisconnection
		if seconds, ok := p.Properties.SessionExpiryInterval(); ok {
			o.SessionExpiryInterval = &seconds
		}
	case errors.Is(err, packet.SessionTakenOver):
		return // there is nothing left to give back
	case errors.Is(err, packet.ServerShuttingDown):
		o.Shutdown = true
	}
	c.session.Disconnect(o)
}

// lastWord owes the Client a DISCONNECT with the reason, if the Server is who ends the connection and the Client
// speaks 5.0. It tells whether there is anybody who may still listen.
func (c *conn) lastWord(err error) bool {
	var code packet.ReasonCode
	if !errors.As(err, &code) {
		_, webSocket := c.nc.(*stream)
		var p parting
		return webSocket && errors.As(err, &p) // else the Client has gone, or said that it goes; a WebSocket says so twice
	}
	if c.server.broker.Err() != nil && !c.dropAnswers() { // before CONNACK there is no DISCONNECT [MQTT-3.14.0-1]
		p := packet.Connack{ReasonCode: packet.ServerUnavailable}
		c.answer(ack{}, p.Append(nil, c.version))
		return true
	}
	if c.version == packet.V5 && code.AllowedIn(packet.DISCONNECT) {
		p := packet.Disconnect{ReasonCode: code}
		p.Properties = c.explain(nil, p.Size(c.version), explanation(err))
		c.answer(ack{}, p.Append(nil, c.version))
	}
	return true
}

// dropAnswers forgets what will never become durable, or the last word would wait behind it. It tells whether the Client
// has had its CONNACK.
func (c *conn) dropAnswers() (greeted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acks = nil
	return c.greeted
}

// settle gives what is still owed a while to leave: acknowledgements as their receipts resolve, then DISCONNECT.
// False: the Client does not read.
func (c *conn) settle() bool {
	c.nc.SetWriteDeadline(time.Now().Add(c.server.limits.Shutdown))
	patience := time.NewTimer(c.server.limits.Shutdown)
	defer patience.Stop()
	c.Flush()
	for !c.settled() {
		select {
		case <-c.kick.wait():
		case <-patience.C:
			return false
		}
	}
	return true
}

// settled tells whether nothing is owed any more, or nobody can be reached.
func (c *conn) settled() bool {
	_, waiting := c.head()
	if waiting && c.end.Load()&endingLost == 0 {
		return false
	}
	return c.turn.state.Load() == turnFree
}

// linger closes in two steps: first our half, then, when the Client has closed its own or does not in a moment,
// the rest. Closing at once while input is unread would make the system reset the connection, and some Clients
// would never see why.
func (c *conn) linger() {
	c.nc.SetReadDeadline(time.Now().Add(c.server.limits.Shutdown / 2)) // a WebSocket waits for the answer
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	io.CopyN(io.Discard, c.nc, 1<<20)
}

// dismantle gives back what the connection holds. It has the turn, for ever.
func (c *conn) dismantle() {
	if c.dropHand(); c.out != nil {
		c.dropOutput()
	}
	c.dropAnswers()
}

// reason says in a log line why a connection ended.
func reason(err error) string {
	switch {
	case errors.Is(err, io.EOF):
		return "connection closed by the client without DISCONNECT"
	case errors.Is(err, net.ErrClosed):
		return "connection closed"
	}
	return err.Error()
}
