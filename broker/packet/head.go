package packet

// PublishHead is a PUBLISH packet without its payload, for a message that goes
// out to many Clients: what differs from one to the next (QoS, PacketID, Dup, Retain,
// SubscriptionIDs, Topic Alias, what is left of the expiry) stands beside what they share.
type PublishHead struct {
	Dup, Retain     bool
	QoS             QoS
	PacketID        uint16 // not with QoS 0
	TopicAlias      uint16 // 0 = none. With an alias the Client knows, TopicName is left empty
	HasExpiry       bool
	Expiry          uint32 // Message Expiry Interval, s
	TopicName       string
	SubscriptionIDs []uint32   // none of them 0
	Properties      Properties // the others, passed through unaltered and in order [MQTT-3.3.2-17]
	PayloadSize     int        // bytes that the caller writes behind the head
}

// propertiesSize is the length of all properties, without its own prefix.
func (p *PublishHead) propertiesSize() int {
	n := len(p.Properties)
	if p.HasExpiry {
		n += 5
	}
	if p.TopicAlias != 0 {
		n += 3
	}
	for _, id := range p.SubscriptionIDs {
		n += 1 + varintSize(id)
	}
	return n
}

func (p *PublishHead) bodySize(v Version, properties int) int {
	n := 2 + len(p.TopicName) + p.PayloadSize
	if p.QoS > 0 {
		n += 2
	}
	if v == V5 {
		n += varintSize(uint32(properties)) + properties
	}
	return n
}

// Size is the size in bytes of the whole packet, payload included.
func (p *PublishHead) Size(v Version) int { return frameSize(p.bodySize(v, p.propertiesSize())) }

// Append writes everything up to the payload behind dst. Before 5.0 the properties are left out.
func (p *PublishHead) Append(dst []byte, v Version) []byte {
	properties := p.propertiesSize()
	dst = appendHeader(dst, PUBLISH, publishFlags(p.Dup, p.QoS, p.Retain), p.bodySize(v, properties))
	dst = appendString(dst, p.TopicName)
	if p.QoS > 0 {
		dst = appendUint16(dst, p.PacketID)
	}
	if v != V5 {
		return dst
	}
	return p.appendProperties(appendVarint(dst, uint32(properties)))
}

func (p *PublishHead) appendProperties(dst []byte) []byte {
	if p.HasExpiry {
		dst = appendUint32(append(dst, byte(MessageExpiryInterval)), p.Expiry)
	}
	if p.TopicAlias != 0 {
		dst = appendUint16(append(dst, byte(TopicAlias)), p.TopicAlias)
	}
	for _, id := range p.SubscriptionIDs {
		dst = appendVarint(append(dst, byte(SubscriptionIdentifier)), id)
	}
	return append(dst, p.Properties...)
}
