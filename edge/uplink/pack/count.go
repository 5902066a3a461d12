package pack

import "math/bits"

// A count is the model of a number that is not negative: whether it is 0, else how many bits it has.
type count struct {
	none bit
	size [32]bit // a tree of 5 decisions, from its root at 1, of the number of bits; 0 for more than 31
}

const maxSmall = 31

func (m *count) reset() {
	m.none = evenly
	for i := range m.size {
		m.size[i] = evenly
	}
	m.size[1] = rarely(8) // few have 16 bits or more
}

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
	return 1<<(size-1) | c.plain(v, size-1)
}

// tree codes the lowest n bits of v, from the highest; models has a place for each beginning, the root at 1.
func (c *coder) tree(models []bit, v uint32, n int) uint32 {
	node := uint32(1)
	for i := n - 1; i >= 0; i-- {
		node = node<<1 | c.decide(&models[node], v>>i&1)
	}
	return node - 1<<n
}

// nearby are models of how far the size of a difference is from the one expected: whether it is the nearest that is left, and so on, by turns below
// and above.
type nearby [64]bit

// An expectation is how many bits a difference will have, in sixteenths.
type expectation uint32

const (
	mostGrowth = 64 // bounds what one surprise does to an expectation
	expected   = 5  // so many expected sizes are told apart; what is larger counts as the largest
)

// difference codes v, whose absolute value is less than 2^63.
func (s *shaper) difference(e *expectation, v int64) int64 {
	near := int(min((*e+8)>>4, 62))
	size := s.sizeNear(near, bits.Len64(magnitude(v)))
	*e = (*e*2 + min(expectation(size)<<4, *e+mostGrowth)) / 3
	if size == 0 {
		return 0
	}
	rest := s.plain(magnitude(v)<<1|uint64(v)>>63, size) // without the leading one, and the sign behind it
	out := int64(1<<(size-1) | rest>>1)
	if rest&1 != 0 {
		return -out
	}
	return out
}

// sizeNear codes a number of bits, 63 at most.
func (s *shaper) sizeNear(near, size int) int {
	m := &s.models.nearby[min(near, expected-1)]
	below, above := near-1, near+1
	at := near
	for i := range m {
		if s.decide(&m[i], flag(at == size)) != 0 {
			return at
		}
		if below >= 0 && (i&1 == 0 || above > 63) {
			at = below
			below--
		} else {
			at = above
			above++
		}
	}
	return 0 // only in a block that nobody made
}
