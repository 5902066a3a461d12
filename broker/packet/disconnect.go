package packet

// Disconnect is a DISCONNECT packet (section 3.14). Before 5.0 only the Client sends it, and it is empty.
type Disconnect struct {
	ReasonCode ReasonCode
	Properties Properties
}

// Decode reads a DISCONNECT packet.
func (d *Disconnect) Decode(v Version, h Header) error {
	*d = Disconnect{}
	if err := h.expect(DISCONNECT, v); err != nil {
		return err
	}
	r := reader{packet: DISCONNECT, rest: h.Body}
	// What is 0 at the end may be left out (3.14.2.1, 3.14.2.2.1).
	if v == V5 && len(r.rest) > 0 {
		d.ReasonCode = r.reasonCode()
		if len(r.rest) > 0 {
			d.Properties = r.properties(1 << DISCONNECT)
		}
	}
	return r.end()
}

func (d *Disconnect) bodySize(v Version) int {
	switch {
	case v != V5 || d.ReasonCode == NormalDisconnection && len(d.Properties) == 0:
		return 0
	case len(d.Properties) == 0:
		return 1
	}
	return 1 + d.Properties.size(v)
}

// Size is the size of the packet in bytes.
func (d *Disconnect) Size(v Version) int { return frameSize(d.bodySize(v)) }

// Append writes the packet behind dst, as short as the version allows.
func (d *Disconnect) Append(dst []byte, v Version) []byte {
	size := d.bodySize(v)
	dst = appendHeader(dst, DISCONNECT, 0, size)
	if size > 0 {
		dst = append(dst, byte(d.ReasonCode))
	}
	if size > 1 {
		dst = appendProperties(dst, v, d.Properties)
	}
	return dst
}
