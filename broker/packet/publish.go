package packet

// Publish is a PUBLISH packet (section 3.3).
type Publish struct {
	Dup        bool
	QoS        QoS
	Retain     bool
	TopicName  []byte // empty only in 5.0, with a Topic Alias
	PacketID   uint16 // 0 with QoS 0
	Properties Properties
	Payload    []byte
}

// The flags of the fixed header of PUBLISH (section 3.3.1).
const (
	flagRetain = 0x01
	flagQoS    = 0x06
	flagDup    = 0x08
)

// Decode reads a PUBLISH packet.
func (p *Publish) Decode(v Version, h Header) error {
	*p = Publish{Dup: h.Flags&flagDup != 0, QoS: h.Flags & flagQoS >> 1, Retain: h.Flags&flagRetain != 0}
	if err := h.expect(PUBLISH, v); err != nil {
		return err
	}
	if p.QoS > 2 {
		return malformed(PUBLISH, "MQTT-3.3.1-4", "QoS 3")
	}
	if p.QoS == 0 && p.Dup {
		return malformed(PUBLISH, "MQTT-3.3.1-2", "DUP with QoS 0")
	}
	r := reader{packet: PUBLISH, rest: h.Body}
	p.TopicName = r.topicName("topic name")
	if p.QoS > 0 {
		p.PacketID = r.packetID()
	}
	if v == V5 {
		p.Properties = r.properties(1 << PUBLISH)
	}
	if r.err != nil {
		return r.err
	}
	p.Payload = r.rest
	if len(p.TopicName) == 0 {
		return p.checkAlias(v)
	}
	return nil
}

// checkAlias judges an empty Topic Name.
func (p *Publish) checkAlias(v Version) error {
	if v != V5 {
		return malformed(PUBLISH, "MQTT-4.7.3-1", "topic name is empty")
	}
	if !p.Properties.Has(TopicAlias) {
		return protocolError(PUBLISH, "3.3.2.1", "neither topic name nor Topic Alias")
	}
	return nil
}

func (p *Publish) bodySize(v Version) int {
	n := 2 + len(p.TopicName) + p.Properties.size(v) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	return n
}

// Size is the size of the packet in bytes.
func (p *Publish) Size(v Version) int { return frameSize(p.bodySize(v)) }

// Append writes the packet behind dst.
func (p *Publish) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, PUBLISH, publishFlags(p.Dup, p.QoS, p.Retain), p.bodySize(v))
	dst = appendString(dst, p.TopicName)
	if p.QoS > 0 {
		dst = appendUint16(dst, p.PacketID)
	}
	dst = appendProperties(dst, v, p.Properties)
	return append(dst, p.Payload...)
}

func publishFlags(dup bool, qos QoS, retain bool) byte {
	flags := qos << 1
	if dup {
		flags |= flagDup
	}
	if retain {
		flags |= flagRetain
	}
	return flags
}
