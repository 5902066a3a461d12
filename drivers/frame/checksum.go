package frame

import "encoding/binary"

// checksum is a kind of checksum: its size in bytes and how it is made.
type checksum struct {
	size int
	of   func(b []byte) uint16
}

// checksums by their names in the configuration.
var checksums = map[string]checksum{
	"none":         {},
	"sum8":         {1, func(b []byte) uint16 { return sum(b) & 0xFF }},
	"neg8":         {1, func(b []byte) uint16 { return -sum(b) & 0xFF }},
	"xor8":         {1, xor},
	"sum16":        {2, sum},
	"crc16-modbus": {2, crc16},
}

// sum adds all bytes, modulo 65536. What makes them add to 0 modulo 256 is its negative.
func sum(b []byte) (s uint16) {
	for _, c := range b {
		s += uint16(c)
	}
	return s
}

func xor(b []byte) (s uint16) {
	for _, c := range b {
		s ^= uint16(c)
	}
	return s
}

// crc16 is the one of Modbus: polynomial 0xA001 from the low end, beginning with 0xFFFF ("MODBUS over serial line specification and
// implementation guide V1.02", 6.2.2).
func crc16(b []byte) uint16 {
	s := uint16(0xFFFF)
	for _, c := range b {
		s ^= uint16(c)
		for range 8 {
			low := s & 1
			s >>= 1
			if low != 0 {
				s ^= 0xA001
			}
		}
	}
	return s
}

// orders of bytes by their names in the configuration.
var orders = map[string]binary.ByteOrder{"big": binary.BigEndian, "little": binary.LittleEndian}
