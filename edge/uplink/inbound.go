package uplink

import (
	"bytes"
	"fmt"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/queue"
)

// Receive takes a packet from the Server, in the goroutine of the reader.
func (l *link) Receive(in *client.Incoming) error {
	switch in.Type {
	case packet.PUBLISH:
		return l.take(&in.Publish)
	case packet.PUBACK, packet.PUBCOMP:
		l.complete(&in.Ack)
	case packet.PUBREC:
		l.received(&in.Ack)
	case packet.PUBREL:
		return l.release(in.Ack.PacketID)
	case packet.SUBACK:
		l.own.answer(in.Suback.PacketID, in.Suback.ReasonCodes)
		l.progress()
	case packet.UNSUBACK:
		l.own.answer(in.Unsuback.PacketID, in.Unsuback.ReasonCodes)
		l.progress()
	}
	return nil
}

// Flush hands what was received on, and has the writer answer.
func (l *link) Flush() {
	l.touched.Flush()
	l.Wake()
}

// take publishes a message of the Server locally. It is acknowledged when the local broker has it on the disk.
func (l *link) take(p *packet.Publish) error {
	name, more := l.u.names.Inward(string(p.TopicName))
	to, local, ok := l.placeOf(name, p)
	if ok && to.unpack && len(p.Payload) <= maxReceived {
		return l.takeBlock(p, name, to)
	}
	m, why := l.local(p, local, more, ok)
	if m == nil {
		l.unwanted(p, why)
		l.acks.add(p.QoS, p.PacketID, 0, packet.Success)
		return nil
	}
	publish := l.publish
	if to.once != "" {
		publish = func(p *packet.Publish, m *broker.Message) (queue.Receipt, packet.ReasonCode) {
			return l.publishOnce(p, m, to.once)
		}
	}
	receipt, code := publish(p, m)
	for deadline := time.Now().Add(patience); code == packet.ServerBusy && time.Now().Before(deadline) && l.conn.Err() == nil; {
		l.touched.Flush() // before it blocks
		time.Sleep(patience / 100)
		receipt, code = publish(p, m)
	}
	switch {
	case code == packet.TopicNameInvalid, code == packet.NotAuthorized, code == packet.QuotaExceeded:
		// It would be refused the next time as well, and so would hold up everything behind it.
		l.unwanted(p, "the local broker refuses it: "+code.String())
		l.acks.add(p.QoS, p.PacketID, 0, code)
		return nil
	case code.IsError():
		// Not acknowledged, it comes again with the next connection.
		return fmt.Errorf("publish a message of the server locally: %w", code)
	}
	l.u.count(func(s *Status) { s.Received++ })
	l.acks.add(p.QoS, p.PacketID, receipt, packet.Success)
	return nil
}

// patience is how long the local broker may be out of room before a message of the Server is refused.
const patience = 10 * time.Second

// unwanted counts a message that goes nowhere, and reports the first of its kind.
func (l *link) unwanted(p *packet.Publish, why string) {
	l.u.count(func(s *Status) { s.Unwanted++ })
	l.u.once("receive: "+why, func() {
		l.u.log.Warn("a message of the server was dropped: "+why+"; further ones are only counted", "topic", string(p.TopicName))
	})
}

// local builds the local message, or says why there is none. name is where it goes, and more what its topic says besides.
func (l *link) local(p *packet.Publish, name string, more packet.Properties, ok bool) (m *broker.Message, why string) {
	switch {
	case !ok:
		return nil, "no filter under receive matches its topic"
	case len(p.Payload) > maxReceived:
		return nil, fmt.Sprintf("it is larger than %d bytes", maxReceived)
	}
	m = &broker.Message{
		TopicName: name,
		Payload:   bytes.Clone(p.Payload),
		QoS:       p.QoS,
		Retain:    p.Retain,
		// Without returns the list itself if there is nothing to take away, and that lies in the connection's buffer.
		Properties: bytes.Clone(p.Properties.Without(packet.MessageExpiryInterval, packet.SubscriptionIdentifier, packet.TopicAlias)),
	}
	m.Properties = append(m.Properties, more...)
	m.Expiry, m.HasExpiry = p.Properties.MessageExpiryInterval()
	return m, ""
}

