package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"skerry/broker/packet"
	"skerry/scripts/rig"
)

// A publisher is a Client with a durable session that numbers its messages and keeps its own state of QoS 1 and 2.
type publisher struct {
	index   int
	qos     packet.QoS
	retains bool // each message is retained on one of a few topics
	address string
	lax     bool // the device lied: the broker may have lost the session

	journal
	publisherState
	wire  *rig.Wire
	first uint16 // lowest Packet Identifier that it uses
}

// publisherState is what survives the loss of a connection.
type publisherState struct {
	known bool     // the broker has confirmed the session
	next  int      // number of the next message
	out   []flight // sent and not complete, in order
}

// flight is a message on its way.
type flight struct {
	seq, size int
	id        uint16
	recorded  bool
}

func newPublisher(index int, address string) *publisher {
	qos := packet.QoS(1)
	if index == 1 || index == absent {
		qos = 2
	}
	return &publisher{index: index, qos: qos, retains: index == 2, address: address, publisherState: publisherState{next: 1}, first: 1}
}

// publishers is how many there are: QoS 1, QoS 2, retained QoS 1, and one of QoS 2 that is mostly away: see abandon.
const (
	publishers = 4
	absent     = 3
)

func (s *publisherState) apply(e event) {
	switch e.kind {
	case connected:
		s.known = true
	case sent:
		s.out = append(s.out, flight{seq: e.seq, size: e.size, id: e.id})
		s.next = e.seq + 1
	case recorded:
		for i := range s.out {
			if s.out[i].id == e.id {
				s.out[i].recorded = true
			}
		}
	case completed:
		for i := range s.out {
			if s.out[i].id == e.id {
				s.out = append(s.out[:i:i], s.out[i+1:]...)
				return
			}
		}
	}
}

func (p *publisher) note(e event) { p.apply(p.journal.note(e)) }

// Most retained messages replace each other on a few topics. Of each cycle one stays for good, and one topic is used and cleared
// once: what became of those soon stands in the checkpoints only.
const (
	retainedTopics = 5
	cycle          = 30
	lasting        = 15
	brief          = 10
	briefEnds      = 20
)

func (p *publisher) topic(seq int) string {
	if !p.retains {
		return fmt.Sprintf("t/%d", p.index)
	}
	switch seq % cycle {
	case lasting:
		return fmt.Sprintf("r/lasting/%d", seq/cycle)
	case brief, briefEnds:
		return fmt.Sprintf("r/brief/%d", seq/cycle)
	}
	return fmt.Sprintf("r/%d", seq%retainedTopics)
}

// clears says whether a message of the retaining publisher removes what is retained instead.
func clears(seq int) bool {
	switch seq % cycle {
	case lasting, brief:
		return false
	case briefEnds:
		return true
	}
	return seq%7 == 0
}

func (p *publisher) packet(f flight, again bool) packet.Publish {
	m := packet.Publish{
		QoS: p.qos, PacketID: f.id, Dup: again, Retain: p.retains,
		TopicName: []byte(p.topic(f.seq)),
	}
	if !p.retains || !clears(f.seq) {
		m.Payload = payload(p.index, f.seq, f.size)
	}
	return m
}

