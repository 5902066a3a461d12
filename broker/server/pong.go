package server

import (
	"slices"

	"skerry/broker/packet"
)

// A ping of WebSocket is answered by whoever has the turn, as all is that goes to a Client. The library would do it where it reads: it gives
// up after five seconds in which somebody else writes, or the Client does not take what comes, and ends the connection; and it
// would write under the deadline of the last message, which has passed if that was long ago.

// pinged leaves word that a ping is to be answered. Of several that wait, one answer to the last is enough (RFC 6455, section 5.5.3).
func (c *conn) pinged(payload []byte) {
	own := slices.Clone(payload)
	c.pong.Store(&own)
	c.Wake()
}

// answerPing sends what is owed for a ping. It is for the one who has the turn, between packets.
func (c *conn) answerPing() {
	payload := c.pong.Swap(nil)
	if payload == nil || c.closing.Load() || c.broken {
		return
	}
	c.extend()
	if err := c.nc.(*stream).pong(*payload); err != nil {
		c.stop(endingLost)
		c.broken = true
	}
}

// pong writes a frame, in one piece.
func (s *stream) pong(payload []byte) error {
	const finalPong = 0x8A
	if len(payload) > 125 {
		return packet.ProtocolError
	}
	_, err := s.Conn.Write(append([]byte{finalPong, byte(len(payload))}, payload...))
	return err
}
