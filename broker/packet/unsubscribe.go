package packet

// Unsubscribe is an UNSUBSCRIBE packet (section 3.10).
type Unsubscribe struct {
	PacketID     uint16
	Properties   Properties // 5.0
	TopicFilters [][]byte   // at least one [MQTT-3.10.3-2]; reused by the next Decode
}

// Decode reads an UNSUBSCRIBE packet.
func (u *Unsubscribe) Decode(v Version, h Header) error {
	*u = Unsubscribe{TopicFilters: u.TopicFilters[:0]}
	if err := h.expect(UNSUBSCRIBE, v); err != nil {
		return err
	}
	r := reader{packet: UNSUBSCRIBE, rest: h.Body}
	u.PacketID = r.packetID()
	if v == V5 {
		u.Properties = r.properties(1 << UNSUBSCRIBE)
	}
	if r.err == nil && len(r.rest) == 0 {
		return protocolError(UNSUBSCRIBE, "MQTT-3.10.3-2", "no topic filter")
	}
	for len(r.rest) > 0 {
		u.TopicFilters = append(u.TopicFilters, r.topicFilter())
	}
	return r.end()
}

func (u *Unsubscribe) bodySize(v Version) int {
	n := 2 + u.Properties.size(v)
	for _, f := range u.TopicFilters {
		n += 2 + len(f)
	}
	return n
}

// Size is the size of the packet in bytes.
func (u *Unsubscribe) Size(v Version) int { return frameSize(u.bodySize(v)) }

// Append writes the packet behind dst.
func (u *Unsubscribe) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, UNSUBSCRIBE, UNSUBSCRIBE.flags(), u.bodySize(v))
	dst = appendProperties(appendUint16(dst, u.PacketID), v, u.Properties)
	for _, f := range u.TopicFilters {
		dst = appendString(dst, f)
	}
	return dst
}
