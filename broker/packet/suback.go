package packet

// Suback is a SUBACK packet (section 3.9).
type Suback struct {
	PacketID    uint16
	Properties  Properties   // 5.0
	ReasonCodes []ReasonCode // one per Topic Filter, in order [MQTT-3.9.3-1]; reused by the next Decode
}

// Decode reads a SUBACK packet.
func (s *Suback) Decode(v Version, h Header) error {
	*s = Suback{ReasonCodes: s.ReasonCodes[:0]}
	if err := h.expect(SUBACK, v); err != nil {
		return err
	}
	r := reader{packet: SUBACK, rest: h.Body}
	s.PacketID = r.packetID()
	if v == V5 {
		s.Properties = r.properties(1 << SUBACK)
	}
	s.ReasonCodes = r.reasonCodes(s.ReasonCodes)
	if r.err == nil && v != V5 {
		r.checkReturnCodes(s.ReasonCodes)
	}
	return r.end()
}

// reasonCodes reads the list of codes that ends SUBACK and UNSUBACK.
func (r *reader) reasonCodes(dst []ReasonCode) []ReasonCode {
	if r.err == nil && len(r.rest) == 0 {
		r.fail(malformed(r.packet, "3.9.3", "no reason code"))
	}
	for len(r.rest) > 0 {
		dst = append(dst, r.reasonCode())
	}
	return dst
}

// checkReturnCodes: 3.1.1 has one word for failure.
func (r *reader) checkReturnCodes(codes []ReasonCode) {
	for _, c := range codes {
		if c > GrantedQoS2 && c != UnspecifiedError {
			r.fail(protocolError(SUBACK, "3.1.1 MQTT-3.9.3-2", "reserved return code"))
			return
		}
	}
}

func (s *Suback) bodySize(v Version) int { return 2 + s.Properties.size(v) + len(s.ReasonCodes) }

// Size is the size of the packet in bytes.
func (s *Suback) Size(v Version) int { return frameSize(s.bodySize(v)) }

// Append writes the packet behind dst. Before 5.0 every error is written as 0x80, "Failure".
func (s *Suback) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, SUBACK, 0, s.bodySize(v))
	dst = appendProperties(appendUint16(dst, s.PacketID), v, s.Properties)
	for _, c := range s.ReasonCodes {
		if v != V5 && c.IsError() {
			c = UnspecifiedError
		}
		dst = append(dst, byte(c))
	}
	return dst
}
