package uplink

import (
	"slices"

	"skerry/broker/packet"
)

// What is said of a message in a block is true when it is gathered. It may wait there, for others or for the link: its expiry goes on, another stream may overtake it, and the
// Server gets another primer, in the place of the one that the block goes on from.

// tellExpiry says what is left of the expiry of a message.
func (p *piece) tellExpiry(seconds uint32) {
	before := packet.Properties(p.Message.Properties).Without(packet.MessageExpiryInterval)
	p.message.Properties = packet.Properties(slices.Clone(before)).AppendNumber(packet.MessageExpiryInterval, seconds)
	p.expiry, p.mortal = seconds, true
}

// tellRetain has a message retained only if it takes the place of nothing newer.
func (l *link) tellRetain(a *lane, p *piece) {
	if p.message.Retain && !l.retains(a.stream, p.Message) {
		p.message.Retain = false
		l.u.count(func(s *Status) { s.Overtaken++ })
	}
}

// aged tells whether something that is said in a block is not true any more.
func (l *link) aged(a *lane, b *batch) bool {
	if b.primer != a.primer(b) {
		return true
	}
	session := a.session.Load()
	return slices.ContainsFunc(b.parts, func(p piece) bool {
		if p.mortal {
			if expiry, _ := session.ExpiryLeft(p.Message); max(expiry, 1) != p.expiry || expiry == 0 && !p.Dup {
				return true
			}
		}
		return p.message.Retain && !l.retains(a.stream, p.Message)
	})
}

// renew makes a block anew, without the messages that have expired.
func (l *link) renew(a *lane, b *batch) {
	var rest []piece
	for _, p := range b.parts {
		if p.mortal {
			expiry, _, ok := l.life(a, &p.Delivery)
			if !ok {
				continue
			}
			p.tellExpiry(expiry)
		}
		l.tellRetain(a, &p)
		rest = append(rest, p)
	}
	l.continues(a, b, rest)
}
