package packet

// reader walks through the body of a packet. The first thing that is wrong
// sticks, and what is read after it is zero, so that decoders check once.
type reader struct {
	packet Type
	rest   []byte
	err    error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

// take gives the next n bytes.
func (r *reader) take(n int, field string) []byte {
	if len(r.rest) < n {
		r.fail(malformed(r.packet, "2.1.4", "packet ends within "+field))
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte(field string) byte {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16(field string) uint16 {
	if b := r.take(2, field); b != nil {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return 0
}

// binary reads Binary Data (section 1.5.6). The result is not nil unless reading failed.
func (r *reader) binary(field string) []byte {
	n := r.uint16(field)
	return r.take(int(n), field)
}

// string reads a UTF-8 Encoded String (section 1.5.4).
func (r *reader) string(field string) []byte {
	s := r.binary(field)
	if !validString(s) {
		r.fail(badString(r.packet, field, s))
		return nil
	}
	return s
}

// topicName reads a string without wildcards.
func (r *reader) topicName(field string) []byte {
	s := r.string(field)
	if hasWildcard(s) {
		r.fail(protocolError(r.packet, "MQTT-3.3.2-2", field+" contains a wildcard"))
	}
	return s
}

// topicFilter reads a string that is not empty; its wildcards are judged by the subscription tree.
func (r *reader) topicFilter() []byte {
	s := r.string("topic filter")
	if r.err == nil && len(s) == 0 {
		r.fail(malformed(r.packet, "MQTT-4.7.3-1", "topic filter is empty"))
	}
	return s
}

func (r *reader) packetID() uint16 {
	id := r.uint16("packet identifier")
	if r.err == nil && id == 0 {
		r.fail(protocolError(r.packet, "MQTT-2.2.1-3", "packet identifier is 0"))
	}
	return id
}

// reasonCode reads a code and checks that this packet may carry it.
func (r *reader) reasonCode() ReasonCode {
	c := ReasonCode(r.byte("reason code"))
	if r.err == nil && !c.AllowedIn(r.packet) {
		r.fail(protocolError(r.packet, "2.4", "reason code "+c.Error()+" does not belong here"))
	}
	return c
}

// properties reads a property list with its length and checks it for the place it stands in.
func (r *reader) properties(where scope) Properties {
	if r.err != nil {
		return nil
	}
	length, size, ok := varint(r.rest)
	switch {
	case !ok || size == 0:
		r.fail(malformed(r.packet, "2.2.2.1", "property length is not a variable byte integer"))
		return nil
	case size > varintSize(length):
		r.fail(malformed(r.packet, "MQTT-1.5.5-1", "property length is longer than needed"))
		return nil
	}
	r.rest = r.rest[size:]
	p := Properties(r.take(int(length), "properties"))
	if len(p) == 0 {
		return nil
	}
	if err := p.check(r.packet, where); err != nil {
		r.fail(err)
	}
	return p
}

// end gives the first error, or the complaint that bytes are left over.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail(malformed(r.packet, "2.1.4", "bytes behind the end of the packet"))
	}
	return r.err
}
