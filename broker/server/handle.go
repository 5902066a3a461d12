package server

import (
	"errors"
	"fmt"
	"slices"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
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
	case packet.AUTH:
		return c.handleAuth(h)
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
	return c.complete(&p)
}

// complete handles what ends a delivery: PUBACK, PUBCOMP, a PUBREC that refuses. An id that is not known has been
// acknowledged before: nothing to do.
func (c *conn) complete(p *packet.Ack) error {
	if code := c.session.AckAs(p.PacketID, p.Type); code == packet.ProtocolError {
		return fmt.Errorf("%s for a delivery that waits for another packet: %w", p.Type, code)
	}
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
		if err := wellFormed(s.TopicFilter); err != nil {
			return err
		}
		subscriptions[i] = broker.Subscription{
			TopicFilter: string(s.TopicFilter), QoS: s.QoS, ID: id,
			NoLocal: s.NoLocal, RetainAsPublished: s.RetainAsPublished, RetainHandling: s.RetainHandling,
		}
	}
	c.subscribing.Add(1)
	codes, receipt, err := c.subscribeAll(subscriptions)
	if err != nil {
		return err
	}
	c.tellDeniedFilters(subscriptions, codes)
	answer := packet.Suback{PacketID: p.PacketID, ReasonCodes: codes}
	answer.Properties = c.explainAck(answer.Size(c.version), refusedFilters(codes))
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
		if err := wellFormed(f); err != nil {
			return err
		}
		filters[i] = string(f)
	}
	codes, receipt, err := c.change(func() ([]packet.ReasonCode, queue.Receipt) { return c.session.Unsubscribe(filters) })
	if err != nil {
		return err
	}
	if c.version != packet.V5 && slices.Contains(codes, packet.ImplementationSpecificError) { // UNSUBACK would say that all went well
		return fmt.Errorf("unsubscribe: %w", packet.ImplementationSpecificError)
	}
	answer := packet.Unsuback{PacketID: p.PacketID, ReasonCodes: codes}
	return c.answerList(ack{at: receipt}, answer.Append(nil, c.version))
}

// wellFormed tells whether a Topic Filter is one. What is none breaks the protocol and ends the connection [MQTT-4.7.1-2]
// [MQTT-4.8.0-1], as with mosquitto; a reason code of its own is for filters that are well formed and not allowed. How deep
// a filter may go is our bound, not the specification's: the broker refuses that one alone.
func wellFormed(filter []byte) error {
	err := topic.ValidFilter(string(filter))
	if err == nil || errors.Is(err, topic.ErrTooDeep) {
		return nil
	}
	return fmt.Errorf("%w: %w", err, packet.MalformedPacket)
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

// subscribeAll has the broker subscribe, and goes on behind the disk where more waits for that than memory may hold.
func (c *conn) subscribeAll(subscriptions []broker.Subscription) (codes []packet.ReasonCode, receipt queue.Receipt, err error) {
	for {
		durable := c.server.broker.Durable()
		some, r := c.session.Subscribe(subscriptions[len(codes):], &c.in.touched)
		receipt = max(receipt, r)
		if slices.Contains(some, packet.SessionTakenOver) {
			return nil, 0, packet.SessionTakenOver
		}
		busy := slices.Index(some, packet.ServerBusy)
		if busy < 0 {
			return append(codes, some...), receipt, nil
		}
		codes = append(codes, some[:busy]...)
		if err := c.waitForDisk(durable + 1); err != nil {
			return nil, 0, err
		}
	}
}

// change has the broker change subscriptions. When more waits for the disk than memory may hold, it waits for the next group, as hand
// does for messages: a Client that is refused does not ask again.
func (c *conn) change(do func() ([]packet.ReasonCode, queue.Receipt)) ([]packet.ReasonCode, queue.Receipt, error) {
	for {
		durable := c.server.broker.Durable()
		codes, receipt := do()
		switch {
		case slices.Contains(codes, packet.SessionTakenOver): // the session is not ours any more
			return nil, 0, packet.SessionTakenOver
		case !slices.Contains(codes, packet.ServerBusy):
			return codes, receipt, nil
		}
		if err := c.waitForDisk(durable + 1); err != nil {
			return nil, 0, err
		}
	}
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
	if h.Type == packet.CONNECT {
		return errors.Join(errors.New("second CONNECT [MQTT-3.1.0-2]"), packet.ProtocolError)
	}
	return fmt.Errorf("%s from a Client: %w", h.Type, packet.ProtocolError)
}
