package server

import (
	"fmt"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/queue"
)

// perMessage is about what a message weighs in memory besides its payload, in bytes.
const perMessage = 128

// aliasesSize is how many bytes of Topic Names a connection may have behind Topic Aliases.
const aliasesSize = 16 << 10

// publish handles PUBLISH from a Client (section 3.3).
func (c *conn) publish(h packet.Header) error {
	c.paceMessage()
	p := &c.in.publish
	if err := p.Decode(c.version, h); err != nil {
		return err
	}
	c.in.batch.Publishes++
	c.in.batch.Payload += uint64(len(p.Payload))
	topicName, err := c.topicName(p)
	if err != nil {
		return err
	}
	if p.QoS > 0 && !c.mayBegin(p) {
		return packet.ReceiveMaximumExceeded
	}
	if c.cameBack(p) {
		return c.sendBack(p)
	}
	m := newMessage(topicName, p.Properties, p.Payload)
	m.QoS, m.Retain = p.QoS, p.Retain
	receipt, code, err := c.hand(p.PacketID, m)
	if code == packet.NotAuthorized {
		c.tellDenied(&c.told.publish, "publish", topicName)
	}
	switch {
	case err != nil:
		return err
	case p.QoS == 2:
		return c.acknowledge(packet.PUBREC, p, receipt, code)
	case p.QoS == 1:
		return c.acknowledge(packet.PUBACK, p, receipt, code)
	case code == packet.SessionTakenOver:
		return code
	}
	return nil // QoS 0: there is nothing to tell a refusal with. It is counted, and mosquitto does the same
}

// sendBack refuses a message that has come back.
func (c *conn) sendBack(p *packet.Publish) error {
	switch p.QoS {
	case 1:
		return c.acknowledge(packet.PUBACK, p, 0, packet.ImplementationSpecificError)
	case 2:
		return c.acknowledge(packet.PUBREC, p, 0, packet.ImplementationSpecificError)
	}
	return nil
}

// hand gives a message to the broker. When more waits for the disk than memory may hold, it waits for the next group: a
// Client that keeps to what it was granted is not refused because the disk is slow, it is just not read.
func (c *conn) hand(packetID uint16, m *broker.Message) (receipt queue.Receipt, code packet.ReasonCode, err error) {
	for {
		durable := c.server.broker.Durable()
		if m.QoS == 2 {
			receipt, code = c.session.Receive(packetID, m, &c.in.touched)
		} else {
			receipt, code = c.session.Publish(m, &c.in.touched)
		}
		if code != packet.ServerBusy {
			return receipt, code, nil
		}
		if err := c.waitForDisk(durable + 1); err != nil {
			return 0, 0, err
		}
	}
}

// mostExchanges is how many exchanges a Client may have under way that could not be told how many: far more than one that
// means to end them has, and a bound on the packet ids that one can have us remember.
const mostExchanges = 20_000

// mayBegin counts an exchange. A 5.0 Client has been told how many it may have under way [MQTT-3.3.4-7]. A message that comes once
// more belongs to an exchange that is under way, and that one PUBCOMP ends.
func (c *conn) mayBegin(p *packet.Publish) bool {
	if p.QoS == 2 && c.session.Holds(p.PacketID) {
		return true
	}
	n := int(c.inflight.Add(1))
	if c.version == packet.V5 {
		return n <= c.listener.limits.Inflight
	}
	return n <= mostExchanges
}

// acknowledge answers a PUBLISH of QoS 1 or 2. An older Client knows no word for "no" and would take any answer for
// "yes": its connection is closed instead. So is that of a 5.0 Client when the store is down: it would take "no" as a
// judgement on the message and give it up, while now it keeps it and tries again.
func (c *conn) acknowledge(t packet.Type, p *packet.Publish, at queue.Receipt, code packet.ReasonCode) error {
	if code == packet.SessionTakenOver {
		return code
	}
	if code == packet.NotAuthorized && c.version != packet.V5 {
		code = packet.Success // [MQTT-3.3.5-2] of 3.1.1 allows it, and mosquitto does so
	}
	if code.IsError() && (c.version != packet.V5 || c.server.broker.Err() != nil) {
		return c.publishRefused(code)
	}
	a := ack{at: at, cost: int32(perMessage + len(p.Payload))}
	if t == packet.PUBACK || code.IsError() {
		a.publishes = 1
	}
	answer := packet.Ack{Type: t, PacketID: p.PacketID, ReasonCode: code}
	if code.IsError() {
		answer.Properties = c.explainAck(answer.Size(c.version), c.refusedMessage(code))
	}
	c.answerAck(a, answer)
	return nil
}

