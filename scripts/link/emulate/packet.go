package emulate

import (
	"encoding/binary"
	"net/netip"
)

const (
	protocolTCP = 6
	protocolUDP = 17
)

const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

// segment is what the emulator reads of an IPv4 packet. Ports are 0 and flags empty unless it is TCP or UDP.
type segment struct {
	protocol byte
	src, dst netip.AddrPort
	flags    byte
	seq, ack uint32
	payload  int // bytes of TCP payload
}

// parse reads a packet; false if it is not IPv4 or damaged.
func parse(b []byte) (s segment, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return s, false
	}
	header := int(b[0]&15) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if header < 20 || header > total || total > len(b) {
		return s, false
	}
	s.protocol = b[9]
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	body := b[header:total]
	var from, to uint16
	if (s.protocol == protocolTCP || s.protocol == protocolUDP) && len(body) >= 8 {
		from, to = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
	}
	s.src, s.dst = netip.AddrPortFrom(src, from), netip.AddrPortFrom(dst, to)
	if s.protocol == protocolTCP && len(body) >= 20 {
		s.seq, s.ack, s.flags = binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint32(body[8:]), body[13]
		s.payload = max(len(body)-int(body[12]>>4)*4, 0)
	}
	return s, true
}

// next is the sequence number behind the segment.
func (s *segment) next() uint32 {
	n := s.seq + uint32(s.payload)
	if s.flags&(flagSYN|flagFIN) != 0 {
		n++
	}
	return n
}

// reset makes a packet by which src refuses what dst has sent: it is accepted if seq is what dst expects next.
func reset(src, dst netip.AddrPort, seq, ack uint32) []byte {
	b := make([]byte, 40)
	b[0], b[8], b[9] = 0x45, 64, protocolTCP
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	from, to := src.Addr().As4(), dst.Addr().As4()
	copy(b[12:], from[:])
	copy(b[16:], to[:])
	tcp := b[20:]
	binary.BigEndian.PutUint16(tcp, src.Port())
	binary.BigEndian.PutUint16(tcp[2:], dst.Port())
	binary.BigEndian.PutUint32(tcp[4:], seq)
	binary.BigEndian.PutUint32(tcp[8:], ack)
	tcp[12], tcp[13] = 5<<4, flagRST|flagACK
	binary.BigEndian.PutUint16(b[10:], checksum(b[:20], 0))
	pseudo := sum(b[12:20], 0) + protocolTCP + uint32(len(tcp))
	binary.BigEndian.PutUint16(tcp[16:], checksum(tcp, pseudo))
	return b
}

// sum adds 16-bit words as RFC 1071 wants it, b having an even length.
func sum(b []byte, start uint32) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		start += uint32(binary.BigEndian.Uint16(b))
	}
	return start
}

func checksum(b []byte, start uint32) uint16 {
	s := sum(b, start)
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}
