package pack

// A pattern is the latest payload of a shape as it stands. The next one is taken apart by the digits in which it differs, and made by moving the numbers on: most are as
// long as before, and what stands between them is the same. It is a short cut and nothing that a block tells: a shape has one if all its numbers are plain decimals and none is negative.
type pattern struct {
	begin, length, room int32 // in the texts of patterns; length 0: there is none
}

const (
	maxPattern  = 1024      // bytes of a payload that is kept as a pattern
	maxPatterns = 256 << 10 // of all of them
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
		t := &trails[i]
		if t.format > maxDecimals || t.value < 0 || t.value >= 1e18 {
			return
		}
		t.stand = stands[i]
		t.setLow(payload)
	}
	if n := int32(len(payload)); n > p.room {
		if len(s.patterns)+len(payload) > maxPatterns {
			return
		}
		p.begin, p.room = int32(len(s.patterns)), n
		s.patterns = append(s.patterns, payload...)
	}
	p.length = int32(copy(s.patterns[p.begin:][:p.room], payload))
}

func (s *state) patternOf(sh *shape) []byte {
	return s.patterns[sh.pattern.begin:][:sh.pattern.length]
}

// The lowest digits of a number tell how far it has moved, unless that is very far.
const (
	lowDigits = 6
	lowRange  = 1e6
)

// setLow takes the lowest digits of a number from a payload.
func (t *trail) setLow(payload []byte) {
	n := int(t.end - t.start)
	if t.format > 0 {
		n--
	}
	if t.high = n > lowDigits; t.high {
		n = lowDigits
	}
	t.digits = uint8(n)
	if t.format > 0 && int(t.format) < n {
		n++ // the point
	}
	t.lowStart = t.end - uint16(n)
	t.low = t.lowOf(payload)
}

// lowOf is the lowest digits in a payload of the same pattern.
func (t *trail) lowOf(payload []byte) (v int32) {
	for _, c := range payload[t.lowStart:t.end] {
		if c != '.' {
			v = v*10 + int32(c) - '0'
		}
	}
	return v
}

// stepTo is how far a number has most likely moved in a payload of the same pattern.
func (t *trail) stepTo(payload []byte) int32 {
	step := t.lowOf(payload) - t.low
	if t.high {
		if step < -lowRange/2 {
			step += lowRange
		} else if step > lowRange/2 {
			step -= lowRange
		}
	}
	return step
}

// advance moves a number of a pattern on. If it then has another length or sign, or has moved very far, it returns false, and the pattern is none any more.
func (t *trail) advance(text []byte, step int64) bool {
	if step >= lowRange || step <= -lowRange {
		return false
	}
	t.low += int32(step)
	carry := int32(0)
	if t.low < 0 {
		carry = -1
	} else if t.low >= int32(powers32[t.digits]) {
		carry = 1
	}
	if carry != 0 {
		if !t.high || !bump(text[t.start:t.lowStart], carry) {
			return false
		}
		t.low -= carry * lowRange
	}
	if step > -10 && step < 10 && carry == 0 {
		bump(text[t.lowStart:t.end], int32(step))
	} else {
		t.write(text)
	}
	first := text[t.start:t.end]
	return first[0] != '0' || len(first) == 1 || first[1] == '.'
}

// write writes the lowest digits.
func (t *trail) write(text []byte) {
	v := uint32(t.low)
	q := v / 100
	p := q / 100
	two, four, six := (v-q*100)*2, (q-p*100)*2, p*2
	digits := [lowDigits]byte{pairs[six], pairs[six+1], pairs[four], pairs[four+1], pairs[two], pairs[two+1]}
	from := lowDigits - int(t.digits)
	text = text[t.lowStart:t.end]
	for i := range text {
		if text[i] != '.' && from < lowDigits {
			text[i] = digits[from]
			from++
		}
	}
}

// bump adds a small number to one in a text, and returns false if its digits do not suffice.
func bump(text []byte, step int32) bool {
	for i := len(text) - 1; step != 0; i-- {
		if i < 0 {
			return false
		}
		if text[i] == '.' {
			continue
		}
		digit := int32(text[i]) - '0' + step
		if step = 0; digit > 9 {
			digit -= 10
			step = 1
		} else if digit < 0 {
			digit += 10
			step = -1
		}
		text[i] = byte(digit + '0')
	}
	return true
}

// mostStep is a step that leaves every number of a pattern in range.
const mostStep = 1 << 60

