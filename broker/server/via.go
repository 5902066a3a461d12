package server

import (
	"skerry/broker"
	"skerry/broker/packet"
)

// longestMark bounds the mark of a gateway, in bytes: it goes with each of its messages.
const longestMark = 32

// gateway is a Client that carries messages of another gateway.
type gateway struct {
	mark string
	told bool // that something came back
}

// gatewayOf tells which gateway a Client is, by its CONNECT; nil: none.
func gatewayOf(p *packet.Connect) *gateway {
	if p.Version != packet.V5 {
		return nil
	}
	for name, value := range p.Properties.UserProperties() {
		if string(name) == broker.Via && len(value) > 0 && len(value) <= longestMark {
			return &gateway{mark: string(value)}
		}
	}
	return nil
}

// cameBack tells whether a message of a gateway has been here before: two gateways, or more, carry everything to each other, and it would go round for
// ever. Else the message is given the mark of that gateway, behind its own User Properties, which stay as they are [MQTT-3.3.2-17].
func (c *conn) cameBack(p *packet.Publish) bool {
	g, ours := c.gateway, c.server.mark
	if g == nil || ours == "" {
		return false
	}
	back := g.mark == ours // an uplink that leads here
	for name, value := range p.Properties.UserProperties() {
		back = back || string(name) == broker.Via && string(value) == ours
	}
	if !back {
		p.Properties = append(packet.Properties(nil), p.Properties...).AppendUserProperty(broker.Via, g.mark)
		return false
	}
	if !g.told {
		g.told = true
		c.server.log.Warn("a message has come back: this station and others carry it to each other; such messages are refused, and not logged any more", "client", clip(c.clientID),
			"topic", clip(string(p.TopicName)), "hint", "carry less: `streams` with filters that leave out what the other station sends, or `receive` on one side instead of a second uplink")
	}
	return true
}
