package packet

// Ack is a PUBACK, PUBREC, PUBREL or PUBCOMP packet (sections 3.4 to 3.7).
type Ack struct {
	Type       Type // one of the four
	PacketID   uint16
	ReasonCode ReasonCode // Success before 5.0
	Properties Properties // 5.0
}

// Decode reads one of the four packets.
func (a *Ack) Decode(v Version, h Header) error {
	*a = Ack{Type: h.Type}
	if h.Type < PUBACK || h.Type > PUBCOMP {
		return protocolError(h.Type, "2.1.2", "expected PUBACK, PUBREC, PUBREL or PUBCOMP")
	}
	if err := h.expect(h.Type, v); err != nil {
		return err
	}
	r := reader{packet: h.Type, rest: h.Body}
	a.PacketID = r.packetID()
	// The Reason Code may be left out when it is 0, the property length when there are none (3.4.2.1, 3.4.2.2.1).
	if v == V5 && len(r.rest) > 0 {
		a.ReasonCode = r.reasonCode()
		if len(r.rest) > 0 {
			a.Properties = r.properties(1 << h.Type)
		}
	}
	return r.end()
}

func (a *Ack) bodySize(v Version) int {
	switch {
	case v != V5 || a.ReasonCode == Success && len(a.Properties) == 0:
		return 2
	case len(a.Properties) == 0:
		return 3
	}
	return 3 + a.Properties.size(v)
}

// Size is the size of the packet in bytes.
func (a *Ack) Size(v Version) int { return frameSize(a.bodySize(v)) }

// Append writes the packet behind dst, as short as the version allows.
func (a *Ack) Append(dst []byte, v Version) []byte {
	size := a.bodySize(v)
	dst = appendHeader(dst, a.Type, a.Type.flags(), size)
	dst = appendUint16(dst, a.PacketID)
	if size > 2 {
		dst = append(dst, byte(a.ReasonCode))
	}
	if size > 3 {
		dst = appendProperties(dst, v, a.Properties)
	}
	return dst
}
