package frame

import (
	"encoding/binary"

	"skerry/drivers/crc16"
)

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
	"crc16-modbus": {2, func(b []byte) uint16 { return crc16.Sum(crc16.Modbus, b) }},
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

// orders of bytes by their names in the configuration.
var orders = map[string]binary.ByteOrder{"big": binary.BigEndian, "little": binary.LittleEndian}
