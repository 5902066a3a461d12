package arrivals

import (
	"math"
	"slices"
)

// span is a row of sequences, both ends included.
type span struct{ first, last uint64 }

// set are the sequences of one epoch that have come. Its spans rise, do not touch each other, and lie above the floor.
type set struct {
	floor uint64 // what is below is taken for known
	spans []span
}

// find is the place of the first span that ends at sequence n or above.
func (s *set) find(n uint64) int {
	i, _ := slices.BinarySearchFunc(s.spans, n, func(p span, n uint64) int {
		if p.last < n {
			return -1
		}
		return 1
	})
	return i
}

func (s *set) known(n uint64) bool {
	i := s.find(n)
	return n < s.floor || i < len(s.spans) && s.spans[i].first <= n
}

// add notes a sequence, and tells how many others it has forgotten for it.
func (s *set) add(n uint64) (forgotten uint64) {
	if s.known(n) {
		return 0
	}
	i := s.find(n)
	below := i > 0 && s.spans[i-1].last == n-1
	above := i < len(s.spans) && s.spans[i].first-1 == n
	switch {
	case below && above:
		s.spans[i-1].last = s.spans[i].last
		s.spans = slices.Delete(s.spans, i, i+1)
	case below:
		s.spans[i-1].last = n
	case above:
		s.spans[i].first = n
	default:
		s.spans = slices.Insert(s.spans, i, span{n, n})
	}
	s.raise(s.floor)
	if len(s.spans) <= Spans {
		return 0
	}
	lowest := s.spans[0]
	s.spans = slices.Delete(s.spans, 0, 1)
	return lowest.last - lowest.first + 1
}

// settle makes use of the floor of a block: gaps below it are not remembered, but for the latest. A server may give a block behind one that was sent
// later, and what is in it must not be taken for known.
func (s *set) settle(floor uint64) {
	if over := len(s.spans) - Gaps; over > 0 {
		s.raise(min(floor, s.spans[over-1].last+1))
	}
}

// raise has everything below a floor be known. A lower one, as of a block that comes again, changes nothing.
func (s *set) raise(floor uint64) {
	s.floor = max(s.floor, floor)
	gone := 0
	for i, p := range s.spans {
		if p.first > s.floor {
			break
		}
		if p.last == math.MaxUint64 { // no floor can stand above it
			s.spans[i].first = s.floor
			break
		}
		s.floor = max(s.floor, p.last+1)
		gone++
	}
	s.spans = slices.Delete(s.spans, 0, gone)
}
