package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"skerry/broker/packet"
)

// Incoming is a Control Packet from the Server: Type tells which of the fields holds it. It and its bytes are valid only
// during the call of the Handler.
type Incoming struct {
	Type     packet.Type
	Publish  packet.Publish
	Ack      packet.Ack // PUBACK, PUBREC, PUBREL, PUBCOMP
	Suback   packet.Suback
	Unsuback packet.Unsuback
}

// Handler takes what the Server sends. Its methods are called one at a time and must not block on the connection: they may
// Send, another goroutine does Flush.
type Handler interface {
	// Receive takes one packet. An error ends the connection and is what Serve returns.
	Receive(in *Incoming) error
	// Flush says that all packets that have arrived so far were given.
	Flush()
}

// Serve reads until the connection ends and gives every packet to h. It answers for keep-alive: PINGREQ when it is due, the
// end when nothing comes back. It returns why the connection ended, never nil: ctx's error, *Disconnected, ErrTimeout,
// ErrLost, or the error of h.
func (c *Conn) Serve(ctx context.Context, h Handler) error {
	defer context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })()
	over := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	wg.Go(func() { c.keepAlive(over, &wg) })
	err := c.receive(h)
	c.fail(err)
	return c.Err()
}

func (c *Conn) receive(h Handler) error {
	var in Incoming
	for {
		any := false
		for {
			header, ok, err := c.in.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			any = true
			c.see(true, c.in.frame)
			if err := c.handle(&in, header, h); err != nil {
				return err
			}
		}
		if any {
			h.Flush()
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// handle decodes one packet, keeps the account of the Receive Maximum and passes it on.
func (c *Conn) handle(in *Incoming, header packet.Header, h Handler) error {
	in.Type = header.Type
	switch header.Type {
	case packet.PUBLISH:
		if err := in.Publish.Decode(c.version, header); err != nil {
			return err
		}
		if len(in.Publish.TopicName) == 0 { // we allowed no alias: Topic Alias Maximum is 0 [MQTT-3.1.2-26]
			return &packet.Error{Code: packet.TopicAliasInvalid, Type: packet.PUBLISH, Clause: "MQTT-3.1.2-26", Problem: "topic alias"}
		}
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		if err := in.Ack.Decode(c.version, header); err != nil {
			return err
		}
		c.settle(&in.Ack)
	case packet.SUBACK:
		if err := in.Suback.Decode(c.version, header); err != nil {
			return err
		}
	case packet.UNSUBACK:
		if err := in.Unsuback.Decode(c.version, header); err != nil {
			return err
		}
	case packet.PINGRESP:
		c.alive.answer()
		return nil
	case packet.DISCONNECT:
		return c.disconnected(header)
	default:
		return &packet.Error{Code: packet.ProtocolError, Type: header.Type, Clause: "2.1.2", Problem: "a server does not send this here"}
	}
	return h.Receive(in)
}

// settle frees the place of an acknowledged message (section 4.9).
func (c *Conn) settle(a *packet.Ack) {
	if a.Type == packet.PUBACK || a.Type == packet.PUBCOMP || a.Type == packet.PUBREC && a.ReasonCode.IsError() {
		c.Forget(a.PacketID)
	}
}

// Forget frees the place of a message that is given up although it was on its way, on an earlier connection: nobody will
// acknowledge it.
func (c *Conn) Forget(packetID uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight.remove(packetID)
	c.exact.remove(packetID)
}

func (c *Conn) disconnected(header packet.Header) error {
	var d packet.Disconnect
	if err := d.Decode(c.version, header); err != nil {
		return err
	}
	return &Disconnected{Code: d.ReasonCode, Reason: text(d.Properties.ReasonString()), Server: text(d.Properties.ServerReference())}
}

// fill reads once and notes that the Server lives.
func (c *Conn) fill() error {
	err := c.in.fill()
	if err == nil {
		if e, behind := c.alive.heard(); behind && c.options.Answered != nil {
			c.options.Answered(e)
		}
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("closed by the server")
	}
	return c.lost(err)
}

const (
	readBuffer     = 4 << 10  // at rest
	readBufferFull = 64 << 10 // while the Server has much to say
)

// input cuts the stream into frames.
type input struct {
	src   io.Reader
	limit uint32 // our Maximum Packet Size, 0 for none
	buf   []byte
	r, w  int    // buf[r:w] is read and not yet taken
	need  int    // length at which next can say more
	frame []byte // the last packet that next gave
}

// next gives the first packet that is complete. It is valid until fill is called.
func (in *input) next() (packet.Header, bool, error) {
	n, need, err := packet.Next(in.buf[in.r:in.w], in.limit)
	if err != nil || n == 0 {
		in.need = need
		return packet.Header{}, false, err
	}
	in.frame = in.buf[in.r : in.r+n]
	in.r += n
	h, err := packet.Split(in.frame)
	return h, err == nil, err
}

// fill makes room and reads once.
func (in *input) fill() error {
	rest := in.buf[in.r:in.w]
	size := readBuffer
	if in.w == len(in.buf) && in.w > 0 { // the last read filled it: more is waiting
		size = readBufferFull
	}
	// A large packet gets its room as it comes: its length is only what the peer says.
	size = max(size, min(in.need, 2*len(rest)+readBufferFull))
	if len(in.buf) != size {
		buf := make([]byte, size)
		in.w, in.buf = copy(buf, rest), buf
	} else {
		in.w = copy(in.buf, rest)
	}
	in.r = 0
	n, err := in.src.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil // an error that came with bytes comes again without them
	}
	if err == nil {
		err = fmt.Errorf("empty read")
	}
	return err
}
