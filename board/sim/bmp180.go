package sim

import (
	"math"
	"sort"
	"time"
)

// BMP180 is the chip with the calibration of the datasheet's example (BST-BMP180-DS000, section 3.5).
type BMP180 struct {
	mem [256]byte
	air func(at time.Time) Air // nil: the measurement of the example
	raw int                    // of the last temperature
}

// The calibration, in the order of the registers.
const (
	ac1, ac2, ac3, ac4, ac5, ac6 = 408, -72, -14383, 32741, 32757, 23153
	b1, b2, mb, mc, md           = 6190, 4, -32768, -8711, 2868
)

// NewBMP180 makes a chip that measures what the datasheet's example does: 15.0 °C, 699.64 hPa.
func NewBMP180() *BMP180 {
	c := &BMP180{}
	c.mem[0xD0] = 0x55
	for i, v := range []int{ac1, ac2, ac3, ac4, ac5, ac6, b1, b2, mb, mc, md} {
		c.mem[0xAA+2*i], c.mem[0xAB+2*i] = byte(v>>8), byte(v)
	}
	return c
}

// NewBMP180In makes a chip in the given air.
func NewBMP180In(air func(at time.Time) Air) *BMP180 {
	c := NewBMP180()
	c.air = air
	return c
}

// Tx reads registers from the one written, or writes one; 0xF4 begins a conversion.
func (c *BMP180) Tx(w, r []byte) error {
	if len(w) == 2 && w[0] == 0xF4 {
		raw := c.convert(w[1])
		c.mem[0xF6], c.mem[0xF7], c.mem[0xF8] = byte(raw>>16), byte(raw>>8), byte(raw)
	}
	if len(w) > 0 {
		for i := range r {
			r[i] = c.mem[w[0]+byte(i)]
		}
	}
	return nil
}

// convert is the result of a conversion in 24 bits. Those of a pressure below the 16th are for more oversampling.
func (c *BMP180) convert(command byte) int {
	const temperature, examples = 0x2E, 23843
	if command == temperature {
		c.raw = 27898
		if c.air != nil {
			want := int(math.Round(c.air(time.Now()).Temperature * 10))
			c.raw = min(sort.Search(1<<16, func(raw int) bool { return (b5(raw)+8)>>4 >= want }), 1<<16-1)
		}
		return c.raw << 8
	}
	if c.air == nil {
		return examples << 8
	}
	more := uint(command >> 6)
	want := int(math.Round(c.air(time.Now()).Pressure * 100))
	return min(sort.Search(1<<(16+more), func(raw int) bool { return pascal180(raw, c.raw, more) >= want }), 1<<(16+more)-1) << (8 - more)
}

// b5 is the datasheet's intermediate result for a temperature, in sixteenths of a tenth of a degree.
func b5(raw int) int {
	x1 := (raw - ac6) * ac5 >> 15
	if x1+md <= 0 { // colder than any chip
		return -1 << 20
	}
	return x1 + (mc<<11)/(x1+md)
}

// pascal180 is the datasheet's pressure.
func pascal180(raw, temperature int, more uint) int {
	b6 := b5(temperature) - 4000
	x3 := b2*(b6*b6>>12)>>11 + ac2*b6>>11
	b3 := ((ac1*4+x3)<<more + 2) / 4
	x3 = (ac3*b6>>13 + b1*(b6*b6>>12)>>16 + 2) / 4
	b4 := ac4 * (x3 + 32768) >> 15
	p := (raw - b3) * (50000 >> more) * 2 / b4
	return p + ((p>>8)*(p>>8)*3038>>16+(-7357*p)>>16+3791)>>4
}
