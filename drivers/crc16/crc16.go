// Package crc16 is the checksum of 16 bits that Modbus RTU and SDI-12 have in common: polynomial x^16 + x^15 + x^2 + 1, low bit first.
//
// # Limits
//
// Other CRCs of 16 bits (CCITT, XMODEM) are not here.
package crc16

// What the sum begins with.
const (
	Modbus = 0xFFFF // "MODBUS over Serial Line V1.02", 6.2.2. It is sent low byte first
	SDI12  = 0      // SDI-12 version 1.4, section on cyclic redundancy checks
)

// reflected is the polynomial 0x8005 with its low bit first.
const reflected = 0xA001

var table = makeTable()

// makeTable has the sum of each byte.
func makeTable() (table [256]uint16) {
	for i := range table {
		c := uint16(i)
		for range 8 {
			low := c & 1
			if c >>= 1; low != 0 {
				c ^= reflected
			}
		}
		table[i] = c
	}
	return table
}

// Sum goes on with a sum, at first Modbus or SDI12.
func Sum(sum uint16, b []byte) uint16 {
	for _, x := range b {
		sum = sum>>8 ^ table[byte(sum)^x]
	}
	return sum
}
