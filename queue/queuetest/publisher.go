package queuetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

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
	kept      int // number of the last message to be retained that was acknowledged; -1: none
	sentAt    []time.Duration
	refused   map[int]bool
	unsure    map[int]bool // the store was full when it came: it may have been dropped
	out       []*outgoing
}

// outgoing is a message whose handshake is not complete.
type outgoing struct {
	n        int
	id       uint16
	sent     bool          // on this connection
	released bool          // PUBREC came, PUBREL is sent
	answer   queue.Receipt // of what is sent on this connection
}

func (p *publisher) topic() string { return fmt.Sprint("p", p.name) }

// message n of the publisher, always the same.
func (p *publisher) message(n int) *queue.Message {
	keep, deletes := keeps(n)
	m := &queue.Message{TopicName: p.topic(), QoS: p.qos, Retain: keep, Properties: binary.AppendUvarint(nil, uint64(n))}
	if p.gateway {
		m.Origin = queue.Gateway
	}
	m.Expiry, m.HasExpiry = p.expiry(n)
	if !deletes {
		m.Payload = bytes.Repeat([]byte{'x'}, 1+n*37%300)
	}
	if n%40 == 7 {
		m.Payload = append(m.Payload, make([]byte, p.w.large())...)
	}
	return m
}

// expiry in seconds of message n.
func (p *publisher) expiry(n int) (seconds uint32, has bool) {
	if p.w.Expiry && n%4 == 3 {
		return 3, true
	}
	return 0, false
}

// number of a message.
func number(m *queue.Message) int {
	n, _ := binary.Uvarint(m.Properties)
	return int(n)
}

func same(a, b *queue.Message) bool {
	return bytes.Equal(a.Payload, b.Payload) && a.Expiry == b.Expiry && a.HasExpiry == b.HasExpiry
}

func (p *publisher) disconnect() { p.connected = false }

// connect sends again whatever was not answered, in order [MQTT-4.4.0-1].
func (p *publisher) connect() {
	p.connected = true
	for _, o := range p.out {
		o.sent = false
	}
	p.sendAll()
}

// sendAll sends what was not sent on this connection, in order, until the store is busy.
func (p *publisher) sendAll() (done bool) {
	for _, o := range append([]*outgoing(nil), p.out...) {
		if !o.sent && !p.transmit(o) {
			return false
		}
	}
	return true
}

// send publishes a new message if few enough are in flight. Packet ids are few, so that a held id that should be
// free is met soon.
func (p *publisher) send() {
	if !p.connected {
		p.connect()
	}
	if !p.sendAll() || len(p.out) >= 3 {
		return
	}
	o := &outgoing{n: p.next, id: p.freeID()}
	p.next++
	p.sentAt = append(p.sentAt, p.w.real)
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

// transmit returns false if the store is busy: the message waits then, as it would in the connection.
func (p *publisher) transmit(o *outgoing) bool {
	if o.sent = true; o.released {
		o.answer, _ = p.x.Release(o.id)
		p.w.trace("p%d: PUBREL %d: %d", p.name, o.id, o.answer)
		return true
	}
	if p.qos == 2 {
		if r, again := p.x.Held(o.id); again {
			o.answer = r
			p.w.trace("p%d: message %d, packet id %d is held: %d", p.name, o.n, o.id, r)
			return true
		}
	}
	for _, s := range p.w.subs {
		s.expectDrop(p, o.n)
	}
	m, before := p.message(o.n), p.w.droppedByStore()
	err := p.publish(o, m, p.targets())
	p.w.noteDrops(before, p, o.n)
	p.w.trace("p%d: message %d, packet id %d: %d, %v", p.name, o.n, o.id, o.answer, err)
	switch {
	case p.w.busy(err):
		o.sent = false
	case p.w.refused(err):
		p.giveUp(o)
	case err != nil:
		p.w.breaks("publish: %w", err)
	default:
		for _, s := range p.w.subs {
			s.enqueued(p, o.n, m)
		}
	}
	return o.sent
}

func (p *publisher) publish(o *outgoing, m *queue.Message, to []queue.Target) (err error) {
	switch {
	case p.batch:
		b := p.w.s.NewBatch()
		b.Publish(m, to)
		b.Put(factSpace, p.topic(), fmt.Append(nil, o.n))
		o.answer, err = p.w.s.Apply(b)
	case o.n%3 == 1 && o.n%40 != 7 && len(to) > 1: // two large ones are no record
		o.answer, err = p.publishForms(o, m, to)
	case p.qos == 2:
		o.answer, err = p.x.Receive(o.id, m, to)
	default:
		o.answer, err = p.w.s.Publish(m, to)
	}
	return err
}

// publishForms publishes a message in two forms: the first of the sessions gets it under another name, which subscribers read
// like its own.
func (p *publisher) publishForms(o *outgoing, m *queue.Message, to []queue.Target) (queue.Receipt, error) {
	other := *m
	other.TopicName, other.Retain = fmt.Sprintf("p%02d", p.name), false
	forms := []queue.Form{{Message: m, To: to[1:]}, {Message: &other, To: to[:1]}}
	if p.qos == 2 {
		return p.x.ReceiveForms(o.id, forms)
	}
	return p.w.s.PublishForms(forms)
}

// busy tells whether the store wants to be asked again, because it is making room.
func (w *world) busy(err error) bool {
	if !errors.Is(err, queue.ErrBusy) || !w.storeMayDrop() {
		return false
	}
	w.result.Busy++
	return true
}

// refused tells whether a limit refused something, and whether it had any reason to.
func (w *world) refused(err error) bool {
	if !errors.Is(err, queue.ErrFull) {
		return false
	}
	w.result.Refused++
	var full *queue.FullError
	if !errors.As(err, &full) || !w.mayRefuse(full) {
		w.breaks("refused without a reason: %w", err)
	}
	return true
}

// giveUp is what a publisher does whose message was refused: it reports that to somebody, and goes on.
func (p *publisher) giveUp(o *outgoing) {
	p.refused[o.n] = true
	p.drop(o)
}

func (p *publisher) drop(o *outgoing) {
	for i := range p.out {
		if p.out[i] == o {
			p.out = append(p.out[:i:i], p.out[i+1:]...)
			return
		}
	}
}

func (p *publisher) targets() []queue.Target {
	var to []queue.Target
	for i, s := range p.w.subs {
		if s.x == nil {
			continue
		}
		t := queue.Target{Session: s.x, QoS: min(p.qos, s.qos)}
		if i == 1 {
			t.SubscriptionIDs = []uint32{uint32(p.name), 300}
		}
		to = append(to, t)
	}
	if c := p.w.crowd; c != nil {
		to = append(to, queue.Target{Session: c.x, QoS: 1})
	}
	return to
}

// hear takes the next answer, if it may have been sent by now.
func (p *publisher) hear() {
	if !p.connected || len(p.out) == 0 || !p.sendAll() {
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
		p.drop(o)
		return
	}
}

func (p *publisher) note(o *outgoing) {
	if keep, _ := keeps(o.n); keep && !p.unsure[o.n] {
		p.kept = max(p.kept, o.n)
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