// publish sends messages of these sizes, at most window at a time, and returns when they and all before them are complete.
func (p *publisher) publish(window int, sizes ...int) error {
	for len(sizes) > 0 || len(p.out) > 0 {
		err := p.step(window, &sizes)
		if _, bad := errors.AsType[*brokenPromise](err); bad {
			return err
		}
		if err != nil {
			if err := p.reconnect(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *publisher) step(window int, sizes *[]int) error {
	if p.wire == nil {
		return net.ErrClosed
	}
	for len(*sizes) > 0 && len(p.out) < window {
		p.note(event{kind: sent, seq: p.next, size: (*sizes)[0], id: p.free()})
		*sizes = (*sizes)[1:]
		m := p.packet(p.out[len(p.out)-1], false)
		p.wire.Put(&m)
	}
	if err := p.wire.Flush(); err != nil {
		return err
	}
	h, err := p.wire.Receive()
	if err != nil {
		return err
	}
	return p.settle(h)
}

// abandon sends a message and goes away without having seen the PUBREC. Until it comes back, and sends the message again, the
// broker must know that it has it.
func (p *publisher) abandon(size int) error {
	for {
		if err := p.offer(size); err == nil {
			p.close()
			return nil
		}
		if err := p.reconnect(); err != nil {
			return err
		}
	}
}

// offer sends a message, or what reconnect has sent again, and lets the answer come.
func (p *publisher) offer(size int) error {
	if p.wire == nil {
		return net.ErrClosed
	}
	if len(p.out) == 0 {
		p.note(event{kind: sent, seq: p.next, size: size, id: p.free()})
		m := p.packet(p.out[0], false)
		p.wire.Put(&m)
	}
	if err := p.wire.Flush(); err != nil {
		return err
	}
	for {
		h, err := p.wire.Receive()
		if err != nil || h.Type == packet.PUBREC {
			return err
		}
	}
}

// free is the lowest Packet Identifier that is not in use: many clients do so, and it is the harshest choice.
func (p *publisher) free() uint16 {
	for id := p.first; ; id++ {
		used := false
		for _, f := range p.out {
			used = used || f.id == id
		}
		if !used {
			return id
		}
	}
}

func (p *publisher) settle(h packet.Header) error {
	if h.Type == packet.DISCONNECT {
		return net.ErrClosed
	}
	id := idOf(h)
	if refused(h) {
		return broken("publisher %d: %v of packet %d says %v", p.index, h.Type, id, packet.ReasonCode(h.Body[2]))
	}
	switch h.Type {
	case packet.PUBACK, packet.PUBCOMP:
		p.note(event{kind: completed, id: id})
	case packet.PUBREC:
		p.note(event{kind: recorded, id: id})
		p.wire.Ack(packet.PUBREL, id)
	case packet.PUBREL: // of an identifier that the broker is not sure of, to a Client that holds none
		p.wire.Ack(packet.PUBCOMP, id)
	default:
		return broken("publisher %d got %v", p.index, h.Type)
	}
	return nil
}

// refused tells whether an acknowledgement of MQTT 5.0 says that something failed. What is released again may have been released
// already.
func refused(h packet.Header) bool {
	return len(h.Body) > 2 && h.Body[2] >= 0x80 && packet.ReasonCode(h.Body[2]) != packet.PacketIdentifierNotFound
}

// reconnect comes back, for as long as a broker may need to start, and sends again what is not complete [MQTT-4.4.0-1].
func (p *publisher) reconnect() error {
	wire, present, err := comeBack(p.index, p.address, fmt.Sprintf("publisher-%d", p.index))
	if err != nil {
		return err
	}
	p.wire = wire
	if p.known && !present && !p.lax {
		return broken("the session of publisher %d is gone", p.index)
	}
	if !present {
		p.out = unrecorded(p.out)
	}
	p.note(event{kind: connected})
	for _, f := range p.out {
		if f.recorded {
			wire.Ack(packet.PUBREL, f.id)
			continue
		}
		m := p.packet(f, true)
		wire.Put(&m)
	}
	return nil
}

// unrecorded leaves out what a broker that forgot the session may have passed on already.
func unrecorded(out []flight) []flight {
	var rest []flight
	for _, f := range out {
		if !f.recorded {
			rest = append(rest, f)
		}
	}
	return rest
}

// versionOf lets every other witness speak MQTT 5.0.
func versionOf(index int) packet.Version {
	if index%2 == 1 {
		return packet.V5
	}
	return packet.V311
}

// comeBack connects to a durable session, again and again while the broker starts.
func comeBack(index int, address, clientID string) (*rig.Wire, bool, error) {
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		wire, present, err := rig.ConnectWith(versionOf(index), address, clientID, false)
		if err == nil || time.Now().After(deadline) {
			return wire, present, err
		}
	}
}

func idOf(h packet.Header) uint16 { return uint16(h.Body[0])<<8 | uint16(h.Body[1]) }

func (p *publisher) close() {
	if p.wire != nil {
		p.wire.Close()
		p.wire = nil
	}
}
