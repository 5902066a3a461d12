package modbus

// crcTable holds the CRC-16 of each byte: polynomial 0xA001 (0x8005 reflected), as in "MODBUS over Serial Line V1.02", 6.2.2.
var crcTable = makeCRCTable()

func makeCRCTable() (table [256]uint16) {
	for i := range table {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
		table[i] = c
	}
	return table
}

// crc of a frame. It is sent low byte first.
func crc(frame []byte) uint16 {
	c := uint16(0xFFFF)
	for _, b := range frame {
		c = c>>8 ^ crcTable[byte(c)^b]
	}
	return c
}

func appendCRC(frame []byte) []byte {
	c := crc(frame)
	return append(frame, byte(c), byte(c>>8))
}

// intact tells whether a frame ends with its CRC.
func intact(frame []byte) bool {
	n := len(frame) - 2
	c := crc(frame[:n])
	return frame[n] == byte(c) && frame[n+1] == byte(c>>8)
}
