package packet

const (
	// maxRemaining is the largest Remaining Length that four bytes can say (section 1.5.5).
	maxRemaining = 268_435_455
	// MaxSize is the size in bytes of the largest Control Packet: 1 + 4 + 268,435,455.
	MaxSize = 1 + 4 + maxRemaining
)

// Next tells how long the first Control Packet in b is.
//
// n is the length of the packet in bytes, fixed header included. n == 0 means
// that b holds only a part of it; need is then the least length of b at which
// another call can say more: the length of the packet as soon as that is known.
// limit is the Maximum Packet Size in bytes, 0 for none. An oversized packet is refused as
// soon as its length is known, with PacketTooLarge [MQTT-3.1.2-24].
func Next(b []byte, limit uint32) (n, need int, err error) {
	if len(b) == 0 {
		return 0, 2, nil
	}
	if b[0]>>4 == 0 {
		return 0, 0, malformed(0, "2.1.2", "packet type 0 is reserved")
	}
	length, size, ok := varint(b[1:])
	if !ok {
		return 0, 0, malformed(Type(b[0]>>4), "1.5.5", "remaining length of more than four bytes")
	}
	if size == 0 {
		return 0, len(b) + 1, nil
	}
	n = 1 + size + int(length)
	if limit > 0 && uint64(n) > uint64(limit) {
		return 0, 0, &Error{Code: PacketTooLarge, Type: Type(b[0] >> 4), Clause: "MQTT-3.1.2-24", Problem: "larger than the maximum packet size"}
	}
	if len(b) < n {
		return 0, n, nil
	}
	return n, n, nil
}

// varint reads a Variable Byte Integer (section 1.5.5). size is 0 when b ends
// before it does; ok is false when it is longer than four bytes.
func varint(b []byte) (value uint32, size int, ok bool) {
	for i := range min(len(b), 4) {
		value |= uint32(b[i]&0x7F) << (7 * i)
		if b[i] < 0x80 {
			return value, i + 1, true
		}
	}
	return 0, 0, len(b) < 4
}

// varintSize is the least number of bytes that v takes as a Variable Byte Integer.
func varintSize(v uint32) int {
	switch {
	case v < 1<<7:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<21:
		return 3
	}
	return 4
}

func appendVarint(dst []byte, v uint32) []byte {
	if v > maxRemaining {
		panic("packet: longer than 268,435,455 bytes")
	}
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// appendHeader writes a fixed header for a body of the given length.
func appendHeader(dst []byte, t Type, flags byte, body int) []byte {
	return appendVarint(append(dst, byte(t)<<4|flags), uint32(body))
}

// frameSize is the size of a whole packet whose body has the given length.
func frameSize(body int) int { return 1 + varintSize(uint32(body)) + body }
