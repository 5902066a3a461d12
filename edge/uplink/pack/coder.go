package pack

import "bytes"

// A bit is the model of one binary decision: how likely a 1 is, in 65,536ths, in its upper half; how often it was made in the lower.
type bit uint32

const (
	evenly = bit(1 << 31) // not made yet
	leastP = 32           // no decision is more certain than this, in 65,536ths
	mostP  = 1<<16 - leastP
	often  = 30 // beyond this the latest decisions weigh more than those before
)

// rarely is the model of a decision that was 1 once in n times.
func rarely(n uint32) bit { return bit(1<<16/n<<16 | min(n/2, 12)) }

// not is the model of the opposite decision.
func (b bit) not() bit { return (1<<16-b>>16)<<16 | b&0xffff }

// pace is how far a model moves towards what was decided, by how often it was made, in 65,536ths.
var pace = func() (p [often + 1]uint32) {
	for n := range p {
		p[n] = 1 << 16 / uint32(n+2)
	}
	return p
}()

// learn moves the model towards what was decided.
func (b *bit) learn(one uint32) {
	p, n := uint32(*b)>>16, uint32(*b)&0xffff
	if one != 0 {
		p += (mostP - p) * pace[n] >> 16
	} else {
		p -= (p - leastP) * pace[n] >> 16
	}
	if n < often {
		n++
	}
	*b = bit(p<<16 | n)
}

// A coder is both ends of a binary range coder (G. N. N. Martin 1979; carries as in LZMA): when decoding, what is given to its methods does not
// matter, and what they return was read; when encoding, they write what is given and return it.
type coder struct {
	decoding bool
	span     uint32 // width of the interval that is left

	low     uint64 // its lower end; bit 32 is a carry
	held    int    // bytes not written yet, since a carry may change them: one, and then 0xff
	first   byte   // the one
	written []byte

	read []byte
	at   int    // of read; beyond its end there are zeros
	code uint32 // where in the interval the block is
}

func (c *coder) encode(dst []byte) {
	*c = coder{span: 1<<32 - 1, written: dst}
}

func (c *coder) decode(body []byte) {
	*c = coder{decoding: true, span: 1<<32 - 1, read: body}
	for range 4 {
		c.code = c.code<<8 | uint32(c.next())
	}
}

func (c *coder) next() (b byte) {
	if c.at < len(c.read) {
		b = c.read[c.at]
	}
	c.at++
	return b
}

// decide codes one decision.
func (c *coder) decide(b *bit, one uint32) uint32 {
	bound := c.span >> 16 * (uint32(*b) >> 16)
	if c.decoding {
		one = 0
		if c.code < bound {
			one = 1
		}
	}
	if one != 0 {
		c.span = bound
	} else {
		c.span -= bound
		if c.decoding {
			c.code -= bound
		} else {
			c.low += uint64(bound)
		}
	}
	b.learn(one)
	if c.span < 1<<24 {
		c.shift()
	}
	return one
}

// plain codes the lowest n bits of v, which nothing is known of.
func (c *coder) plain(v uint64, n int) (out uint64) {
	for n > 0 {
		take := min(n, 8)
		n -= take
		c.span >>= take
		part := uint32(v>>n) & (1<<take - 1)
		if c.decoding {
			part = min(c.code/c.span, 1<<take-1)
			c.code -= part * c.span
		} else {
			c.low += uint64(part) * uint64(c.span)
		}
		out = out<<take | uint64(part)
		if c.span < 1<<24 {
			c.shift()
		}
	}
	return out
}

// shift brings the interval back to at least 2^24.
func (c *coder) shift() {
	for c.span < 1<<24 {
		c.span <<= 8
		if c.decoding {
			c.code = c.code<<8 | uint32(c.next())
		} else {
			c.put()
		}
	}
}

// put moves the highest byte of low towards the output. It is held back as long as a carry may still reach it.
func (c *coder) put() {
	if top := byte(c.low >> 24); c.held == 0 || c.low>>32 != 0 || top != 0xff {
		carry := byte(c.low >> 32)
		for ; c.held > 0; c.held-- {
			c.written = append(c.written, c.first+carry)
			c.first = 0xff
		}
		c.first = top
	}
	c.held++
	c.low = c.low & 0xffffff << 8
}

// finish writes the shortest end that decodes to what was coded, and returns all.
func (c *coder) finish() []byte {
	for drop := 32; drop >= 0; drop -= 8 {
		unit := uint64(1) << drop
		if end := (c.low + unit - 1) &^ (unit - 1); end < c.low+uint64(c.span) {
			c.low = end
			break
		}
	}
	for range 5 {
		c.put()
	}
	return bytes.TrimRight(c.written, "\x00") // the decoder reads zeros beyond the end
}

// whole tells whether all that was to be read was read.
func (c *coder) whole() bool {
	return c.at >= len(c.read) && (len(c.read) == 0 || c.read[len(c.read)-1] != 0)
}

// A mark is the state of an encoder between two messages. What was written before it does not change any more.
type mark struct {
	span  uint32
	low   uint64
	held  int
	first byte
	size  int
}

func (c *coder) mark() mark { return mark{c.span, c.low, c.held, c.first, len(c.written)} }

// back forgets what was encoded since the mark.
func (c *coder) back(m mark) {
	c.span, c.low, c.held, c.first, c.written = m.span, m.low, m.held, m.first, c.written[:m.size]
}

// size is how many bytes finish would return, at most.
func (c *coder) size() int { return len(c.written) + c.held + 4 }
