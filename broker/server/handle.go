package server

import (
	"errors"
	"fmt"

	"skerry/broker"
	"skerry/broker/packet"
)

// parting is a DISCONNECT of the Client: the end that it wants.
type parting struct{ packet.Disconnect }

func (parting) Error() string { return "the client disconnected" }

// handle does what one packet asks for. An error ends the connection.
func (c *conn) handle(h packet.Header) error {
	switch h.Type {
	case packet.PUBLISH:
		return c.publish(h)
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP:
		return c.handleAck(h)
	case packet.SUBSCRIBE:
		return c.subscribe(h)
	case packet.UNSUBSCRIBE:
		return c.unsubscribe(h)
	case packet.PINGREQ:
		return c.ping(h)
	case packet.DISCONNECT:
		return c.disconnect(h)
	}
	return c.misplaced(h)
}

func (c *conn) handleAck(h packet.Header) error {
	var p packet.Ack
	if err := p.Decode(c.version, h); err != nil {
		return err
	}
	switch h.Type {
	case packet.PUBREC:
		return c.received(&p)
	case packet.PUBREL:
		return c.release(&p)
	}
	c.session.Ack(p.PacketID) // an id that is not known has been acknowledged before: nothing to do
	return nil
}

// ping handles PINGREQ. The answer waits for no disk: it says that this end is alive.
func (c *conn) ping(h packet.Header) error {
	if err := (packet.Pingreq{}).Decode(c.version, h); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pings++
	return nil
}

// subscribe handles SUBSCRIBE (section 3.8). SUBACK goes before the retained messages that it calls forth, as with
// mosquitto: the specification leaves it open, and simple Clients wait for nothing else.
func (c *conn) subscribe(h packet.Header) error {
	var p packet.Subscribe
	if err := p.Decode(c.version, h); err != nil {
		return err
	}
	id, _ := p.Properties.SubscriptionIdentifier()
	subscriptions := make([]broker.Subscription, len(p.Subscriptions))
	for i, s := range p.Subscriptions {
		subscriptions[i] = broker.Subscription{
			TopicFilter: string(s.TopicFilter), QoS: s.QoS, ID: id,
			NoLocal: s.NoLocal, RetainAsPublished: s.RetainAsPublished, RetainHandling: s.RetainHandling,
		}
	}
	c.subscribing.Add(1)
	codes, receipt := c.session.Subscribe(subscriptions, &c.in.touched)
	if err := over(codes); err != nil {
		return err
	}
	answer := packet.Suback{PacketID: p.PacketID, ReasonCodes: codes}
	return c.answerList(ack{at: receipt, subacks: 1}, answer.Append(nil, c.version))
}

// unsubscribe handles UNSUBSCRIBE (section 3.10).
func (c *conn) unsubscribe(h packet.Header) error {
	var p packet.Unsubscribe
	if err := p.Decode(c.version, h); err != nil {
		return err
	}
	filters := make([]string, len(p.TopicFilters))
	for i, f := range p.TopicFilters {
		filters[i] = string(f)
	}
	codes, receipt := c.session.Unsubscribe(filters)
	if err := over(codes); err != nil {
		return err
	}
	answer := packet.Unsuback{PacketID: p.PacketID, ReasonCodes: codes}
	return c.answerList(ack{at: receipt}, answer.Append(nil, c.version))
}

// answerList owes the Client a SUBACK or UNSUBACK. One that the Client would not take cannot be sent
// [MQTT-3.1.2-24], nor left out [MQTT-3.8.4-1].
func (c *conn) answerList(a ack, encoded []byte) error {
	if c.tooLarge(len(encoded)) {
		return fmt.Errorf("the answer: %w", packet.PacketTooLarge)
	}
	c.answer(a, encoded)
	return nil
}

// over tells from the broker's answer that the session is not ours any more.
func over(codes []packet.ReasonCode) error {
	if len(codes) > 0 && codes[0] == packet.SessionTakenOver {
		return packet.SessionTakenOver
	}
	return nil
}

// disconnect handles DISCONNECT (section 3.14).
func (c *conn) disconnect(h packet.Header) error {
	var p packet.Disconnect
	if err := p.Decode(c.version, h); err != nil {
		return err
	}
	// A session that was to end with the connection cannot be given a longer life now (section 3.14.2.2.2).
	if seconds, ok := p.Properties.SessionExpiryInterval(); ok && seconds > 0 && c.expiry == 0 {
		return fmt.Errorf("a Session Expiry Interval set at DISCONNECT: %w", packet.ProtocolError)
	}
	return parting{p}
}

// misplaced answers packets that a Client may not send, or not now.
func (c *conn) misplaced(h packet.Header) error {
	if h.Type == packet.AUTH {
		var p packet.Auth
		if err := p.Decode(c.version, h); err != nil {
			return err
		}
		return fmt.Errorf("AUTH without an Authentication Method: %w", packet.ProtocolError)
	}
	if h.Type == packet.CONNECT {
		return errors.Join(errors.New("second CONNECT [MQTT-3.1.0-2]"), packet.ProtocolError)
	}
	return fmt.Errorf("%s from a Client: %w", h.Type, packet.ProtocolError)
}
