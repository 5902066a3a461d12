package client

import (
	"context"
	"io"
	"slices"
	"sync"

	"skerry/broker/packet"
)

// Options are the wishes of a Client that CONNECT does not hold.
type Options struct {
	ConnOptions

	// Session continues what an earlier Client left; CONNECT then has CleanStart off. nil: the Client's own, which ends with it.
	Session *Session

	// OnMessage gets each message from the Server, in order, in the goroutine of Run. The message is acknowledged when it
	// returns, and nothing else is received meanwhile. It and its bytes are valid only during the call. nil: messages are
	// acknowledged and dropped.
	OnMessage func(m *packet.Publish)

	// OnTaken, if not nil, is called behind each OnMessage, when the acknowledgement of that message stands in the write
	// buffer. A Disconnect in it ends the connection behind exactly this message: no later one is acknowledged.
	OnTaken func()
}

// Client is a Conn with session state. Its methods may be called from several goroutines, and do their work while Run runs.
type Client struct {
	conn    *Conn
	options Options
	session *Session
	lasting bool // the session goes on without this Client

	again, forgotten []*exchange // what an earlier connection left

	window  chan struct{} // one element for each QoS 1 and 2 message on its way
	resumed chan struct{} // closed when what an earlier connection left is on its way
	wake    chan struct{} // something waits for Flush
	over    chan struct{} // closed when Run has ended
}

// maxWindow bounds the messages on their way to a Server that sets no bound.
const maxWindow = 1024

// Connect sends connect over rw and waits for CONNACK; see Open. Run must be called next.
func Connect(ctx context.Context, rw io.ReadWriteCloser, connect *packet.Connect, o Options) (*Client, error) {
	conn, err := Open(ctx, rw, connect, o.ConnOptions)
	if err != nil {
		return nil, err
	}
	c := &Client{
		conn:    conn,
		options: o,
		session: o.Session,
		lasting: o.Session != nil,
		window:  make(chan struct{}, min(conn.exact.max, maxWindow)), // of both QoS: simple, and at most one place less
		resumed: make(chan struct{}),
		wake:    make(chan struct{}, 1),
		over:    make(chan struct{}),
	}
	if !c.lasting {
		c.session = NewSession()
	}
	c.again, c.forgotten = c.session.resume(conn.Server().SessionPresent)
	return c, nil
}

// Server is what the Server said in CONNACK.
func (c *Client) Server() *Server { return c.conn.Server() }

// Run, called once, carries packets until the connection ends and returns why, never nil: see Conn.Serve. After Disconnect it is ErrClosed.
func (c *Client) Run(ctx context.Context) error {
	for _, x := range c.forgotten {
		x.done(ErrForgotten)
	}
	var wg sync.WaitGroup
	wg.Go(c.write)
	err := c.conn.Serve(ctx, (*handler)(c))
	close(c.over)
	wg.Wait()
	if !c.lasting {
		for _, x := range c.session.abandon() {
			x.done(err)
		}
	}
	return err
}

// write is the one goroutine that blocks on the peer: first what an earlier connection left, then what callers send.
func (c *Client) write() {
	for _, x := range c.again {
		if err := c.sendAgain(x); err != nil {
			return
		}
	}
	close(c.resumed)
	for {
		select {
		case <-c.wake:
			if c.conn.Flush() != nil {
				return
			}
		case <-c.over:
			return
		}
	}
}

// sendAgain sends what an earlier connection left. The error is the connection's.
func (c *Client) sendAgain(x *exchange) error {
	select {
	case c.window <- struct{}{}:
	case <-c.over:
		return c.conn.Err()
	}
	err := c.send(x, c.conn.Server().SessionPresent)
	if err != nil && c.conn.Err() == nil && c.session.end(x.id) != nil { // a lost connection keeps it for the next one
		c.leave()
		x.done(err) // this Server takes less than the one before
	}
	return c.conn.Flush()
}

// claim waits for a place in the window, behind what an earlier connection left [MQTT-4.6.0-1].
func (c *Client) claim(ctx context.Context) error {
	select {
	case <-c.resumed:
	case <-c.over:
		return c.conn.Err()
	case <-ctx.Done():
		return reason(ctx)
	}
	select {
	case c.window <- struct{}{}:
		return nil
	case <-c.over:
		return c.conn.Err()
	case <-ctx.Done():
		return reason(ctx)
	}
}

// leave gives a place in the window back. A Server may acknowledge what was not sent: that frees nothing.
func (c *Client) leave() {
	select {
	case <-c.window:
	default:
	}
}

// send appends the PUBLISH or PUBREL of an exchange.
func (c *Client) send(x *exchange, again bool) error {
	if x.received {
		return c.conn.Release(x.id, packet.Success)
	}
	head := headOf(x.message)
	head.Dup, head.PacketID = again, x.id // [MQTT-3.3.1-1]
	return c.conn.Publish(&head, x.message.Payload)
}