// quick encodes a message that has a shape, if it is as usual and its pattern is as well. If it returns false, nothing was learned or written, and the pattern is to be made
// anew.
func (s *shaper) quick(at int, follows bool, m *Message) bool {
	sh := &s.shapes[at]
	text := s.patternOf(sh)
	if len(text) == 0 || len(text) != len(m.Payload) || sh.timed != (m.Time != 0) || m.Sequence != s.sequence+1 {
		return false
	}
	w := s.walk(sh)
	clock, ok := s.advanceTo(&w, text, m.Payload)
	if !ok || string(text) != string(m.Payload) {
		sh.pattern.length = 0
		return false
	}
	n := len(w.trails)
	if !sh.timed {
		n--
	} else if !s.timeTo(&w, m.Time-clock) {
		sh.pattern.length = 0
		return false
	}
	if follows {
		s.put(asFollows, 1)
	} else {
		s.put(asKnown, 2)
		s.place(at, len(s.shapes))
	}
	w.left = 0
	for i := range w.trails[:n] {
		d := &s.differences[i]
		if d.size >= mostQuiet {
			s.putNumber(d.v, bitsFor(d.size))
		}
		w.i, w.slot, w.trail = i, &w.slots[i], &w.trails[i]
		w.move(d.step, d.v)
	}
	s.sequence = m.Sequence
	s.close(at, false, true)
	return true
}

// advanceTo moves the numbers of a pattern on as those of a payload did. If it returns false they cannot be.
func (s *shaper) advanceTo(w *walk, text, payload []byte) (clock int64, ok bool) {
	for i := range len(w.trails) - 1 {
		t, sl, d := &w.trails[i], &w.slots[i], &s.differences[i]
		if sl.format != t.format || sl.taught == 0 {
			return 0, false
		}
		w.i, w.slot, w.trail = i, sl, t
		expected := w.step()
		if expected >= mostStep || expected <= -mostStep {
			return 0, false
		}
		step := expected
		if d.size = sl.size; d.size >= mostQuiet {
			step = int64(t.stepTo(payload))
		}
		if step != 0 && !t.advance(text, step) {
			return 0, false
		}
		d.v, d.step, w.left = zigzag(step-expected), step, step
		if clock == 0 {
			clock = milliseconds(number{t.value + step, t.format})
		}
	}
	return clock, true
}

// timeTo finds the difference of the time of a message. If it returns false, it is not as usual.
func (s *shaper) timeTo(w *walk, v int64) bool {
	i := w.time()
	t, sl, d := &w.trails[i], &w.slots[i], &s.differences[i]
	if !t.seen || sl.taught == 0 || sl.format != 0 || t.format != 0 {
		return false
	}
	w.i, w.slot, w.trail = i, sl, t
	expected, size := w.expect()
	d.v, d.step, d.size = zigzag(v-expected), v-t.value, size
	return d.v == 0 || size >= mostQuiet
}

// hearQuick decodes the numbers of a message that is as usual, and makes its payload of the pattern of its shape.
func (s *shaper) hearQuick(sh *shape, w *walk) (clock int64, err error) {
	text := s.patternOf(sh)
	whole, least, most := true, int64(0), int64(0)
	for i := range len(w.trails) - 1 {
		t, sl := &w.trails[i], &w.slots[i]
		w.i, w.slot, w.trail = i, sl, t
		if sl.format != t.format || sl.taught == 0 {
			w.to(i, t.format)
		}
		step := w.step()
		if step >= mostStep || step <= -mostStep {
			step = inRange(t.value+step) - t.value
		}
		var d uint64
		if sl.size >= mostQuiet {
			d = s.takeNumber(bitsFor(sl.size))
			step += unzigzag(d)
		}
		if step != 0 && whole {
			whole = t.advance(text, step)
		}
		w.move(step, d)
		least, most = min(least, t.value), max(most, t.value)
		if clock == 0 {
			clock = milliseconds(number{t.value, t.format})
		}
	}
	if inRange(least) != least || inRange(most) != most {
		return 0, corrupt("a number is out of range")
	}
	if s.payload = text; !whole {
		s.renderAll(sh, w)
	}
	return clock, nil
}

// renderAll makes the payload of a shape from its numbers.
func (s *shaper) renderAll(sh *shape, w *walk) {
	out := s.out[:0]
	for i := range len(w.trails) - 1 {
		t := &w.trails[i]
		out = append(out, s.of(w.slots[i].before)...)
		start := len(out)
		if t.format.family() == instant {
			out = s.day.append(out, t.format, t.value)
		} else {
			out = t.format.append(out, t.value)
		}
		s.stands[i] = stand{uint16(start), uint16(len(out))}
	}
	sk := &s.skeletons[sh.skeleton]
	s.out = append(out, s.texts[sk.rest:sk.text.end]...)
	s.payload = s.out
	s.keepPattern(sh, w.trails, s.stands[:], s.out)
}
