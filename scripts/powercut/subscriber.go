package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/rig"
)

// A subscriber is a Client with a durable session that remembers what it got, and which QoS 2 identifiers it holds.
type subscriber struct {
	index   int
	qos     packet.QoS
	address string
	lax     bool // the device lied: the broker may have lost the session

	journal
	subscriberState
	wire *rig.Wire
}

// subscriberState is what survives the loss of a connection.
type subscriberState struct {
	known      bool
	subscribed bool
	held       map[uint16]bool
	got        [publishers][]int // the numbers of the messages delivered, in order
	highest    [publishers]int   // of them
}

// subscriptionID comes with every message to a witness that speaks MQTT 5.0.
const subscriptionID = 300

// subscribers is how many there are: QoS 2 and always there, QoS 2 and coming and going, QoS 1 and mostly away.
const subscribers = 3

func newSubscriber(index int, address string) *subscriber {
	qos := packet.QoS(2)
	if index == 2 {
		qos = 1
	}
	return &subscriber{index: index, qos: qos, address: address, subscriberState: subscriberState{held: map[uint16]bool{}}}
}

func (s *subscriberState) apply(e event) {
	switch e.kind {
	case connected:
		s.known = true
	case subscribed:
		s.subscribed = true
	case forgotten:
		s.subscribed = false
		clear(s.held)
	case delivered:
		s.got[e.from] = append(s.got[e.from], e.seq)
		s.highest[e.from] = max(s.highest[e.from], e.seq)
		if e.id > 0 {
			s.held[e.id] = true
		}
	case released:
		delete(s.held, e.id)
	}
}

func (s *subscriber) note(e event) { s.apply(s.journal.note(e)) }

// follow receives until enough says so. It asks whenever nothing has come for a moment.
func (s *subscriber) follow(enough func() bool, patience time.Duration) error {
	last := time.Now()
	for !enough() {
		any, err := s.step()
		if _, bad := errors.AsType[*brokenPromise](err); bad {
			return err
		}
		if err != nil {
			if err := s.reconnect(); err != nil {
				return err
			}
		}
		if any {
			last = time.Now()
		}
		if time.Since(last) > patience {
			return broken("subscriber %d waits for messages that do not come: it has %v", s.index, s.summary())
		}
	}
	return nil
}

// step takes what has come. any: something has.
func (s *subscriber) step() (any bool, err error) {
	if s.wire == nil {
		return false, net.ErrClosed
	}
	for {
		h, err := s.wire.ReceiveWithin(10 * time.Millisecond)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return any, nil
		}
		if err != nil {
			return any, err
		}
		any = true
		if err := s.take(h); err != nil {
			return true, err
		}
		if !s.wire.Ready() {
			return true, s.wire.Flush()
		}
	}
}

func (s *subscriber) take(h packet.Header) error {
	switch h.Type {
	case packet.PUBREL:
		s.note(event{kind: released, id: idOf(h)})
		s.wire.Ack(packet.PUBCOMP, idOf(h))
		return nil
	case packet.PUBLISH:
		var m packet.Publish
		if err := m.Decode(s.wire.Version, h); err != nil {
			return broken("subscriber %d: %v", s.index, err)
		}
		if id, _ := m.Properties.SubscriptionIdentifier(); s.wire.Version == packet.V5 && id != subscriptionID {
			return broken("subscriber %d got a message with Subscription Identifier %d", s.index, id)
		}
		return s.deliver(&m)
	}
	if h.Type == packet.DISCONNECT {
		return net.ErrClosed
	}
	return broken("subscriber %d got %v", s.index, h.Type)
}

func (s *subscriber) deliver(m *packet.Publish) error {
	from, seq, err := read(m.Payload)
	if err != nil {
		return fmt.Errorf("subscriber %d: %w", s.index, err)
	}
	switch {
	case from >= publishers:
		return broken("subscriber %d got a message of publisher %d", s.index, from)
	case m.QoS == 1:
		s.note(event{kind: delivered, from: from, seq: seq})
		s.wire.Ack(packet.PUBACK, m.PacketID)
	case m.QoS == 2:
		if !s.held[m.PacketID] {
			s.note(event{kind: delivered, from: from, seq: seq, id: m.PacketID})
		}
		s.wire.Ack(packet.PUBREC, m.PacketID)
	default:
		return broken("subscriber %d got a message with QoS 0", s.index)
	}
	return nil
}

// reconnect comes back, and subscribes if that is not confirmed.
func (s *subscriber) reconnect() error {
	wire, present, err := comeBack(s.index, s.address, fmt.Sprintf("subscriber-%d", s.index))
	if err != nil {
		return err
	}
	s.wire = wire
	if s.known && !present && !s.lax {
		return broken("the session of subscriber %d is gone", s.index)
	}
	s.note(event{kind: connected})
	if !present {
		s.note(event{kind: forgotten})
	}
	if s.subscribed && !s.lax {
		return nil
	}
	return s.subscribe() // after a lie the session may be there and its last SUBSCRIBE not
}

func (s *subscriber) subscribe() error {
	q := packet.Subscribe{PacketID: 1, Subscriptions: []packet.Subscription{{TopicFilter: []byte("t/#"), QoS: s.qos}}}
	if s.wire.Version == packet.V5 {
		q.Properties = q.Properties.AppendNumber(packet.SubscriptionIdentifier, subscriptionID)
	}
	if err := s.wire.Send(&q); err != nil {
		return err
	}
	if err := s.takeUntil(packet.SUBACK); err != nil {
		return fmt.Errorf("subscriber %d: subscribe: %w", s.index, err)
	}
	s.note(event{kind: subscribed})
	return nil
}

// fence returns when the broker has nothing more to send that it had before.
func (s *subscriber) fence() error {
	if err := s.wire.Send(&packet.Pingreq{}); err != nil {
		return err
	}
	return s.takeUntil(packet.PINGRESP)
}

// takeUntil takes what comes before a packet of that type.
func (s *subscriber) takeUntil(t packet.Type) error {
	for {
		h, err := s.wire.Receive()
		if err != nil || h.Type == t {
			return err
		}
		if err := s.take(h); err != nil {
			return err
		}
		if err := s.wire.Flush(); err != nil {
			return err
		}
	}
}

// has tells whether all messages up to these have come.
func (s *subscriber) has(last [publishers]int) bool {
	for from, seq := range last {
		if s.highest[from] < seq {
			return false
		}
	}
	return true
}

func (s *subscriber) summary() string {
	text := ""
	for from, got := range s.got {
		if len(got) > 0 {
			text += fmt.Sprintf("[publisher %d: %d messages, up to %d]", from, len(got), s.highest[from])
		}
	}
	return text
}

// leave disconnects and keeps the state.
func (s *subscriber) leave() {
	if s.wire != nil {
		_ = s.wire.Disconnect()
		s.wire = nil
	}
}
