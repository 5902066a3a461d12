package pack

import "math/bits"

// A message that is as usual, and whose payload differs from the one before it in its numbers, is coded along the pattern of its shape: these are the loops that most messages go through. What they
// learn is what walks learn that go number by number.

// mostStep is a step that leaves every number of a pattern in range.
const mostStep = 1 << 60

// quick encodes a message that has a shape, if it is as usual and its pattern is as well. If it returns false, nothing was learned or written, and the pattern is to be made
// anew.
func (s *shaper) quick(at int, follows bool, m *Message) bool {
	sh := &s.shapes[at]
	if !s.hasPattern(sh) || sh.timed != (m.Time != 0) || m.Sequence != s.sequence+1 {
		return false
	}
	var w walk
	w.enter(&s.state, sh)
	if !s.advanceTo(&w, sh, m) {
		sh.pattern.length = 0
		return false
	}
	if follows {
		s.put(asFollows, 1)
	} else {
		s.put(asKnown, 2)
		s.place(at, len(s.shapes))
	}
	n := len(w.trails)
	if !sh.timed {
		n--
	}
	s.moveAll(&w, n)
	s.sequence = m.Sequence
	s.shapes[s.last].next = int32(at)
	s.last = at
	return true
}

// moveAll tells and learns the differences of n numbers. It does so without calls as a rule: small boards feel them.
func (s *shaper) moveAll(w *walk, n int) {
	left := int64(0)
	slots, differences := w.slots[:n], s.differences[:n]
	for i := range w.trails[:n] {
		sl, t, d := &slots[i], &w.trails[i], &differences[i]
		if k := bitsFor(d.size); d.size < mostQuiet {
		} else if q := uint32(d.v) >> (k & 31); d.bits < 16 && k < 8 && q < mostUnary {
			s.put((1|(uint32(d.v)&(1<<(k&7)-1))<<1)<<(q&7), q+1+k)
		} else {
			s.putNumber(d.v, k)
		}
		step := d.step
		value := t.value + step
		if d.bits != 0 {
			if sl.due() {
				w.at(i)
				w.left = left
				w.review(value)
			}
			sl.stretch(d.bits)
			sl.pull(t, step)
		} else if !sl.rests(t) {
			sl.rest(t)
		}
		t.value, t.step, sl.value, left = value, step, value, step
	}
}

// advanceTo moves the numbers of a pattern on as those of a message did. If it returns false they cannot be.
func (s *shaper) advanceTo(w *walk, sh *shape, m *Message) bool {
	text, payload := s.patternOf(sh), m.Payload
	left, ok := int64(0), false
	before := w.before()
	numbers := len(w.trails) - 1
	slots, differences := w.slots[:numbers], s.differences[:numbers]
	for i := range w.trails[:numbers] {
		sl, t, d := &slots[i], &w.trails[i], &differences[i]
		if sl.format != t.format || sl.taught == 0 {
			return false
		}
		expected := sl.ahead(t, left)
		if sl.way == asNeighbour {
			expected = w.nearby(before, i, sl.format) - t.value
		}
		if far(expected) {
			return false
		}
		step := expected
		if d.size = sl.size; d.size < mostQuiet {
			if d.v, d.bits = 0, 0; step != 0 && !t.advance(text, step) {
				return false
			}
		} else {
			if step, ok = t.follow(text, payload, expected); !ok {
				if step, text = s.anew(sh, w.trails, i, payload); text == nil {
					return false
				}
			}
			d.v = zigzag(step - expected)
			d.bits = int32(bits.Len64(d.v))
		}
		d.step, left = step, step
	}
	if string(text) != string(payload) {
		return false
	}
	if !sh.timed {
		return true
	}
	clock := int64(0)
	for i := range w.trails[:numbers] {
		t := &w.trails[i]
		if clock = milliseconds(number{t.value + differences[i].step, t.format}); clock != 0 {
			break
		}
	}
	return s.timeTo(w, m.Time-clock, left)
}

// far tells whether a step is so far that the number might not be in range.
func far(step int64) bool {
	high := int32(step >> 32)
	return high >= mostStep>>32 || high <= -mostStep>>32
}

