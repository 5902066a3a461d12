package client

import (
	"context"

	"skerry/broker/packet"
)

// flushAt is the number of bytes that a pipelined publisher gathers before it writes by itself.
const flushAt = 64 << 10

// Publish sends a message and returns when the promise of its QoS is kept: written (QoS 0), PUBACK (1), PUBCOMP (2). PacketID and
// Dup of m are ignored. The error is *Refused if the Server did not take it. If the connection ends first, the message stays
// in a Session that was given to Connect and is completed with the next Client.
func (c *Client) Publish(ctx context.Context, m *packet.Publish) error {
	done := make(chan error, 1)
	if err := c.Send(ctx, m, func(err error) { done <- err }); err != nil {
		return err
	}
	if m.QoS == 0 {
		return c.conn.Flush()
	}
	select {
	case err := <-done:
		return err
	case <-c.over:
	case <-ctx.Done():
		return reason(ctx)
	}
	select { // it may have been the last thing that came
	case err := <-done:
		return err
	default:
		return c.conn.Err()
	}
}

// Send is Publish for many messages in a row: it returns as soon as there is a place in the Server's Receive Maximum, and
// done is called when the promise is kept, from another goroutine for QoS 1 and 2. done is not called if Send returns an
// error. m must not be changed before done. It is written soon, with others in one packet of the network where possible.
func (c *Client) Send(ctx context.Context, m *packet.Publish, done func(error)) error {
	if err := packet.CheckTopicName(string(m.TopicName)); err != nil {
		return err
	}
	head := headOf(m)
	if m.QoS == 0 {
		return c.sendAtMostOnce(&head, m.Payload, done)
	}
	if err := c.claim(ctx); err != nil {
		return err
	}
	x := c.session.begin(m, done)
	if err := c.send(x, false); err != nil {
		if c.session.end(x.id) == nil {
			return nil // Run has ended meanwhile and told done
		}
		c.leave()
		return err
	}
	_ = c.written() // what fails is the connection: the message is in the session, and done hears of it
	return nil
}

func (c *Client) sendAtMostOnce(head *packet.PublishHead, payload []byte, done func(error)) error {
	err := c.conn.Publish(head, payload)
	if err == nil {
		err = c.written()
	}
	if err == nil {
		done(nil)
	}
	return err
}

// written leaves small amounts to the writer and holds the caller back while much is waiting.
func (c *Client) written() error {
	if c.conn.Buffered() >= flushAt {
		return c.conn.Flush()
	}
	c.flush()
	return nil
}
