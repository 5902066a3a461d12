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
	"skerry/edge/config"
)

const (
	// quantum is how many messages are pulled from a stream at a time.
	quantum = 32
	// leastTogether and flushAt bound the number of bytes that are gathered before they are written. They are few: what has been written
	// cannot be overtaken any more. The least is about a segment of TCP.
	leastTogether = 1300
	flushAt       = 16 << 10
	// answerCost is what the acknowledgement of a message costs that comes alone, in bytes.
	answerCost = 110
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
	l.u.pairs.steer(l.gathers)
	l.u.lookForLosses()
	if err := l.acks.send(l); err != nil {
		return false, err
	}
	if err := l.askAgain(); err != nil {
		return false, err
	}
	l.beginTurns()
	most := l.together()
	for {
		if err := l.resume(); err != nil {
			return false, err
		}
		s := l.turns.next()
		switch {
		case l.conn.Buffered() >= most:
			return true, l.prime()
		case l.quiet.Load():
			return false, nil
		case s == nil:
			if err := l.prime(); err != nil {
				return false, err
			}
			if l.conn.Buffered() == 0 {
				return false, nil
			}
			_, err := l.along()
			return false, err
		case !l.room(s.lane.stream):
			err := l.prime()
			return l.conn.Buffered() > 0, err // what is written makes room, if it is not to be acknowledged
		}
		bytes, sent, err := l.turn(s.lane)
		if err != nil {
			return false, err
		}
		s.spent(bytes)
		s.idle = !sent
	}
}

// room tells whether one more message of a stream may be written now. Who makes room later wakes the writer. An alarm waits for nobody: there are few.
func (l *link) room(s *stream) bool {
	return s.class == config.AlarmClass || l.flow.Room(true) > 0 && l.affords(s)
}

// affords tells whether the budget has something left for a message beside what is on its way. What must not be sent at all is not waited
// for here.
func (l *link) affords(s *stream) bool {
	p := l.way.purse
	return !p.limited || !p.may(s) || p.fits(s, int64(l.conn.Buffered()+answerCost*l.conn.Unacknowledged(1, math.MaxUint16)))
}

// together is how many bytes are written at once: a part of what may be on its way. The Server can read none of it before all has come, if it is
// one record of TLS.
func (l *link) together() int { return min(max(l.flow.Size()/4, leastTogether), flushAt) }

// limit says which classes are carried from now on, by the link that stands too; nil: all.
func (u *Uplink) limit(classes []string) {
	all := &classes
	if classes == nil {
		all = nil
	}
	u.carried.Store(all)
	if l := u.link.Load(); l != nil {
		l.Wake()
	}
}

// resume lets what is new go when everything is sent that the Server may hold, and says then that the gateway is there.
func (l *link) resume() error {
	if !l.resumed && l.allResumed() {
		l.resumed = true
		l.doubt()
		l.turns.begin()
	}
	if l.resumed && !l.greeted {
		return l.greet()
	}
	return nil
}

// allResumed: what the Server may hold of an earlier connection is sent again before anything new of any stream. A Server
// counts that against its Receive Maximum from the beginning, and would be given more than it takes.
func (l *link) allResumed() bool {
	for _, a := range l.lanes {
		if !a.resumed && !a.holds() {
			owed := a.session.Load().Unfinished()
			a.resumed = owed == 0 || owed == uint64(l.conn.Unacknowledged(a.first(), a.last()))
		}
		if !a.resumed && a.suspicion.until == 0 && a.suspicion.ordinal == 0 {
			return false
		}
	}
	return true
}