func headOf(m *packet.Publish) packet.PublishHead {
	return packet.PublishHead{QoS: m.QoS, Retain: m.Retain, TopicName: string(m.TopicName), Properties: m.Properties}
}

// flush asks the writer to write.
func (c *Client) flush() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Subscribe asks for messages. The answer has one code for each subscription: the granted QoS, or an error (IsError).
func (c *Client) Subscribe(ctx context.Context, subscriptions ...packet.Subscription) ([]packet.ReasonCode, error) {
	id, answer := c.session.wait()
	return c.request(ctx, &packet.Subscribe{PacketID: id, Subscriptions: subscriptions}, answer)
}

// Unsubscribe ends subscriptions. A 5.0 Server answers with one code for each filter, a 3.1.1 Server with none.
func (c *Client) Unsubscribe(ctx context.Context, filters ...string) ([]packet.ReasonCode, error) {
	id, answer := c.session.wait()
	u := packet.Unsubscribe{PacketID: id}
	for _, f := range filters {
		u.TopicFilters = append(u.TopicFilters, []byte(f))
	}
	return c.request(ctx, &u, answer)
}

func (c *Client) request(ctx context.Context, p Packet, answer <-chan []packet.ReasonCode) ([]packet.ReasonCode, error) {
	if err := c.conn.Send(p); err != nil {
		return nil, err
	}
	c.flush()
	select {
	case codes := <-answer:
		return codes, nil
	case <-c.over:
		return nil, c.conn.Err()
	case <-ctx.Done():
		return nil, reason(ctx)
	}
}

// Disconnect says good-bye and closes the connection. NormalDisconnection makes the Server forget the Will,
// DisconnectWithWillMessage makes it publish it (5.0). Run then returns ErrClosed.
func (c *Client) Disconnect(code packet.ReasonCode) error {
	err := c.conn.Send(&packet.Disconnect{ReasonCode: code})
	if err == nil {
		err = c.conn.Flush()
	}
	c.conn.Close()
	return err
}

// Close ends the connection without a word: the Server publishes the Will.
func (c *Client) Close() error { return c.conn.Close() }

// handler is the Client's side towards its Conn.
type handler Client

// Flush has the acknowledgements of what came written.
func (h *handler) Flush() { (*Client)(h).flush() }

// Receive takes one packet from the Server.
func (h *handler) Receive(in *Incoming) error {
	c := (*Client)(h)
	switch in.Type {
	case packet.PUBLISH:
		return c.take(&in.Publish)
	case packet.SUBACK:
		c.session.answer(in.Suback.PacketID, slices.Clone(in.Suback.ReasonCodes))
		return nil
	case packet.UNSUBACK:
		c.session.answer(in.Unsuback.PacketID, slices.Clone(in.Unsuback.ReasonCodes))
		return nil
	}
	return c.acknowledge(&in.Ack)
}

// take gives a message to OnMessage and acknowledges it, a QoS 2 message only once.
func (c *Client) take(m *packet.Publish) error {
	fresh := m.QoS < 2 || c.session.hold(m.PacketID)
	if fresh && c.options.OnMessage != nil {
		c.options.OnMessage(m)
	}
	var err error
	switch m.QoS {
	case 1:
		err = c.conn.Send(&packet.Ack{Type: packet.PUBACK, PacketID: m.PacketID})
	case 2:
		err = c.conn.Send(&packet.Ack{Type: packet.PUBREC, PacketID: m.PacketID})
	}
	if err == nil && fresh && c.options.OnTaken != nil {
		c.options.OnTaken()
	}
	return err
}

// acknowledge moves an exchange on (sections 4.3.2, 4.3.3).
func (c *Client) acknowledge(a *packet.Ack) error {
	switch a.Type {
	case packet.PUBREL:
		code := packet.Success
		if !c.session.release(a.PacketID) {
			code = packet.PacketIdentifierNotFound
		}
		return c.conn.Send(&packet.Ack{Type: packet.PUBCOMP, PacketID: a.PacketID, ReasonCode: code})
	case packet.PUBREC:
		if a.ReasonCode.IsError() {
			break
		}
		code := packet.Success
		if !c.session.receive(a.PacketID) {
			code = packet.PacketIdentifierNotFound // the Server must get rid of it; silence would stall it
		}
		return c.conn.Release(a.PacketID, code)
	}
	if a.Type != packet.PUBCOMP || c.session.releasing(a.PacketID) {
		c.complete(a)
	}
	return nil
}

// complete ends an exchange: its promise is kept, or refused.
func (c *Client) complete(a *packet.Ack) {
	x := c.session.end(a.PacketID)
	if x == nil {
		return
	}
	c.leave()
	if a.Type != packet.PUBCOMP && a.ReasonCode.IsError() {
		x.done(&Refused{Type: a.Type, Code: a.ReasonCode, Reason: text(a.Properties.ReasonString())})
		return
	}
	x.done(nil)
}
