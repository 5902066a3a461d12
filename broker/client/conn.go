package client

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"skerry/broker/packet"
)

const (
	// defaultPingTimeout is how long a PINGREQ waits for its answer. Geostationary links answer within 2 s, Iridium Certus
	// has been seen to be silent for 70 s; anything received extends it.
	defaultPingTimeout = 30 * time.Second

	// blindWindow is how many QoS 2 messages are on their way to a Server that cannot name its limit. Mosquitto 2.0 holds
	// max_inflight_messages (20) of them and drops what else comes meanwhile, QoS 1 too, with a PUBREC or PUBACK that in 3.1.1
	// looks like success.
	// So one place is left for QoS 1, and one for a QoS 2 message after a restart, when nobody knows what the Server holds.
	blindWindow = 18

	// keepBuffer is the largest write buffer kept for the next packets.
	keepBuffer = 256 << 10
)

// ConnOptions are the wishes of a Conn that CONNECT does not hold.
type ConnOptions struct {
	// Bridge sets the top bit of the protocol level of a 3.1 or 3.1.1 CONNECT. Mosquitto and servers that follow it then do
	// not send back what this Client publishes, and leave the RETAIN flag as published: what 5.0 asks for with No Local and
	// Retain As Published. Others refuse it with UnsupportedProtocolVersion or close the connection.
	Bridge bool

	// Ping is the longest silence of the Server before it is asked with PINGREQ. 0 is the Keep Alive. It can be shorter
	// than the Keep Alive of CONNECT, which is what the Server measures by.
	Ping time.Duration

	// Held are the Packet Identifiers of QoS 2 messages that the Server may hold from an earlier connection. They count against
	// its Receive Maximum from the beginning, as Servers count them, until they are completed.
	Held []uint16

	// Restrict lowers what the Server has said in CONNACK, for one that is known to take less. nil: it is taken at its word.
	Restrict func(*Server)

	// Aliases choose Topic Aliases towards a 5.0 Server that takes any. They may go on from one Conn to the next. nil: none are used.
	Aliases *Aliases

	// First is a message that is sent with CONNECT, before the Server has answered, which saves packets of the network (section 3.1.4
	// allows it). It must be no more than the Will asks for already, QoS and Retain: a Server that does not have that refuses CONNECT.
	// nil: CONNECT goes alone.
	First *packet.Publish

	// Seen is told of whole packets that have come, and of those that have been written. It must not keep them nor block. nil:
	// nobody looks.
	Seen func(in bool, packets []byte)

	// PingTimeout is how long after PINGREQ, or after anything received since, the Server may be silent. 0 is 30 s.
	PingTimeout time.Duration

	// Answered is told of each Exchange behind a silence of 5 s or more that the Server has answered, from within Serve. It must
	// not block. nil: nobody looks.
	Answered func(Exchange)
}

// Conn is one Network Connection that the Server has accepted. Its methods may be called from several goroutines.
type Conn struct {
	rw      io.ReadWriteCloser
	version packet.Version
	server  Server
	options ConnOptions
	in      input
	alive   alive

	mu     sync.Mutex // guards the rest
	out    []byte     // appended and not yet handed to a write
	flight flight     // ids that count against the Server's Receive Maximum
	exact  flight     // those of QoS 2, which 3.1.1 limits without saying so
	cause  error      // why the connection ended

	flushing chan struct{} // has an element while somebody writes; a lock, but one that a test's clock can see waiting
	spare    []byte        // guarded by flushing: the other write buffer
}

// Open sends connect over rw and waits for CONNACK. rw is closed when Open fails, with the reason in the error: *Refused,
// ErrTimeout when the deadline of ctx passed, ErrLost. Nobody may use rw beside the Conn from now on.
func Open(ctx context.Context, rw io.ReadWriteCloser, connect *packet.Connect, o ConnOptions) (*Conn, error) {
	c := &Conn{rw: rw, version: connect.Version, options: o, in: input{src: rw}, flushing: make(chan struct{}, 1)}
	c.in.limit = connect.Properties.MaximumPacketSize()
	c.alive.changed = make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { c.fail(reason(ctx)) })
	err := c.handshake(connect)
	if !stop() && err == nil {
		err = c.Err() // the deadline came with the answer
	}
	if err != nil {
		c.fail(err)
		return nil, fmt.Errorf("connect: %w", c.Err())
	}
	c.alive.limit = c.server.KeepAlive
	c.SetKeepAlive(KeepAlive{Ping: o.Ping, Answer: o.PingTimeout})
	return c, nil
}