// turn has a lane send its next message, and tells how many bytes that are; sent is false if it has none to send now.
func (l *link) turn(a *lane) (bytes int, sent bool, err error) {
	n, resend := a.may(l.conn.Unacknowledged(a.first(), a.last()))
	if resend {
		a.disconnect()
		if err := a.connect(); err != nil {
			return 0, false, err
		}
	}
	if n == 0 {
		a.resumed = true // what the Server has refused it does not hold
		return 0, false, nil
	}
	if l.tries(a) {
		return 0, false, nil
	}
	if awake, err := l.awake(a); err != nil || !awake {
		return 0, false, err
	}
	if a.packs() {
		return l.gather(a, n)
	}
	if a.latest != nil && l.catchUp(a) {
		return 0, true, nil
	}
	d := l.pick(a, n)
	if d != nil && (l.condemned(a, d) || l.abandon(a, d)) {
		a.done()
		return 0, true, nil
	}
	if d == nil || l.waits(a, d) || !l.admits(a, d) {
		return 0, false, nil
	}
	a.resumed = a.resumed || l.begun(a, d)
	if a.resumed && !l.resumed && !l.passes(a) {
		return 0, false, nil
	}
	doubts := l.doubts(a, d)
	a.noteUnwelcome(d)
	if bytes, err = l.send(a, d); err != nil {
		if errors.Is(err, client.ErrQuota) { // it waits for its turn
			err = nil
		}
		return 0, false, err
	}
	l.noteSent(a, d)
	if doubts {
		a.before.sent(a.latest != nil || d.QoS == 2)
		a.resumed = a.latest == nil && a.before.left() <= 0
		l.doubt()
	}
	if bytes > 0 {
		l.way.standing.sent(time.Now(), d.QoS > 0)
	}
	a.done()
	l.way.purse.meter.Carry(classOf(a.class), int64(bytes))
	l.u.turnover.wrote(bytes)
	return bytes, true, nil
}

// pick is the message that a lane sends next.
func (l *link) pick(a *lane, n int) *broker.Delivery {
	if a.latest != nil {
		return l.newest(a)
	}
	if a.packs() {
		return a.next(n)
	}
	// One is looked at though no more may be on its way: it can be the one that has the place, of a connection before.
	return a.next(min(n, max(l.conn.Quota(), 1)))
}

// awake connects the local session of a lane if the link carries its class, and lets it alone if not, as soon as nothing of it is on its
// way. What the Server may hold is finished on any link. A class that waits for a better signal keeps its session: that is for minutes.
func (l *link) awake(a *lane) (bool, error) {
	switch carried := l.carries(a.stream) || !a.resumed; {
	case carried && a.resumed && l.way.holds(a.class):
		return false, nil
	case carried && a.asleep:
		l.u.doubtSince(a.stream, time.Time{})
		if a.doubtful {
			a.doubtful, a.resumed, l.resumed = false, false, false
		}
		return true, a.connect()
	case carried:
		return true, nil
	case !a.asleep && l.conn.Unacknowledged(a.first(), a.last()) == 0:
		a.disconnect()
		a.dropBlocks()
		a.asleep = true
	}
	return false, nil
}