// publishRefused ends the connection of a Client that cannot be told "no"; the log line says whose queue is full.
func (c *conn) publishRefused(code packet.ReasonCode) error {
	if why := c.session.Refusal(); why != nil {
		return fmt.Errorf("publish refused: %w: %w", why, code)
	}
	return fmt.Errorf("publish refused: %w", code)
}

// topicName is the Topic Name of p, its Topic Alias resolved (section 3.3.2.3.4).
func (c *conn) topicName(p *packet.Publish) (string, error) {
	if len(p.Properties) > 0 {
		if p.Properties.Has(packet.SubscriptionIdentifier) { // [MQTT-3.3.4-6]
			return "", fmt.Errorf("a Subscription Identifier from a Client: %w", packet.ProtocolError)
		}
		if alias, ok := p.Properties.TopicAlias(); ok {
			return c.aliased(alias, p.TopicName)
		}
	}
	return c.in.topicName(p.TopicName), nil
}

func (c *conn) aliased(alias uint16, name []byte) (string, error) {
	if alias == 0 || int(alias) > c.server.limits.TopicAliases { // [MQTT-3.3.2-8], [MQTT-3.3.2-9]
		return "", packet.TopicAliasInvalid
	}
	if len(name) > 0 {
		return c.setAlias(alias, c.in.topicName(name))
	}
	known, ok := c.aliases[alias]
	if !ok {
		return "", fmt.Errorf("the Topic Alias %d has not been set: %w", alias, packet.ProtocolError)
	}
	return known, nil
}

// setAlias remembers a name. What all names of a connection may take together is bounded; a Client that needs more
// is not one that means to save bytes.
func (c *conn) setAlias(alias uint16, name string) (string, error) {
	if c.aliases == nil {
		c.aliases = map[uint16]string{}
	}
	c.aliasSize += int32(len(name) - len(c.aliases[alias]))
	if c.aliasSize > aliasesSize {
		return "", fmt.Errorf("the Topic Aliases stand for too long names: %w", packet.QuotaExceeded)
	}
	c.aliases[alias] = name
	return name, nil
}

// release handles PUBREL (section 3.6).
func (c *conn) release(p *packet.Ack) error {
	receipt, code := c.session.Release(p.PacketID)
	if code == packet.SessionTakenOver {
		return code
	}
	c.answerAck(ack{at: receipt, publishes: 1}, packet.Ack{Type: packet.PUBCOMP, PacketID: p.PacketID, ReasonCode: code})
	return nil
}

// received handles PUBREC (section 3.5). A refusal ends the exchange [MQTT-4.3.3-4]. For a packet id that is not
// known PUBREL goes out all the same: the Client has a message in hand that it wants to be rid of.
func (c *conn) received(p *packet.Ack) error {
	if p.ReasonCode.IsError() {
		return c.complete(p)
	}
	receipt, code := c.session.Received(p.PacketID)
	switch code {
	case packet.SessionTakenOver:
		return code
	case packet.ProtocolError:
		return fmt.Errorf("PUBREC for a delivery of QoS 1: %w", code)
	}
	c.answerAck(ack{at: receipt}, packet.Ack{Type: packet.PUBREL, PacketID: p.PacketID, ReasonCode: code})
	return nil
}

// answerAck owes the Client one of the four acknowledgements of PUBLISH.
func (c *conn) answerAck(a ack, p packet.Ack) {
	var space [16]byte
	c.answer(a, p.Append(space[:0], c.version))
}

// answer owes the Client a packet.
func (c *conn) answer(a ack, encoded []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acks == nil {
		c.acks = c.server.queues.Get().(*ackQueue)
	}
	c.acks.add(a, encoded)
}

var _ broker.Conn = (*conn)(nil)
