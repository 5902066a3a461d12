package pack

import (
	"bytes"
	"slices"
)

// A shaper is one end of the shape coder.
type shaper struct {
	coder
	state
	out     []byte             // the payload of the message in hand, decoded
	payload []byte             // it, in out or a pattern
	number  []byte             // one of them
	stands  [maxNumbers]stand  // where its numbers are
	left    int                // bytes that may still be decoded
	day     day                // of the latest instant
	formats [maxNumbers]format // of its numbers, if not the usual ones

	// encoding
	index       index
	parts       parts
	numbers     []number // of the message in hand
	differences [maxNumbers + 1]difference
}

// A number is a value and how it is written.
type number struct {
	value  int64
	format format
}

// How a message is told: each kind has so many zeros before a one, the last has none.
const (
	asFollows = 1      // all is as usual, and its shape the one that followed the one before
	asKnown   = 1 << 1 // all is as usual, but its shape, which is told
	asNew     = 1 << 2 // all is as usual, but its topic, which is new
	inFull    = 0
)

// lengthBits is how many bits the length of a string has, and the number of sequences left out.
const lengthBits = 4

// following is what most likely comes next.
type following struct {
	shape    int
	skeleton int // if the shape is new
}

func (s *state) following() following {
	if s.last == none {
		return following{none, none}
	}
	sh := &s.shapes[s.last]
	return following{int(sh.next), int(s.skeletons[sh.skeleton].next)}
}

func (s *state) follower() int { return s.following().shape }

// wasTimed tells whether the time of the message before is known.
func (s *state) wasTimed() bool { return s.last != none && s.shapes[s.last].timed }

// newSkeleton puts one into the table. Its slots begin with what is known of those of the message before.
func (s *state) newSkeleton(text []byte) (int, error) {
	n := bytes.Count(text, []byte{numberHere})
	if len(s.skeletons) > maxSkeletons || len(s.slots)+n+1 > maxSlots || n > maxNumbers {
		return 0, corrupt("too many skeletons, or numbers in them")
	}
	sk := skeleton{text: hold(s, text), first: int32(len(s.slots)), numbers: int32(n), next: int32(len(s.skeletons))}
	parent := &s.skeletons[0]
	if s.last != none {
		parent = &s.skeletons[s.shapes[s.last].skeleton]
	}
	start := sk.text.start
	for i := range int32(n + 1) {
		sl := slot{size: firstSize, newSize: firstNewSize}
		if i == int32(n) {
			sl = s.slots[parent.first+parent.numbers]
		} else {
			if i < parent.numbers {
				sl = s.slots[parent.first+i]
			}
			sl.before.start = start
			start += int32(bytes.IndexByte(s.texts[start:], numberHere))
			sl.before.end = start
			start++
		}
		s.slots = append(s.slots, sl)
	}
	sk.rest = start
	s.skeletons = append(s.skeletons, sk)
	return len(s.skeletons) - 1, nil
}

// newTopic puts one into the table, or, if that is full, aside for one message.
func newTopic[T string | []byte](s *state, b T) int {
	if len(s.topics) >= maxTopics {
		s.stray.topic = append(s.stray.topic[:0], b...)
		return none
	}
	s.topics = append(s.topics, hold(s, b))
	return len(s.topics) - 1
}

// newBag does so with properties.
func (s *state) newBag(b []byte) int {
	if len(s.properties) >= maxProperties {
		s.stray.properties = append(s.stray.properties[:0], b...)
		return none
	}
	s.properties = append(s.properties, hold(s, b))
	return len(s.properties) - 1
}

// newShape is the next place in the table. If there is none, or a part of it is in no table, it is there for one message.
func (s *state) newShape(sh shape) (at int, kept bool) {
	kept = len(s.shapes) < maxShapes && sh.topic != none && sh.properties != none
	sh.first, sh.next = int32(len(s.trails)), none
	sh.slots, sh.numbers = s.skeletons[sh.skeleton].first, s.skeletons[sh.skeleton].numbers
	n := int(sh.numbers) + 1
	s.trails = slices.Grow(s.trails, n)[:len(s.trails)+n]
	clear(s.trails[sh.first:])
	s.shapes = append(s.shapes, sh)
	return len(s.shapes) - 1, kept
}

// close takes note of the shape of a message.
func (s *state) close(at int, fresh, kept bool) {
	sh := &s.shapes[at]
	if s.last != none {
		before := &s.shapes[s.last]
		if fresh {
			s.skeletons[before.skeleton].next = sh.skeleton
		}
		if kept {
			before.next = int32(at)
		}
	}
	if fresh {
		s.flags = sh.flags
		if sh.properties != none {
			s.bag = int(sh.properties)
		}
	}
	s.last, s.started = at, true
	if !kept {
		s.last = none
		s.trails, s.shapes = s.trails[:sh.first], s.shapes[:at]
	}
}
