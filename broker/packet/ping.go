package packet

// Pingreq is a PINGREQ packet (section 3.12).
type Pingreq struct{}

// Pingresp is a PINGRESP packet (section 3.13).
type Pingresp struct{}

// Decode reads a PINGREQ packet: it has no body.
func (Pingreq) Decode(v Version, h Header) error { return h.expectEmpty(PINGREQ, v) }

// Decode reads a PINGRESP packet: it has no body.
func (Pingresp) Decode(v Version, h Header) error { return h.expectEmpty(PINGRESP, v) }

// Append writes the packet behind dst; it is the same in all versions.
func (Pingreq) Append(dst []byte, _ Version) []byte { return appendHeader(dst, PINGREQ, 0, 0) }

// Append writes the packet behind dst; it is the same in all versions.
func (Pingresp) Append(dst []byte, _ Version) []byte { return appendHeader(dst, PINGRESP, 0, 0) }

func (h Header) expectEmpty(t Type, v Version) error {
	if err := h.expect(t, v); err != nil {
		return err
	}
	r := reader{packet: t, rest: h.Body}
	return r.end()
}
