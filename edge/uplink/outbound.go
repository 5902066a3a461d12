package uplink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
)

const (
	// quantum is how many messages a stream may send before the next one has its turn.
	quantum = 32
	// flushAt is the number of bytes that are gathered before they are written. It is small: what has been written cannot
	// be overtaken any more.
	flushAt = 16 << 10
	// holdLook is how often the writer looks whether the time of messages that wait is known.
	holdLook = time.Second
)

// settled is a message that needs no acknowledgement of the Server.
type settled struct {
	lane *lane
	id   uint16
}

// write is the writer: acknowledgements first, then the streams in turn, then one write for all of it.
func (l *link) write(ctx context.Context) error {
	for {
		more, err := l.round()
		if err == nil {
			err = l.conn.Flush()
		}
		if err != nil {
			return err
		}
		l.wrote()
		l.settle()
		if more && ctx.Err() == nil {
			continue
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return context.Canceled
		}
	}
}

// round gathers what may leave now. more: there was more than one write should hold.
func (l *link) round() (more bool, err error) {
	if err := l.conn.Err(); err != nil {
		return false, err
	}
	if err := l.acks.send(l); err != nil {
		return false, err
	}
	if err := l.askAgain(); err != nil {
		return false, err
	}
	for idle := 0; idle < len(l.lanes) && !l.quiet.Load(); {
		if !l.resumed && l.allResumed() {
			l.resumed = true
			l.doubt()
		}
		if l.resumed && !l.greeted {
			if err := l.greet(); err != nil {
				return false, err
			}
		}
		a := l.lanes[l.at]
		l.at = (l.at + 1) % len(l.lanes) // whoever has had its turn is the last to have the next
		before := a.resumed
		sent, err := l.turn(a)
		if err != nil {
			return false, err
		}
		if idle++; sent || a.resumed != before { // if it was the last that was waited for, all may go on
			idle = 0
		}
		if l.conn.Buffered() >= flushAt {
			return true, nil
		}
	}
	return false, nil
}

// allResumed: what the Server may hold of an earlier connection is sent again before anything new of any stream. A Server
// counts that against its Receive Maximum from the beginning, and would be given more than it takes.
func (l *link) allResumed() bool {
	for _, a := range l.lanes {
		if !a.resumed && len(a.left) == 0 {
			owed := a.session.Load().Unfinished()
			a.resumed = owed == 0 || owed == uint64(l.conn.Unacknowledged(a.first(), a.last()))
		}
		if !a.resumed {
			return false
		}
	}
	return true
}

// turn sends what a lane may send; false if that was nothing.
func (l *link) turn(a *lane) (sent bool, err error) {
	n, resend := a.may(l.conn.Unacknowledged(a.first(), a.last()))
	if resend {
		a.left = a.left[:0]
		a.session.Load().Disconnect(broker.DisconnectOptions{})
		if err := a.connect(); err != nil {
			return false, err
		}
	}
	if n == 0 {
		a.resumed = true // what the Server has refused it does not hold
		return false, nil
	}
	if n = min(n, l.conn.Quota()); n > 0 && len(a.left) == 0 {
		a.left = a.session.Load().Next(a.left, n)
	}
	for i := range a.left {
		d := &a.left[i]
		if l.waits(a.left[i : i+1]) {
			a.left = append(a.left[:0], a.left[i:]...)
			return i > 0, nil
		}
		a.resumed = a.resumed || !d.Dup && !d.Release && d.QoS > 0
		err := error(client.ErrQuota)
		if l.resumed || !a.resumed {
			err = l.send(a, d)
		}
		if errors.Is(err, client.ErrQuota) { // what is left waits for its turn
			a.left = append(a.left[:0], a.left[i:]...)
			return i > 0, nil
		}
		if err != nil {
			return false, err
		}
		if !a.resumed && (d.QoS > 0 || d.Release) {
			a.before.sent(d.QoS == 2 || d.Release)
			a.resumed = a.resumed || a.before.left() <= 0
			l.doubt()
		}
	}
	sent = len(a.left) > 0
	clear(a.left)
	a.left = a.left[:0]
	return sent, nil
}

// waits tells whether a message is an own reading whose time is not known, and that is to wait for it.
func (l *link) waits(d []broker.Delivery) bool {
	m := d[0].Message
	if m == nil || !m.Unresolved {
		return false
	}
	l.u.broker.Resolve(d) // it may be known by now
	if !d[0].Message.Unresolved || l.u.online+time.Since(l.born) >= l.u.hold {
		return false
	}
	l.lookAgain()
	return true
}

