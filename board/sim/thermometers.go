package sim

import (
	"math"
	"time"
)

// NewMCP9808 makes a chip in the given air.
func NewMCP9808(air func(at time.Time) Air) *Words {
	return &Words{Read: func(reg byte) (uint16, bool) {
		switch reg {
		case 5:
			return uint16(int16(math.Round(air(time.Now()).Temperature*16))) & 0x1FFF, true
		case 6:
			return 0x0054, true
		case 7:
			return 0x0400, true
		}
		return 0, false
	}}
}

// NewTMP102 makes a chip in the given air.
func NewTMP102(air func(at time.Time) Air) *Words {
	c := &Words{Read: func(reg byte) (uint16, bool) {
		if reg == 0 {
			return uint16(int16(math.Round(air(time.Now()).Temperature*16))) << 4, true
		}
		return 0, false
	}}
	c.mem[1], c.mem[2], c.mem[3] = 0x60A0, 0x4B00, 0x5000
	return c
}
