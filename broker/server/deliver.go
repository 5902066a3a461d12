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
		return
	}
	m := d.Message
	head := packet.PublishHead{
		Dup: d.Dup, QoS: d.QoS, Retain: d.Retain, PacketID: d.PacketID,
		TopicName: m.TopicName, PayloadSize: len(m.Payload),
	}
	if c.version == packet.V5 {
		head.Properties = m.Properties
		head.SubscriptionIDs = d.SubscriptionIDs
		head.Expiry, head.HasExpiry = c.session.ExpiryLeft(m)
	}
	if c.maxPacketSize > 0 && c.tooLarge(head.Size(c.version)) {
		c.skip(d)
		return
	}
	o.buf = append(head.Append(o.buf, c.version), m.Payload...)
}

// skip leaves out a message that is larger than the Client takes, as if its delivery were complete
// [MQTT-3.1.2-25].
func (c *conn) skip(d *broker.Delivery) {
	c.server.counters.tooLarge.Add(1)
	if d.QoS > 0 {
		c.session.Ack(d.PacketID)
	}
}
