package pack

import "math/bits"

// The ways to expect a number under a topic that one stood under before, in its slot.
const (
	asBefore    = iota // what it was
	onward             // as far from that as that was from the one before
	inStep             // where it was without noise, and a step on as they are on average
	asNeighbour        // the number in this place of the message before, whatever its skeleton
	moved              // as far from what it was as the number to its left has moved
	ways
)

// A walk goes through the numbers of a message, and last to its time.
type walk struct {
	*state
	trails []trail
	slots  []slot

	// where it is
	i     int
	slot  *slot
	trail *trail
	left  int64 // how far the number to the left has moved
	known bool  // it was looked for the number of the neighbour
	found int64 // that
}

// enter begins a walk, which is new, through the numbers of a shape.
func (w *walk) enter(s *state, sh *shape) {
	w.state = s
	w.trails, w.slots = s.numbersOf(sh)
}

func (s *state) numbersOf(sh *shape) ([]trail, []slot) {
	n := sh.numbers + 1
	return s.trails[sh.first:][:n], s.slots[sh.slots:][:n]
}

// usual is the format that number i most likely has.
func (w *walk) usual(i int) format {
	if w.trails[i].seen {
		return w.trails[i].format
	}
	return w.slots[i].format
}

// time is where the time of the message stands.
func (w *walk) time() int { return len(w.trails) - 1 }

// at goes to a number that has the format which is known.
func (w *walk) at(i int) (*slot, *trail) {
	sl, t := &w.slots[i], &w.trails[i]
	w.i, w.slot, w.trail, w.known = i, sl, t, false
	return sl, t
}

// to goes to a number, which has a format.
func (w *walk) to(i int, f format) {
	sl, t := w.at(i)
	if sl.taught == 0 && t.seen {
		w.adopt()
	}
	if sl.format != f || t.format != f {
		sl.align(f)
		t.align(f)
	}
}

// neighbour is where what stands in this place stood in the message before: behind the first trail and the first slot of its shape. It is none if nothing did.
func (w *walk) neighbour() (trail, slot int) {
	if w.last == none {
		return none, none
	}
	before := &w.shapes[w.last]
	i := int32(w.i)
	switch {
	case w.i == w.time():
		i = before.numbers
	case i >= before.numbers:
		return none, none
	}
	return int(before.first + i), int(before.slots + i)
}

// adopt has a slot that has learned nothing begin with what that of the neighbour knows.
func (w *walk) adopt() {
	if _, i := w.neighbour(); i != none {
		sl, d := w.slot, &w.state.slots[i]
		sl.costs, sl.size, sl.way, sl.taught, sl.pace = d.costs, d.size, d.way, d.taught, rescale(d.pace, d.format, sl.format)
	}
}

// align brings what is known into the format that the number has.
func (sl *slot) align(f format) {
	sl.value, sl.pace, sl.format = rescale(sl.value, sl.format, f), rescale(sl.pace, sl.format, f), f
}

func (t *trail) align(f format) {
	if !t.seen {
		t.format = f
		return
	}
	t.value, t.step, t.lag, t.format = rescale(t.value, t.format, f), rescale(t.step, t.format, f), 0, f
}

// near is the number in this place of the message before.
func (w *walk) near() int64 {
	if !w.known {
		w.known, w.found = true, 0
		if i, _ := w.neighbour(); i != none {
			t := &w.state.trails[i]
			w.found = rescale(t.value, t.format, w.slot.format)
		}
	}
	return w.found
}

// expect is what number will stand there, and how many bits the difference from it may have, in sixteenths.
func (w *walk) expect() (v int64, size int32) {
	sl, t := w.slot, w.trail
	if !t.seen {
		if sl.lean > 0 {
			return inRange(w.near()), sl.newSize
		}
		return inRange(sl.value), sl.newSize
	}
	return inRange(t.value + w.step()), sl.size
}

// step is how far the number will move.
func (w *walk) step() int64 {
	if w.slot.way == asNeighbour {
		return w.near() - w.trail.value
	}
	return w.slot.ahead(w.trail, w.left)
}

// ahead is how far a number will move that is expected in another way than as its neighbour.
func (sl *slot) ahead(t *trail, left int64) int64 {
	switch sl.way {
	case onward:
		return t.step
	case inStep:
		return (t.lag + sl.pace + 8) >> 4
	case moved:
		return left
	}
	return 0
}

// mostQuiet is the expected size below which no difference is expected.
const mostQuiet = 6

// bitsFor is the number of plain bits for a difference of an expected size.
func bitsFor(size int32) uint32 { return uint32(size+4) >> 4 }

