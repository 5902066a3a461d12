package packet

// Unsuback is an UNSUBACK packet (section 3.11).
type Unsuback struct {
	PacketID    uint16
	Properties  Properties   // 5.0
	ReasonCodes []ReasonCode // 5.0: one per Topic Filter, in order [MQTT-3.11.3-1]; reused by the next Decode
}

// Decode reads an UNSUBACK packet.
func (u *Unsuback) Decode(v Version, h Header) error {
	*u = Unsuback{ReasonCodes: u.ReasonCodes[:0]}
	if err := h.expect(UNSUBACK, v); err != nil {
		return err
	}
	r := reader{packet: UNSUBACK, rest: h.Body}
	u.PacketID = r.packetID()
	if v == V5 {
		u.Properties = r.properties(1 << UNSUBACK)
		u.ReasonCodes = r.reasonCodes(u.ReasonCodes)
	}
	return r.end()
}

func (u *Unsuback) bodySize(v Version) int {
	if v != V5 {
		return 2
	}
	return 2 + u.Properties.size(v) + len(u.ReasonCodes)
}

// Size is the size of the packet in bytes.
func (u *Unsuback) Size(v Version) int { return frameSize(u.bodySize(v)) }

// Append writes the packet behind dst.
func (u *Unsuback) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, UNSUBACK, 0, u.bodySize(v))
	dst = appendUint16(dst, u.PacketID)
	if v != V5 {
		return dst
	}
	dst = appendProperties(dst, v, u.Properties)
	for _, c := range u.ReasonCodes {
		dst = append(dst, byte(c))
	}
	return dst
}
