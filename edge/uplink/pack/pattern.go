package pack

import "slices"

// A pattern is the latest payload of a shape as it stands. The next one is taken apart by the digits in which it differs, and made by moving the numbers on: most are as
// long as before, and what stands between them is the same. It is a short cut and nothing that a block tells: a shape has one if all its numbers are decimals, plain or shortest, or
// instants.
type pattern struct {
	begin, length, room int32 // in the texts of patterns; length 0: there is none
	settled             bool  // its figures were found: of many topics there is one message
}

const (
	maxPattern  = 1024      // bytes of a payload that is kept as a pattern
	maxPatterns = 256 << 10 // of all of them
	word        = 4         // a pattern begins at a word: what begins so compares by words
	slack       = 11        // bytes that one may grow by, about
)

// A stand is where a number stands in a payload.
type stand struct{ start, end uint16 }

// keepPattern makes the pattern of a shape, whose numbers stand at stands in the payload and are those of its trails.
func (s *shaper) keepPattern(sh *shape, trails []trail, stands []stand, payload []byte) {
	p := &sh.pattern
	if p.length = 0; len(payload) > maxPattern {
		return
	}
	for i := range trails[:len(trails)-1] {
		trails[i].stand = stands[i]
	}
	p.settled = false
	if n := int32(len(payload)); n > p.room {
		room := (n + slack) &^ (word - 1)
		if len(s.patterns)+int(room) > maxPatterns {
			return
		}
		p.begin, p.room = int32(len(s.patterns)), room
		s.patterns = slices.Grow(s.patterns, int(room))[:len(s.patterns)+int(room)]
	}
	p.length = int32(copy(s.patterns[p.begin:][:p.room], payload))
}

// hasPattern tells whether a shape has a pattern, and finds the figures of it.
func (s *state) hasPattern(sh *shape) bool {
	return sh.pattern.length != 0 && (sh.pattern.settled || s.settles(sh))
}

func (s *state) settles(sh *shape) bool {
	p := &sh.pattern
	text := s.patternOf(sh)
	p.settled = true
	for i := range sh.numbers {
		if t := &s.trails[sh.first+i]; !t.settle(t.stand, t.format, t.value, text) {
			p.length = 0
			return false
		}
	}
	return true
}

func (s *state) patternOf(sh *shape) []byte {
	return s.patterns[sh.pattern.begin:][:sh.pattern.length]
}

// splice puts another text in the place of number i of a pattern, and returns that; nil if it has no room or cannot be in a pattern.
func (s *shaper) splice(sh *shape, trails []trail, i int, number []byte, value int64) []byte {
	p, t := &sh.pattern, &trails[i]
	begin, end := int(t.begin()), int(t.end)
	more := len(number) - (end - begin)
	text := s.patterns[p.begin:][:p.room]
	if n := int(p.length) + more; n > len(text) || n > maxPattern {
		return nil
	}
	if more != 0 {
		copy(text[end+more:], text[end:p.length])
		p.length += int32(more)
		for j := i + 1; j < len(trails)-1; j++ {
			trails[j].shift(uint16(more))
		}
	}
	copy(text[begin:], number)
	text = text[:p.length]
	if !t.settle(stand{uint16(begin), uint16(end + more)}, t.format, value, text) {
		return nil
	}
	return text
}

// inRange tells whether all numbers can be there, and be written.
func (w *walk) inRange() bool {
	for i := range len(w.trails) - 1 {
		if t := &w.trails[i]; inRange(t.value) != t.value || !t.format.fits(t.value) {
			return false
		}
	}
	return true
}

func (s *shaper) appendNumber(dst []byte, t *trail) []byte {
	if t.format.family() == instant {
		return s.day.append(dst, t.format, t.value)
	}
	return t.format.append(dst, t.value)
}

// renderAll makes the payload of a shape from its numbers.
func (s *shaper) renderAll(sh *shape, w *walk) {
	out := s.out[:0]
	for i := range len(w.trails) - 1 {
		t := &w.trails[i]
		out = append(out, s.of(w.slots[i].before)...)
		start := len(out)
		out = s.appendNumber(out, t)
		s.stands[i] = stand{uint16(start), uint16(len(out))}
	}
	sk := &s.skeletons[sh.skeleton]
	s.out = append(out, s.texts[sk.rest:sk.text.end]...)
	s.payload = s.out
	s.keepPattern(sh, w.trails, s.stands[:], s.out)
}
