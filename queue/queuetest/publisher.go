package queuetest

import (
	"fmt"
	"strings"

	"skerry/queue"
)

// publisher is a client that publishes. Its protocol state survives the store.
type publisher struct {
	w       *world
	name    int
	qos     byte
	gateway bool
	batch   bool // publishes each message in a batch with a fact
	created bool
	x       *queue.Session // at QoS 2

	connected bool
	next      int // number of the next message
	acked     int // all messages below were acknowledged
	kept      int // number of the last retained message that was acknowledged
	out       []*outgoing
}

// outgoing is a message whose handshake is not complete.
type outgoing struct {
	n        int
	id       uint16
	released bool          // PUBREC came, PUBREL is sent
	answer   queue.Receipt // of what is sent on this connection
}

func (p *publisher) topic() string { return fmt.Sprint("p", p.name) }

func (p *publisher) message(n int) *queue.Message {
	m := &queue.Message{TopicName: p.topic(), QoS: p.qos, Retain: n%5 == 0}
	if p.gateway {
		m.Origin = queue.Gateway
	}
	m.Payload = fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", n*37%300))
	if n%40 == 7 {
		m.Payload = append(m.Payload, make([]byte, 2000)...)
	}
	return m
}

func (p *publisher) disconnect() { p.connected = false }

// connect sends again whatever was not answered, in order [MQTT-4.4.0-1].
func (p *publisher) connect() {
	p.connected = true
	for _, o := range p.out {
		p.transmit(o)
	}
}

// send publishes a new message if few enough are in flight. Packet ids are few, so that a held id that should be
// free is met soon.
func (p *publisher) send() {
	if !p.connected {
		p.connect()
	}
	if len(p.out) >= 3 {
		return
	}
	o := &outgoing{n: p.next, id: p.freeID()}
	p.next++
	p.out = append(p.out, o)
	p.transmit(o)
}

func (p *publisher) freeID() uint16 {
	for id := uint16(1); ; id++ {
		used := false
		for _, o := range p.out {
			used = used || o.id == id
		}
		if !used {
			return id
		}
	}
}

func (p *publisher) transmit(o *outgoing) {
	var err error
	switch {
	case o.released:
		o.answer, _ = p.x.Release(o.id)
	case p.qos == 2:
		o.answer, err = p.x.Receive(o.id, p.message(o.n), p.targets())
	case p.batch:
		b := p.w.s.NewBatch()
		b.Publish(p.message(o.n), p.targets())
		b.Put(factSpace, p.topic(), fmt.Append(nil, o.n))
		o.answer, err = p.w.s.Apply(b)
	default:
		o.answer, err = p.w.s.Publish(p.message(o.n), p.targets())
	}
	if err != nil {
		p.w.breaks("publish: %w", err)
	}
}

func (p *publisher) targets() []queue.Target {
	to := make([]queue.Target, len(p.w.subs))
	for i, s := range p.w.subs {
		to[i] = queue.Target{Session: s.x, QoS: min(p.qos, s.qos)}
		if i == 1 {
			to[i].SubscriptionIDs = []uint32{uint32(p.name), 300}
		}
	}
	return to
}

// hear takes the next answer, if it may have been sent by now.
func (p *publisher) hear() {
	if !p.connected || len(p.out) == 0 {
		return
	}
	for i, o := range p.out {
		if p.w.s.Durable() < o.answer {
			return // answers come in order
		}
		switch {
		case p.qos == 2 && !o.released:
			o.released = true
			p.note(o)
			p.transmit(o)
			return
		case p.qos == 2 && i > 0:
			continue
		}
		p.note(o)
		p.out = append(p.out[:i:i], p.out[i+1:]...)
		return
	}
}

func (p *publisher) note(o *outgoing) {
	p.acked = max(p.acked, o.n+1)
	if o.n%5 == 0 {
		p.kept = max(p.kept, o.n)
	}
}

func (p *publisher) checkRetained(m *queue.Message, lied bool) {
	var n int
	fmt.Sscan(string(m.Payload), &n)
	if n%5 != 0 || n >= p.next || n < p.kept && !lied || string(m.Payload) != string(p.message(n).Payload) {
		p.w.breaks("retained message %d of %s after %d was acknowledged", n, p.topic(), p.kept)
	}
}

// finish goes on until nothing is in flight.
func (p *publisher) finish() (busy bool) {
	if len(p.out) == 0 {
		return false
	}
	if !p.connected {
		p.connect()
	}
	p.hear()
	return true
}
