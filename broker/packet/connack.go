package packet

// Connack is a CONNACK packet (section 3.2). Before 5.0 the ReasonCode stands
// for one of six return codes; see ReturnCode.
type Connack struct {
	SessionPresent bool
	ReasonCode     ReasonCode
	Properties     Properties
}

// Decode reads a CONNACK packet.
func (c *Connack) Decode(v Version, h Header) error {
	*c = Connack{}
	if err := h.expect(CONNACK, v); err != nil {
		return err
	}
	r := reader{packet: CONNACK, rest: h.Body}
	flags := r.byte("acknowledge flags")
	if v == V31 {
		flags = 0 // 3.1 reserves the whole byte and asks nothing of it
	}
	if flags > 1 {
		r.fail(malformed(CONNACK, "MQTT-3.2.2-1", "reserved acknowledge flags"))
	}
	c.SessionPresent = flags == 1
	if v == V5 {
		c.ReasonCode = r.reasonCode()
		c.Properties = r.properties(1 << CONNACK)
	} else {
		c.decodeReturnCode(&r)
	}
	if r.err == nil && c.SessionPresent && c.ReasonCode != Success {
		r.fail(protocolError(CONNACK, "MQTT-3.2.2-6", "Session Present with a refusal"))
	}
	return r.end()
}

func (c *Connack) decodeReturnCode(r *reader) {
	var ok bool
	if c.ReasonCode, ok = FromReturnCode(r.byte("return code")); !ok {
		r.fail(protocolError(CONNACK, "3.1.1 section 3.2.2.3", "reserved return code"))
	}
}

func (c *Connack) bodySize(v Version) int { return 2 + c.Properties.size(v) }

// Size is the size of the packet in bytes.
func (c *Connack) Size(v Version) int { return frameSize(c.bodySize(v)) }

// Append writes the packet behind dst.
func (c *Connack) Append(dst []byte, v Version) []byte {
	dst = appendHeader(dst, CONNACK, 0, c.bodySize(v))
	present := byte(0)
	if c.SessionPresent && v != V31 {
		present = 1
	}
	if v != V5 {
		return append(dst, present, c.ReasonCode.ReturnCode())
	}
	return appendProperties(append(dst, present, byte(c.ReasonCode)), v, c.Properties)
}