// learn takes note of the number that stands there, and of the difference from what was expected.
func (w *walk) learn(v int64, difference uint64) {
	n := int32(bits.Len64(difference))
	sl, t := w.slot, w.trail
	if t.seen {
		w.move(v-t.value, n)
		return
	}
	near := int64(0)
	if n != 0 {
		near = w.near()
	}
	sl.meet(t, v, near, n)
	w.left = 0
}

// move takes note of how far a number has moved, and how many bits the difference from what was expected has.
func (w *walk) move(step int64, bits int32) {
	sl, t := w.slot, w.trail
	value := t.value + step
	if bits != 0 {
		if sl.due() {
			w.review(value)
		}
		sl.stretch(bits)
		sl.pull(t, step)
	} else if !sl.rests(t) {
		sl.rest(t)
	}
	t.value, t.step = value, step
	sl.value, w.left = value, step
}

// due tells whether it is time to compare the ways.
func (sl *slot) due() bool { return sl.taught <= 8 }

// stretch takes note of the bits of a difference. One surprise does not change much.
func (sl *slot) stretch(bits int32) {
	size := sl.size
	sl.size = size + (min(bits<<4, size+64)-size)>>2
}

// pull takes note of a step that was not as expected.
func (sl *slot) pull(t *trail, step int64) {
	n, pace := sl.taught, sl.pace
	step <<= 4
	if n > 0 {
		t.lag = (t.lag + pace - step) >> 1
	}
	if n >= 8 { // as a rule
		sl.pace = pace + (step-pace)>>4
	} else {
		sl.pace = pace + (step-pace)>>(gains[n&7]&7)
	}
	if n++; n == 16 {
		n = 8
	}
	sl.taught = n
}

// rests tells whether rest would change nothing.
func (sl *slot) rests(t *trail) bool {
	return sl.size|int32(t.lag)|int32(t.lag>>32) == 0 && sl.taught != 0
}

// rest takes note of a number that is as expected.
func (sl *slot) rest(t *trail) {
	sl.size -= (sl.size + 3) >> 2
	sl.taught = max(sl.taught, 1)
	t.lag = 0
}

// meet takes note of the first number under a topic, of that in its place in the message before, and how many bits the difference from what was expected has.
func (sl *slot) meet(t *trail, v, near int64, bits int32) {
	if sl.value != 0 { // not for the first of all, which is far from 0
		sl.newSize += (min(bits<<4, sl.newSize+256) - sl.newSize) >> 1
	}
	if bits != 0 {
		sl.lean += (length(v-sl.value)-length(v-near))<<2 - sl.lean>>2
	}
	t.value, t.seen, sl.value = v, true, v
}

// gains is how much less than the first a step counts for the average of steps, in powers of two, by how many there were. From eight on it is four.
var gains = [8]uint8{0, 1, 2, 2, 3, 3, 3, 3}

// review compares the ways.
func (w *walk) review(v int64) {
	sl, t := w.slot, w.trail
	step := v - t.value
	c := &sl.costs
	c[asBefore] = charge(c[asBefore], step)
	c[onward] = charge(c[onward], step-t.step)
	c[inStep] = charge(c[inStep], step-(t.lag+sl.pace+8)>>4)
	c[asNeighbour] = charge(c[asNeighbour], v-w.near())
	c[moved] = charge(c[moved], step-w.left)
	const hold = 24 // a way is left only for one that is so much better
	way := sl.way
	least := sl.costs[way] - hold
	for i, c := range sl.costs {
		if c < least {
			way, least = uint8(i), c-hold
		}
	}
	sl.way = way
}

// charge is the cost of a way, of late, that was off by so much.
func charge(cost int32, off int64) int32 { return cost + length(off)<<4 - cost>>2 }

// length is how many bits a difference has.
func length(v int64) int32 {
	if n := int32(v); int64(n) == v { // as a rule
		return int32(bits.Len32(uint32(n<<1 ^ n>>31)))
	}
	return int32(bits.Len64(zigzag(v)))
}

func zigzag(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// inRange is an expectation as a number that could be there.
func inRange(v int64) int64 {
	const most = maxNumber >> 32
	if high := int32(v >> 32); high > -most && high < most { // as a rule
		return v
	}
	if v <= -maxNumber || v >= maxNumber {
		return 0
	}
	return v
}

// nearby is near of number i, which has a format, in line as a rule.
func (w *walk) nearby(before []trail, i int, f format) int64 {
	if i < len(before) && before[i].format == f {
		return before[i].value
	}
	w.at(i)
	return w.near()
}

// before are the trails of the numbers of the message before.
func (w *walk) before() []trail {
	if w.last == none {
		return nil
	}
	sh := &w.shapes[w.last]
	return w.state.trails[sh.first:][:sh.numbers]
}