// complete ends a delivery: the Server has taken the message, or will not.
func (l *link) complete(a *packet.Ack) {
	l.progress()
	l.flow.Acked(a.PacketID, time.Now())
	if laneOf(a.PacketID) == maxStreams {
		l.own.answer(a.PacketID, []packet.ReasonCode{a.ReasonCode})
		l.takes.Store(l.takes.Load() || a.Type == packet.PUBACK)
		return
	}
	lane := l.slots[laneOf(a.PacketID)]
	l.tookOf(lane)
	switch {
	case l.answeredBlock(lane, a):
	case lane != nil && a.Type == packet.PUBACK && l.refused(lane, a):
	case lane != nil && l.unheld(lane, a):
	case lane != nil && (a.Type == packet.PUBACK || l.acks.completes(a.PacketID)) && lane.ack(a.PacketID):
		lane.accepted()
		if a.Type == packet.PUBACK {
			l.answered(a.PacketID)
			l.u.count(func(s *Status) { s.Acknowledged++ })
		}
	case a.ReasonCode != packet.PacketIdentifierNotFound: // that answers what we said to an unknown PUBREC
		l.u.count(func(s *Status) { s.UnknownAcks++ })
	}
}

// refused judges the Reason Code of a PUBACK or PUBREC: true if it ends the exchange without the message having been taken.
func (l *link) refused(lane *lane, a *packet.Ack) bool {
	switch {
	case !a.ReasonCode.IsError():
		return false
	case a.ReasonCode == packet.QuotaExceeded, a.ReasonCode == packet.PacketIdentifierInUse:
		l.u.count(func(s *Status) { s.Deferred++ })
		l.u.once(lane.name+": "+a.ReasonCode.String(), func() {
			l.u.log.Warn("the server has no room for a message; it is sent again later", "stream", lane.name, "err", a.ReasonCode.Error())
		})
		if a.ReasonCode == packet.PacketIdentifierInUse { // by what an exchange left that we know nothing of
			l.acks.addRelease(a.PacketID, 0, packet.PacketIdentifierNotFound)
		}
		lane.deferred()
		return true
	case lane.encode != config.EncodePass: // of an earlier run, which had none; a block is judged by its own topic
		l.u.count(func(s *Status) { s.Deferred++ })
		lane.deferred()
		return true
	case deniable(a.ReasonCode) && lane.denied(a):
		l.u.count(func(s *Status) { s.Deferred++ })
		return true
	}
	l.u.count(func(s *Status) { s.Refused++ })
	l.u.missedSome(lane.stream)
	reason, _ := a.Properties.ReasonString()
	kind := lane.name + ": " + a.ReasonCode.String()
	if deniable(a.ReasonCode) {
		kind = lane.name + ": denied" // which was said when the first of its topic was given up
	}
	l.u.once(kind, func() {
		l.u.log.Error("the server refuses a message for good; it is dropped, and further ones are only counted",
			"stream", lane.name, "err", a.ReasonCode.Error(), "reason", string(reason))
	})
	if !lane.ack(a.PacketID) {
		l.u.count(func(s *Status) { s.UnknownAcks++ })
	}
	lane.givenUp()
	return true
}

// received notes a PUBREC. PUBREL leaves when that is on the disk: or else a power cut would have the PUBLISH sent again, to a
// Server that has forgotten its id.
func (l *link) received(a *packet.Ack) {
	l.progress()
	l.flow.Acked(a.PacketID, time.Now())
	lane := (*lane)(nil)
	if i := laneOf(a.PacketID); i < maxStreams {
		lane = l.slots[i]
	}
	if lane == nil {
		l.unknown(a.PacketID)
		return
	}
	l.tookOf(lane)
	if l.refused(lane, a) {
		return
	}
	receipt, code := lane.session.Load().Received(a.PacketID)
	if code.IsError() {
		l.unknown(a.PacketID)
		return
	}
	lane.accepted()
	l.u.count(func(s *Status) { s.Acknowledged++ })
	l.acks.addRelease(a.PacketID, receipt, packet.Success)
}

// unknown answers a PUBREC for what is not on its way. The Server must be rid of it: silence would fill its window.
func (l *link) unknown(id uint16) {
	l.u.count(func(s *Status) { s.UnknownAcks++ })
	l.acks.addRelease(id, 0, packet.PacketIdentifierNotFound)
}
