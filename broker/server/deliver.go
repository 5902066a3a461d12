package server

import (
	"skerry/broker"
	"skerry/broker/packet"
)

// collectDeliveries takes messages from the session in bulk and writes them behind the output until that is full.
// Those that find no room stay in hand for the next write. It asks Next even when nothing seems to wait: only who
// has asked is woken when the disk lets a message go.
func (c *conn) collectDeliveries() {
	o := c.output()
	for len(o.buf) < outputSize {
		if o.next == len(o.hand) && !c.takeInHand(o) {
			return
		}
		for o.next < len(o.hand) && len(o.buf) < outputSize {
			c.deliver(o, &o.hand[o.next])
			o.next++
		}
	}
	o.chunk = max(len(o.hand)/2, handMin) // they are large: take fewer
}

// takeInHand asks the session for the next deliveries.
func (c *conn) takeInHand(o *output) bool {
	clear(o.hand) // nothing here keeps a message alive
	o.hand, o.next = c.session.Next(o.hand[:0], o.chunk), 0
	o.chunk = min(2*o.chunk, handMax)
	return len(o.hand) > 0
}

// deliver writes one delivery (section 3.3; PUBREL: 3.6).
func (c *conn) deliver(o *output, d *broker.Delivery) {
	if d.Release {
		p := packet.Ack{Type: packet.PUBREL, PacketID: d.PacketID}
		o.buf = p.Append(o.buf, c.version)
		o.batch.Packets++
		return
	}
	m := d.Message
	if !c.mayRead(m) {
		c.skip(d)
		return
	}
	expiry, expires := c.session.ExpiryLeft(m)
	if expires && expiry == 0 && !d.Dup {
		c.session.Expired(d)
		return
	}
	head := packet.PublishHead{
		Dup: d.Dup, QoS: d.QoS, Retain: d.Retain, PacketID: d.PacketID,
		TopicName: m.TopicName, PayloadSize: len(m.Payload),
	}
	if c.version == packet.V5 {
		head.Properties = m.Properties
		head.SubscriptionIDs = d.SubscriptionIDs
		head.Expiry, head.HasExpiry = expiry, expires
		if c.sent != nil {
			c.sent.alias(&head, c.maxPacketSize)
		}
	}
	if c.maxPacketSize > 0 && c.tooLarge(head.Size(c.version)) {
		c.server.counters.tooLarge.Add(1)
		c.skip(d)
		return
	}
	o.buf = append(head.Append(o.buf, c.version), m.Payload...)
	o.batch.Packets++
	o.batch.Publishes++
	o.batch.Payload += uint64(len(m.Payload))
}

// skip leaves out a message that the Client may not read, or that is larger than it takes, as if its delivery were complete
// [MQTT-3.1.2-25]. At QoS 2 one that has been sent before may be held by the Client under its packet id, which PUBREL has to free.
func (c *conn) skip(d *broker.Delivery) {
	if d.QoS == 2 && d.Dup {
		if at, code := c.session.Received(d.PacketID); code == packet.Success {
			c.answerAck(ack{at: at}, packet.Ack{Type: packet.PUBREL, PacketID: d.PacketID})
		}
		return
	}
	if d.QoS > 0 {
		c.session.Ack(d.PacketID)
	}
}