// Stream is what Open was given. It is for asking how the connection below does, not for reading or writing.
func (c *Conn) Stream() io.ReadWriteCloser { return c.rw }

// reason translates the end of a context: a deadline is the peer's silence, a cancellation is ours.
func reason(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return ErrTimeout
	}
	return context.Cause(ctx)
}

func (c *Conn) handshake(connect *packet.Connect) error {
	c.out = connect.Append(c.out)
	if c.options.Bridge && connect.Version != packet.V5 {
		markBridge(c.out)
	}
	if m := c.options.First; m != nil {
		c.out = m.Append(c.out, c.version)
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for {
		h, ok, err := c.in.next()
		if err != nil {
			return err
		}
		if ok {
			c.see(true, c.in.frame)
			return c.accept(h, connect)
		}
		if first := c.in.buf[c.in.r:c.in.w]; len(first) > 0 && packet.Type(first[0]>>4) != packet.CONNACK {
			return notConnack(packet.Type(first[0] >> 4)) // at once: the rest of it may never come
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

func (c *Conn) see(in bool, packets []byte) {
	if c.options.Seen != nil {
		c.options.Seen(in, packets)
	}
}

// markBridge sets the top bit of the protocol level in an encoded CONNECT: it stands behind the protocol name.
func markBridge(connect []byte) {
	at := 1
	for connect[at]&0x80 != 0 { // Remaining Length
		at++
	}
	at++
	at += 2 + int(connect[at])<<8 + int(connect[at+1])
	connect[at] |= 0x80
}

func notConnack(t packet.Type) error {
	return &packet.Error{Code: packet.ProtocolError, Type: t, Clause: "MQTT-3.2.0-1", Problem: "the first packet of a server is CONNACK"}
}

// accept reads the first packet of the Server, which must be CONNACK [MQTT-3.2.0-1].
func (c *Conn) accept(h packet.Header, connect *packet.Connect) error {
	if h.Type != packet.CONNACK {
		return notConnack(h.Type)
	}
	v := c.version
	if v == packet.V5 && len(h.Body) == 2 {
		v = packet.V311 // a Server that knows no 5.0 refuses in its own language
	}
	var a packet.Connack
	if err := a.Decode(v, h); err != nil {
		return err
	}
	if a.ReasonCode != packet.Success {
		return &Refused{Type: packet.CONNACK, Code: a.ReasonCode, Reason: text(a.Properties.ReasonString()), Server: text(a.Properties.ServerReference())}
	}
	if v != c.version {
		return &packet.Error{Code: packet.ProtocolError, Type: packet.CONNACK, Clause: "3.2", Problem: "a 3.1.1 answer to a 5.0 CONNECT"}
	}
	c.server = newServer(&a, connect)
	if c.options.Restrict != nil {
		c.options.Restrict(&c.server)
	}
	// One place is left for QoS 1: a QoS 1 message that must be sent again first could not be, if all were held for those behind it.
	c.flight.max, c.exact.max = int(c.server.ReceiveMaximum), max(int(c.server.ReceiveMaximum)-1, 1)
	if c.version != packet.V5 {
		c.exact.max = min(c.exact.max, blindWindow)
	}
	if m := c.options.First; m != nil && m.QoS > 0 {
		c.flight.add(m.PacketID)
	}
	if c.options.Aliases != nil {
		c.options.Aliases.begin(c.server.TopicAliasMaximum)
	}
	if c.server.SessionPresent {
		for _, id := range c.options.Held {
			c.flight.add(id)
			c.exact.add(id)
		}
	}
	return nil
}

// Server is what the Server said in CONNACK.
func (c *Conn) Server() *Server { return &c.server }

// Version is the protocol version of the connection.
func (c *Conn) Version() packet.Version { return c.version }

// Close ends the Network Connection without DISCONNECT: the Server publishes the Will. Further calls do nothing.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	return nil
}

// Err tells why the connection ended, nil while it has not.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Abort ends the connection for a reason that Serve then returns.
func (c *Conn) Abort(cause error) { c.fail(cause) }

// fail closes the connection; the first cause stays.
func (c *Conn) fail(cause error) {
	c.mu.Lock()
	first := c.cause == nil
	if first {
		c.cause = cause
	}
	c.mu.Unlock()
	if first {
		c.rw.Close() // its error would say less than the cause
	}
}

// lost turns an error of the stream into the cause of the end: an earlier cause explains it better.
func (c *Conn) lost(err error) error {
	c.fail(fmt.Errorf("%w: %w", ErrLost, err))
	return c.Err()
}
