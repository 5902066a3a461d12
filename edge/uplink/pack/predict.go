package pack

import "math/bits"

// The ways to expect a number under a topic that one stood under before, in its slot.
const (
	asBefore    = iota // what it was
	onward             // as far from that as that was from the one before
	inStep             // where it was without noise, and a step on as they are on average
	asOthers           // the latest number in this slot, under whatever topic
	asNeighbour        // the number in this place of the message before, whatever its skeleton
	moved              // as far from what it was as the number to its left has moved
	ways
)

// The ways to expect one under a new topic, which mean the same.
const (
	newAsOthers = iota
	newAsNeighbour
	newMoved // from the latest in this slot
	newWays
)

// gains is how much less than the first a step counts for the average of steps, in powers of two, by how many there were.
var gains = [9]uint{0, 1, 2, 2, 3, 3, 3, 3, 4}

// place is where a number stands, and what there is to expect it from.
type place struct {
	slot   *slot
	trail  *trail
	donor  *slot  // that place in the skeleton of the message before, if it has it
	before number // what stands there in that message
	left   number // what stands to its left
}

// value codes a number.
func (s *shaper) value(p *place, n number) int64 {
	if p.trail.seen {
		n.value = s.again(p, n)
	} else {
		n.value = s.anew(p, n)
	}
	now := spot{n, p.left}
	p.trail.seen, p.trail.spot, p.slot.spot = true, now, now
	return n.value
}

// anew codes a number under a topic that none stood under in this slot.
func (s *shaper) anew(p *place, n number) int64 {
	others := rescale(p.slot.value, p.slot.format, n.format)
	ways := [newWays]int64{
		newAsOthers:    others,
		newAsNeighbour: rescale(p.before.value, p.before.format, n.format),
		newMoved:       others + distance(p.left, p.slot.left),
	}
	expected := inRange(ways[cheapest(p.slot.newCosts[:])])
	v := expected + s.difference(&p.slot.newSize, n.value-expected)
	if v != expected {
		account(p.slot.newCosts[:], ways[:], v)
	}
	p.trail.level = v << 4
	return v
}

// again codes a number under a topic that one stood under before.
func (s *shaper) again(p *place, n number) int64 {
	sl, t, f := p.slot, p.trail, n.format
	if sl.paces == 0 && p.donor != nil {
		d := p.donor
		sl.costs, sl.size, sl.pace, sl.paces = d.costs, d.size, rescale(d.pace, d.format, sl.format), d.paces
	}
	last, pace := rescale(t.value, t.format, f), rescale(sl.pace, sl.format, f)
	next := rescale(t.level, t.format, f) + pace
	ways := [ways]int64{
		asBefore:    last,
		onward:      last + rescale(t.step, t.format, f),
		inStep:      (next + 8) >> 4,
		asOthers:    rescale(sl.value, sl.format, f),
		asNeighbour: rescale(p.before.value, p.before.format, f),
		moved:       last + distance(p.left, t.left),
	}
	expected := inRange(ways[cheapest(sl.costs[:])])
	v := expected + s.difference(&sl.size, n.value-expected)
	if v != expected {
		account(sl.costs[:], ways[:], v)
	}

	t.step = v - last
	if t.level = next + (v<<4-next)>>1; sl.paces == 0 {
		t.level = v << 4
	}
	sl.pace = pace + (t.step<<4-pace)>>gains[sl.paces]
	sl.paces = min(sl.paces+1, len(gains)-1)
	return v
}

// distance is how far a is from b, if they compare.
func distance(a, b number) int64 {
	if a.format != b.format {
		return 0
	}
	return a.value - b.value
}

// inRange is an expectation as a number that could be there.
func inRange(v int64) int64 {
	if v <= -maxNumber || v >= maxNumber {
		return 0
	}
	return v
}

// cheapest chooses the way that came nearest of late. The first of equals wins.
func cheapest(costs []int) int {
	best := 0
	for i, c := range costs {
		if c < costs[best] {
			best = i
		}
	}
	return best
}

// account adds how far each way was from v, in sixteenths of bits; what is longer ago counts less.
func account(costs []int, ways []int64, v int64) {
	for i, w := range ways {
		costs[i] += bits.Len64(magnitude(v-w))<<4 - costs[i]>>4
	}
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}
