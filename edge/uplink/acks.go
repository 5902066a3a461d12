package uplink

import (
	"sync"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/queue"
)

// acks are the acknowledgements that wait for the disk, in the order in which they must leave [MQTT-4.6.0-2].
type acks struct {
	mu       sync.Mutex
	waiting  []ack
	notified queue.Receipt   // the one that the store was asked about
	released map[uint16]bool // PUBREL was sent on this link, PUBCOMP has not come; true: PUBREC came on it too
}

type ack struct {
	packet.Ack
	receipt queue.Receipt
	again   bool // a PUBREL that answers nothing which came on this link
}

// add owes the Server the first acknowledgement of a message. A 3.1.1 Server cannot be told an error.
func (a *acks) add(qos packet.QoS, id uint16, r queue.Receipt, code packet.ReasonCode) {
	switch qos {
	case 1:
		a.push(ack{Ack: packet.Ack{Type: packet.PUBACK, PacketID: id, ReasonCode: code}, receipt: r})
	case 2:
		a.push(ack{Ack: packet.Ack{Type: packet.PUBREC, PacketID: id, ReasonCode: code}, receipt: r})
	}
}

// addRelease owes a PUBREL.
func (a *acks) addRelease(id uint16, r queue.Receipt, code packet.ReasonCode) {
	a.push(ack{Ack: packet.Ack{Type: packet.PUBREL, PacketID: id, ReasonCode: code}, receipt: r})
}

func (a *acks) push(k ack) {
	a.mu.Lock()
	a.waiting = append(a.waiting, k)
	a.mu.Unlock()
}

// send appends those whose receipt is resolved, and asks to be woken for the first that is not.
func (a *acks) send(l *link) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	durable, n := l.u.broker.Durable(), 0
	for n < len(a.waiting) && a.waiting[n].receipt <= durable {
		if err := a.acknowledge(l.conn, &a.waiting[n].Ack, !a.waiting[n].again); err != nil {
			return err
		}
		n++
	}
	a.waiting = a.waiting[:copy(a.waiting, a.waiting[n:])]
	if len(a.waiting) == 0 || a.waiting[0].receipt == a.notified {
		return l.u.broker.Err()
	}
	a.notified = a.waiting[0].receipt
	l.u.broker.Notify(a.notified, waking{l})
	return nil
}

// acknowledge appends one of them; begun: what it answers came on this link. a.mu is held.
func (a *acks) acknowledge(conn *client.Conn, k *packet.Ack, begun bool) error {
	if k.Type != packet.PUBREL {
		return conn.Send(k)
	}
	if k.ReasonCode == packet.Success {
		if a.released == nil {
			a.released = map[uint16]bool{}
		}
		a.released[k.PacketID] = begun
	}
	return conn.Release(k.PacketID, k.ReasonCode)
}

// sendAgain appends the PUBREL of an exchange that an earlier link left.
func (a *acks) sendAgain(conn *client.Conn, id uint16) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acknowledge(conn, &packet.Ack{Type: packet.PUBREL, PacketID: id}, false)
}

// completes tells whether a PUBCOMP ends an exchange. One that answers what we said to an unknown PUBREC does not: the id may
// be that of a message which is on its way by now.
func (a *acks) completes(id uint16) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.released[id]
	delete(a.released, id)
	return ok
}

// releasing tells whether PUBREL was sent on this link and not answered.
func (a *acks) releasing(id uint16) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.released[id]
	return ok
}

// begun tells whether that is so of an exchange whose PUBREC came on this link.
func (a *acks) begun(id uint16) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.released[id]
}

// publish hands a message to the local broker; QoS 2 with the id that is held until PUBREL.
func (l *link) publish(p *packet.Publish, m *broker.Message) (queue.Receipt, packet.ReasonCode) {
	if p.QoS == 2 {
		return l.u.door.Receive(p.PacketID, m, &l.touched)
	}
	return l.u.door.Publish(m, &l.touched)
}

// release ends an inbound QoS 2 exchange. PUBCOMP leaves when the end is on the disk: or else a power cut would leave the id
// held, and the next message that has it would be taken for this one.
func (l *link) release(id uint16) error {
	receipt, code := l.u.door.Release(id)
	if code == packet.SessionTakenOver {
		return code
	}
	l.acks.push(ack{Ack: packet.Ack{Type: packet.PUBCOMP, PacketID: id, ReasonCode: code}, receipt: receipt})
	return nil
}

// waking is the link for the store. Flush of the link is the reader's alone, and the store would call it (queue.Flusher).
type waking struct{ l *link }

func (w waking) Wake() { w.l.Wake() }
