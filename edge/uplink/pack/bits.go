package pack

import "math/bits"

// A coder is one end of a row of bits, the lowest of each byte first: it writes or reads. It works with 32 bits, which small boards do best, and most of it is in
// line where it is called.
type coder struct {
	pending uint32 // bits not yet written, less than 16; or read ahead, 16 or more
	have    uint32 // how many
	bytes   []byte // written, or to read; beyond their end there are zeros
	done    int    // how many of them were read
}

func (c *coder) encode(dst []byte) { *c = coder{bytes: dst} }

func (c *coder) decode(body []byte) {
	*c = coder{bytes: body}
	c.fill()
}

// put writes the lowest n bits of v, which has no others; n is 16 at most.
func (c *coder) put(v, n uint32) {
	c.pending |= v << (c.have & 31)
	c.have += n
	if c.have >= 16 {
		c.bytes = append(c.bytes, byte(c.pending), byte(c.pending>>8))
		c.pending >>= 16
		c.have -= 16
	}
}

// take reads n bits, 16 at most.
func (c *coder) take(n uint32) uint32 {
	v := c.pending & (1<<(n&31) - 1)
	c.drop(n)
	return v
}

func (c *coder) drop(n uint32) {
	c.pending >>= n & 31
	if c.have -= n; c.have < 16 {
		c.fill()
	}
}

// fill reads 16 bits ahead. It is called for a third of the numbers: what is before it can so be in line.
//
//go:noinline
func (c *coder) fill() {
	if i := c.done; i < len(c.bytes)-1 {
		b := c.bytes[i:]
		c.pending |= (uint32(b[0]) | uint32(b[1])<<8) << (c.have & 31)
	} else if i == len(c.bytes)-1 {
		c.pending |= uint32(c.bytes[i]) << (c.have & 31)
	}
	c.done += 2
	c.have += 16
}

// flag writes a yes or no in one bit.
func (c *coder) flag(yes bool) {
	v := uint32(0)
	if yes {
		v = 1
	}
	c.put(v, 1)
}

// place writes one of so many places.
func (c *coder) place(v, places int) { c.put(uint32(v), placeBits(places)) }

func (c *coder) takePlace(places int) int { return int(c.take(placeBits(places))) }

func placeBits(places int) uint32 { return uint32(bits.Len32(uint32(places - 1))) }

// mostUnary is how often 2^k may go into a number that is told by that and its lowest k bits (S. W. Golomb 1966, R. F. Rice 1971).
const mostUnary = 6

// putNumber writes v, which is expected to have about k bits, 64 at most.
func (c *coder) putNumber(v uint64, k uint32) {
	if v>>32 == 0 && k < 8 { // as a rule in one go
		low := uint32(v)
		if q := low >> (k & 7); q < mostUnary {
			c.put((1|(low&(1<<(k&7)-1))<<1)<<(q&7), q+1+k)
			return
		}
	} else if q := v >> k; q < mostUnary {
		c.put(1<<uint32(q), uint32(q)+1)
		c.putWide(v, k)
		return
	}
	c.putLarge(v)
}

// putLarge writes a number that is larger than expected.
func (c *coder) putLarge(v uint64) {
	n := uint32(bits.Len64(v)) - 1
	c.put(0, mostUnary)
	c.put(n, 6)
	c.putWide(v, n)
}

func (c *coder) takeNumber(k uint32) uint64 {
	q := uint32(bits.TrailingZeros32(c.pending | 1<<mostUnary))
	switch {
	case q == mostUnary:
		c.drop(mostUnary)
		n := c.take(6)
		return 1<<n | c.takeWide(n)
	case k < 8:
		v := c.pending >> ((q + 1) & 31) & (1<<(k&7) - 1)
		c.drop(q + 1 + k)
		return uint64(q<<(k&7) | v)
	}
	c.drop(q + 1)
	return uint64(q)<<k | c.takeWide(k)
}

// putWide writes the lowest n bits of v.
func (c *coder) putWide(v uint64, n uint32) {
	for ; n > 16; n -= 16 {
		c.put(uint32(v)&0xffff, 16)
		v >>= 16
	}
	c.put(uint32(v)&(1<<(n&31)-1), n)
}

func (c *coder) takeWide(n uint32) (v uint64) {
	at := uint32(0)
	for ; n > 16; n -= 16 {
		v |= uint64(c.take(16)) << at
		at += 16
	}
	return v | uint64(c.take(n))<<at
}

// finish writes what is held, and returns all.
func (c *coder) finish() []byte {
	for ; c.have > 0; c.have -= min(c.have, 8) {
		c.bytes = append(c.bytes, byte(c.pending))
		c.pending >>= 8
	}
	return c.bytes
}

// beyond tells whether more was read than there is.
func (c *coder) beyond() bool { return c.done*8-int(c.have) > len(c.bytes)*8 }

// whole tells whether all was read, but for zeros that fill the last byte.
func (c *coder) whole() bool {
	left := len(c.bytes)*8 - (c.done*8 - int(c.have))
	return left >= 0 && left < 8 && c.pending == 0
}

// A mark is the state of an encoder between two messages. What was written before it does not change any more.
type mark struct {
	pending, have uint32
	size          int
}

func (c *coder) mark() mark { return mark{c.pending, c.have, len(c.bytes)} }

// back forgets what was encoded since the mark.
func (c *coder) back(m mark) { c.pending, c.have, c.bytes = m.pending, m.have, c.bytes[:m.size] }

// size is how many bytes finish would return.
func (c *coder) size() int { return len(c.bytes) + int(c.have+7)/8 }
