package pack

import "math/bits"

// A count is the model of a number that is not negative: whether it is 0, else how many bits it has, and, where those are few, the first of them.
type count struct {
	none bit
	size [32]bit           // a tree of 5 decisions, from its root at 1, of the number of bits; 0 for more than 31
	tops [fineSizes][3]bit // the two bits after the leading one
}

const maxSmall = 31

// fineSizes is how many bits a number may have of which more than the size is learned.
const fineSizes = 12

func (m *count) reset() {
	m.none = evenly
	for i := range m.size {
		m.size[i] = evenly
	}
	m.size[1] = rarely(8) // few have 16 bits or more
	m.tops = evenTops
}

var evenTops = func() (t [fineSizes][3]bit) {
	for i := range t {
		t[i] = [3]bit{evenly, evenly, evenly}
	}
	return t
}()

// count codes v, which is less than 2^63.
func (c *coder) count(m *count, v uint64) uint64 {
	if c.decide(&m.none, flag(v == 0)) != 0 {
		return 0
	}
	size := bits.Len64(v)
	small := size
	if size > maxSmall {
		small = 0
	}
	if size = int(c.tree(m.size[:], uint32(small), 5)); size == 0 {
		size = int(c.plain(uint64(bits.Len64(v)), 6))
	}
	if size == 0 { // only in a block that nobody made
		return 0
	}
	rest := size - 1 // bits after the leading one
	out := uint64(1)
	if rest < fineSizes {
		tops := &m.tops[rest]
		for out < 4 && rest > 0 {
			rest--
			out = out<<1 | uint64(c.decide(&tops[out-1], uint32(v>>rest)&1))
		}
	}
	return out<<rest | c.plain(v, rest)
}

// tree codes the lowest n bits of v, from the highest; models has a place for each beginning, the root at 1.
func (c *coder) tree(models []bit, v uint32, n int) uint32 {
	node := uint32(1)
	for i := n - 1; i >= 0; i-- {
		node = node<<1 | c.decide(&models[node], v>>i&1)
	}
	return node - 1<<n
}

// A difference is the model of a number with a sign, of which about so many bits are expected.
type difference struct {
	count
	negative bit
}

// sizes is how many expected sizes are told apart, in bits; what is larger counts as the largest.
const sizes = 24

// reset makes sizes the likelier the nearer they are to the one expected: for each bit further away half as likely, but not less than
// a 64th.
func (m *difference) reset(expected int) {
	m.count.reset()
	m.negative = evenly
	var weights [64]uint32 // of the nodes of the tree
	for i := 1; i <= maxSmall; i++ {
		weights[32+i] = uint32(max(1, 64>>max(i-expected, expected-i)))
	}
	for i := maxSmall + 1; i < 64; i++ { // these stand where 0 would
		weights[32] += uint32(max(1, 64>>max(i-expected, expected-i)))
	}
	for node := maxSmall; node >= 1; node-- {
		left, right := weights[2*node], weights[2*node+1]
		weights[node] = left + right
		m.size[node] = share(right, left+right)
	}
	none := uint32(max(1, 64>>expected))
	m.none = share(none, none+weights[1])
}

// share is the model of a decision that is 1 in part of whole, and was made twice.
func share(part, whole uint32) bit { return bit(part<<16/whole<<16 | 2) }

// An expectation is how many bits a difference will have, in sixteenths.
type expectation uint32

// mostGrowth bounds what one surprise does to an expectation.
const mostGrowth = 64

// difference codes v, whose absolute value is less than 2^63.
func (s *shaper) difference(e *expectation, v int64) int64 {
	m := &s.models.differences[min((*e+8)>>4, sizes-1)]
	size := s.count(&m.count, magnitude(v))
	*e = (*e*2 + min(expectation(bits.Len64(size))<<4, *e+mostGrowth)) / 3
	if size != 0 && s.decide(&m.negative, flag(v < 0)) != 0 {
		return -int64(size)
	}
	return int64(size)
}