// waits tells whether a message is an own reading whose time is not known, and that is to wait for it. An alarm does not, nor does one whose time
// nobody will know: it would hold up all behind it for nothing.
func (l *link) waits(a *lane, d *broker.Delivery) bool {
	if d.Message == nil || !d.Message.Unresolved {
		return false
	}
	one := []broker.Delivery{*d}
	l.u.broker.Resolve(one) // it may be known by now
	*d = one[0]
	if !d.Message.Unresolved || a.class == config.AlarmClass || !l.u.broker.MayDate(d.Message.Stamp) || l.u.online+time.Since(l.born) >= l.u.hold {
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

// releaseBytes is the length of a PUBREL.
const releaseBytes = 4

// send appends one delivery, and tells how many bytes that are: 0 if it was given up. The error is ErrQuota, or the connection's.
func (l *link) send(a *lane, d *broker.Delivery) (bytes int, err error) {
	if d.Release {
		if l.conn.Server().MaximumQoS < 2 { // it cannot hold what it does not know
			l.giveUp(a, d)
			return 0, nil
		}
		return releaseBytes, l.acks.sendAgain(l.conn, d.PacketID)
	}
	head, ok := l.head(a, d)
	if !ok {
		return 0, nil
	}
	if !l.inPace() {
		return 0, client.ErrQuota
	}
	overtaken := head.Retain && !l.retains(a.stream, d.Message)
	head.Retain = head.Retain && !overtaken
	late := false
	head.Properties, late = l.published(d)
	err = l.conn.Publish(&head, d.Message.Payload)
	if late && errors.Is(err, client.ErrTooLarge) { // it fits without that
		head.Properties = d.Message.Properties
		err = l.conn.Publish(&head, d.Message.Payload)
	}
	switch {
	case errors.Is(err, client.ErrTooLarge):
		l.drop(a, d, fmt.Sprintf("larger than the %d bytes that the server takes", l.conn.Server().MaximumPacketSize))
		return 0, nil
	case err != nil:
		return 0, err
	}
	bytes = head.Size(l.conn.Version())
	if head.PacketID != 0 {
		l.flow.Sent(head.PacketID, bytes, time.Now())
	}
	l.count(a, d, &head, overtaken)
	return bytes, nil
}

// count notes that a message was written.
func (l *link) count(a *lane, d *broker.Delivery, head *packet.PublishHead, overtaken bool) {
	if d.QoS > 0 && head.QoS == 0 {
		l.settled = append(l.settled, settled{a, d.PacketID})
	}
	l.pace.Sent(time.Now(), len(head.TopicName)+len(d.Message.Payload))
	l.sent(d, head.PacketID)
	if less := head.QoS < d.QoS || head.Retain != d.Retain && !overtaken; less {
		l.tellLess()
	}
	l.u.count(func(s *Status) {
		s.Sent++
		if head.Dup {
			s.Repeated++
		}
		if overtaken {
			s.Overtaken++
		}
		if head.QoS < d.QoS || head.Retain != d.Retain && !overtaken {
			s.Downgraded++
		}
	})
}

// tellLess says once that the Server does not take what a message wants.
func (l *link) tellLess() {
	l.u.once("less", func() {
		server := l.conn.Server()
		l.u.log.Warn("the server takes less than a message wants, which is sent with what it takes; further ones are only counted",
			"qos", server.MaximumQoS, "retain", server.RetainAvailable)
	})
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
	if h.QoS > 0 {
		h.PacketID = d.PacketID
		h.Dup = d.Dup && server.SessionPresent // in a new session it is a new message [MQTT-3.3.1-1]
	}
	ok := false
	if h.Expiry, h.HasExpiry, ok = l.leaves(a, d); !ok {
		return h, false
	}
	why := l.u.unsuitable(h.TopicName)
	if why == "" {
		h.TopicName = l.outward(d, h.TopicName)
		why = l.u.oversized(h.TopicName, m.Payload)
	}
	if why != "" {
		l.drop(a, d, why)
		return h, false
	}
	return h, true
}

// leaves tells whether a message is to be sent at all, and what is left of its expiry. One that is not is given up.
func (l *link) leaves(a *lane, d *broker.Delivery) (expiry uint32, expires, ok bool) {
	m := d.Message
	if d.Retain && !m.Retain && l.u.receives(m.TopicName) { // a stored message for a new filter, and it came from the Server
		l.giveUp(a, d)
		return 0, false, false
	}
	if expiry, expires, ok = l.life(a, d); !ok {
		return 0, false, false
	}
	if l.thins(a, d) {
		l.giveUp(a, d)
		return 0, false, false
	}
	return expiry, expires, true
}

// life is what is left of the expiry of a message. One that has expired is given up.
func (l *link) life(a *lane, d *broker.Delivery) (expiry uint32, expires, ok bool) {
	expiry, expires = a.session.Load().ExpiryLeft(d.Message)
	switch {
	case !expires || expiry > 0:
		return expiry, expires, true
	case d.Dup:
		return 1, true, true // the Server may have half of it: the exchange goes on
	}
	l.u.count(func(s *Status) { s.Expired++ })
	l.u.missed(a.stream, plain(d.Message.TopicName))
	l.giveUp(a, d)
	return 0, true, false
}

// drop gives up a message that the Server will never take, so that those behind it are not held up.
func (l *link) drop(a *lane, d *broker.Delivery, why string) {
	l.u.count(func(s *Status) { s.Refused++ })
	l.u.missed(a.stream, plain(d.Message.TopicName))
	l.u.once(a.name+": "+why, func() {
		l.u.log.Error("a message was dropped: "+why+"; further ones are only counted", "stream", a.name, "topic", d.Message.TopicName)
	})
	l.giveUp(a, d)
}

// giveUp ends a delivery that the Server is not asked about any more, be it that it was on its way on an earlier connection.
func (l *link) giveUp(a *lane, d *broker.Delivery) {
	if d.QoS > 0 || d.Release {
		l.conn.Forget(d.PacketID)
		l.flow.Acked(d.PacketID, time.Now())
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