// anew takes a number of a payload that is not as long as that in the pattern, or differs in more than the lowest digits. The text is nil if there is none.
func (s *shaper) anew(sh *shape, trails []trail, i int, payload []byte) (step int64, text []byte) {
	t := &trails[i]
	begin := int(t.begin())
	if begin >= len(payload) {
		return 0, nil
	}
	v, n := s.readNumber(payload[begin:], t.format)
	if n == 0 {
		return 0, nil
	}
	return v - t.value, s.splice(sh, trails, i, payload[begin:begin+n], v)
}

// timeTo finds the difference of the time of a message; the number to its left has moved so far. If it returns false, it is not as usual.
func (s *shaper) timeTo(w *walk, v, left int64) bool {
	i := w.time()
	sl, t, d := &w.slots[i], &w.trails[i], &s.differences[i]
	if !t.seen || sl.taught == 0 || sl.format != 0 || t.format != 0 {
		return false
	}
	expected := sl.ahead(t, left)
	if sl.way == asNeighbour {
		expected = w.nearby(nil, i, 0) - t.value
	}
	step := v - t.value
	d.v, d.step, d.size = zigzag(v-inRange(t.value+expected)), step, sl.size
	d.bits = int32(bits.Len64(d.v))
	return d.bits == 0 || sl.size >= mostQuiet
}

// hearQuick decodes the numbers of a message that is as usual, and its time, and makes its payload of the pattern of its shape.
func (s *shaper) hearQuick(sh *shape, h *heard) error {
	var w walk
	w.enter(&s.state, sh)
	numbers := len(w.trails) - 1
	places := numbers
	if sh.timed && w.trails[numbers].seen {
		places++
	}
	if err := s.hearPlaces(&w, sh, places); err != nil {
		return err
	}
	if s.payload == nil {
		if !w.inRange() {
			return corrupt("a number is out of range")
		}
		s.renderAll(sh, &w)
	}
	if h.time = 0; !sh.timed {
		return nil
	}
	clock := int64(0)
	for i := range w.trails[:numbers] {
		t := &w.trails[i]
		if clock = milliseconds(number{t.value, t.format}); clock != 0 {
			break
		}
	}
	if places == numbers {
		return s.hearTime(sh, &w, h, clock, true)
	}
	if h.time = clock + w.trails[numbers].value; uint64(h.time-1) >= maxTime {
		return corrupt("a time is out of range")
	}
	return nil
}

// hearPlaces decodes so many numbers, the time among them if there is one more than numbers, and moves the pattern on. There is no payload if that does not suffice. It does so
// without calls as a rule.
func (s *shaper) hearPlaces(w *walk, sh *shape, places int) error {
	text := s.patternOf(sh)
	numbers := len(w.trails) - 1
	left := int64(0)
	before := w.before()
	slots := w.slots[:places]
	for i := range w.trails[:places] {
		sl, t := &slots[i], &w.trails[i]
		if sl.format != t.format || sl.taught == 0 {
			w.to(i, t.format)
		}
		step := sl.ahead(t, left)
		if sl.way == asNeighbour {
			if i == numbers { // the neighbour of the time is the time
				before = nil
			}
			step = w.nearby(before, i, sl.format) - t.value
		}
		if far(step) || far(t.value) {
			step = inRange(t.value+step) - t.value
		}
		n := int32(0)
		if sl.size >= mostQuiet {
			k, q := bitsFor(sl.size), uint32(bits.TrailingZeros32(s.pending|1<<mostUnary))
			if k < 8 && q < mostUnary {
				d := q<<(k&7) | s.pending>>((q+1)&7)&(1<<(k&7)-1)
				s.drop(q + 1 + k)
				step += int64(int32(d>>1) ^ -int32(d&1))
				n = int32(bits.Len32(d))
			} else {
				d := s.takeNumber(k)
				step += unzigzag(d)
				n = int32(bits.Len64(d))
			}
		}
		value := t.value + step
		if n != 0 {
			if sl.due() {
				w.at(i)
				w.left = left
				w.review(value)
			}
			sl.stretch(n)
			sl.pull(t, step)
		} else if !sl.rests(t) {
			sl.rest(t)
		}
		t.value, t.step, sl.value, left = value, step, value, step
		if step != 0 && text != nil && i < numbers && !t.advance(text, step) {
			if inRange(value) != value || !t.format.fits(value) {
				return corrupt("a number is out of range")
			}
			s.number = s.appendNumber(s.number[:0], t)
			text = s.splice(sh, w.trails, i, s.number, value)
		}
	}
	s.payload, w.left = text, left
	return nil
}