// lookAgain has the writer woken up, once however many lanes wait.
func (l *link) lookAgain() {
	if l.look == nil {
		l.look = time.AfterFunc(holdLook, l.Wake)
		return
	}
	l.look.Reset(holdLook)
}

// send appends one delivery. The error is ErrQuota, or the connection's.
func (l *link) send(a *lane, d *broker.Delivery) error {
	if d.Release {
		if l.conn.Server().MaximumQoS < 2 { // it cannot hold what it does not know
			l.giveUp(a, d)
			return nil
		}
		return l.acks.sendAgain(l.conn, d.PacketID)
	}
	head, ok := l.head(a, d)
	if !ok {
		return nil
	}
	if !l.inPace() {
		return client.ErrQuota
	}
	err := l.conn.Publish(&head, d.Message.Payload)
	switch {
	case errors.Is(err, client.ErrTooLarge):
		l.drop(a, d, fmt.Sprintf("larger than the %d bytes that the server takes", l.conn.Server().MaximumPacketSize))
		return nil
	case err != nil:
		return err
	}
	if d.QoS > 0 && head.QoS == 0 {
		l.settled = append(l.settled, settled{a, d.PacketID})
	}
	l.pace.Sent(time.Now(), len(head.TopicName)+len(d.Message.Payload))
	l.sent(d, head.PacketID)
	lowered := head.QoS < d.QoS || head.Retain != d.Retain
	l.u.count(func(s *Status) {
		s.Sent++
		if head.Dup {
			s.Repeated++
		}
		if lowered {
			s.Downgraded++
		}
	})
	return nil
}

// head is what stands before the payload of a message upstream; false if it is not to be sent.
func (l *link) head(a *lane, d *broker.Delivery) (packet.PublishHead, bool) {
	m, server := d.Message, l.conn.Server()
	h := packet.PublishHead{
		QoS:        min(d.QoS, server.MaximumQoS),
		Retain:     d.Retain && server.RetainAvailable,
		TopicName:  l.u.topicOf(a.stream, m),
		Properties: m.Properties,
	}
	if d.Retain && !m.Retain && l.u.receives(m.TopicName) { // a stored message for a new filter, and it came from the Server
		l.giveUp(a, d)
		return h, false
	}
	if h.QoS > 0 {
		h.PacketID = d.PacketID
		h.Dup = d.Dup && server.SessionPresent // in a new session it is a new message [MQTT-3.3.1-1]
	}
	if h.Expiry, h.HasExpiry = a.session.Load().ExpiryLeft(m); h.HasExpiry && h.Expiry == 0 {
		if !d.Dup {
			l.u.count(func(s *Status) { s.Expired++ })
			l.giveUp(a, d)
			return h, false
		}
		h.Expiry = 1 // the Server may have half of it: the exchange goes on
	}
	if why := l.u.unsuitable(h.TopicName, d.Message.Payload); why != "" {
		l.drop(a, d, why)
		return h, false
	}
	h.TopicName = l.u.names.Outward(h.TopicName, m.Properties)
	if len(h.TopicName) > math.MaxUint16 {
		l.drop(a, d, "the topic is too long with the prefix")
		return h, false
	}
	return h, true
}

// drop gives up a message that the Server will never take, so that those behind it are not held up.
func (l *link) drop(a *lane, d *broker.Delivery, why string) {
	l.u.count(func(s *Status) { s.Refused++ })
	l.u.once(a.name+": "+why, func() {
		l.u.log.Error("a message was dropped: "+why+"; further ones are only counted", "stream", a.name, "topic", d.Message.TopicName)
	})
	l.giveUp(a, d)
}

// giveUp ends a delivery that the Server is not asked about any more, be it that it was on its way on an earlier connection.
func (l *link) giveUp(a *lane, d *broker.Delivery) {
	if d.QoS > 0 || d.Release {
		l.conn.Forget(d.PacketID)
		a.ack(d.PacketID)
	}
}

// settle acknowledges locally what is written and will not be acknowledged by the Server.
func (l *link) settle() {
	for _, s := range l.settled {
		s.lane.ack(s.id)
	}
	l.settled = l.settled[:0]
}
