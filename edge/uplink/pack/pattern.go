package pack

import (
	"math/bits"
	"slices"
)

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

// A figure is a number in the pattern of its shape. Its lowest digits tell how far it has moved, unless that is very far.
type figure struct {
	stand           // of its digits: without a sign
	low      int32  // the lowest digits: of an instant, seconds and their decimals
	limit    int32  // low is less
	factor   int32  // how much one more of them is
	lowStart uint16 // where they stand
	dot      uint16 // where there is a point between them, or noDot
	high     bool   // there are more digits than those
	kind     kind
}

// A kind of figure is what else must be seen to when it moves.
type kind uint8

const (
	trimmed  kind = 1 << iota // the last decimal is not 0
	negative                  // it is not 0
	clock                     // before the lowest digits there are hours and minutes

	plain = 0
)

const (
	lowDigits  = 6
	mostLow    = 1e9 // no step is as far
	mostLacked = 6   // decimals that a trimmed number may lack
	noDot      = 1<<16 - 1
	hourMinute = len("04:16:")
)

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

// begin is where the number begins, its sign included.
func (g *figure) begin() uint16 {
	if g.kind&negative != 0 {
		return g.start - 1
	}
	return g.start
}

// shift moves a figure on in its text.
func (g *figure) shift(by uint16) {
	g.start, g.end, g.lowStart = g.start+by, g.end+by, g.lowStart+by
	if g.dot != noDot {
		g.dot += by
	}
}

// settle finds the figure of a number in a payload. If it returns false it can be in no pattern.
func (g *figure) settle(at stand, f format, value int64, payload []byte) bool {
	d := f.digits()
	g.stand, g.factor, g.kind = at, 1, plain
	n := int(at.end - at.start)
	switch family := f.family(); {
	case family == instant:
		if d > mostDecimals {
			return false
		}
		g.kind, g.high, n = clock, true, 2+d
		g.limit = 60 * int32(powers32[d])
	case family == padded || value <= -1e18 || value >= 1e18:
		return false
	default:
		if value < 0 {
			g.kind, g.factor = negative, -1
			g.start++
			n--
		}
		if family == shortest {
			k := decimalsOf(payload[g.start:g.end])
			if d-k > mostLacked {
				return false
			}
			if k > 0 {
				g.kind |= trimmed
			}
			g.factor *= int32(powers32[d-k])
			d = k
		}
		if d > 0 {
			n--
		}
		if g.high = n > lowDigits; g.high {
			n = lowDigits
		}
		g.limit = int32(powers32[n])
	}
	if g.dot = noDot; d > 0 && d < n {
		g.dot = g.end - uint16(d) - 1
		n++
	}
	g.lowStart = g.end - uint16(n)
	low := int32(0)
	for _, c := range payload[g.lowStart:g.end] {
		if c != '.' {
			low = low*10 + int32(c) - '0'
		}
	}
	g.low = low
	return true
}

// decimalsOf counts the digits behind the point.
func decimalsOf(number []byte) int {
	for i := len(number) - 1; i >= 0; i-- {
		if number[i] == '.' {
			return len(number) - 1 - i
		}
	}
	return 0
}

// follow takes the lowest digits of a payload that should be of the same pattern into its text, and tells how far the number has moved: most likely about as far as expected. If it
// returns false it is not written so, or has moved very far; if true, all digits are right if text and payload are the same.
func (g *figure) follow(text, payload []byte, expected int64) (step int64, ok bool) {
	low, wrong := uint32(0), uint32(0)
	end := int(g.end)
	if end < len(text) {
		if end >= len(payload) || payload[end] != text[end] {
			return 0, false
		}
	} else if end != len(payload) {
		return 0, false
	}
	from, to := payload[g.lowStart:end], text[g.lowStart:end]
	if g.dot != noDot {
		n := g.dot - g.lowStart
		if from[n] != '.' {
			return 0, false
		}
		whole := to[:n]
		for i, c := range from[:n] {
			whole[i] = c
			digit := uint32(c) - '0'
			wrong |= digit | (9 - digit)
			low = low*10 + digit
		}
		from, to = from[n+1:], to[n+1:]
	}
	to = to[:len(from)]
	for i, c := range from {
		to[i] = c
		digit := uint32(c) - '0'
		wrong |= digit | (9 - digit)
		low = low*10 + digit
	}
	if int32(wrong) < 0 {
		return 0, false
	}
	moved := int32(low) - g.low
	g.low = int32(low)
	if g.high {
		e := int32(expected)
		if int64(e) != expected || e >= mostLow || e <= -mostLow {
			return 0, false
		}
		if g.factor != 1 {
			e /= g.factor
		}
		if carry := g.carries(e - moved); carry != 0 {
			if !g.carry(text, carry) {
				return 0, false
			}
			moved += carry * g.limit
		}
	}
	if g.led(text) {
		return 0, false
	}
	if g.kind == plain && g.factor == 1 {
		return int64(moved), true
	}
	return int64(moved) * int64(g.factor), g.right(text)
}

// carries is how often low goes over its limit when it moves by about so much.
func (g *figure) carries(by int32) int32 {
	half := g.limit >> 1
	switch {
	case by <= half && by >= -half:
		return 0
	case by > 0:
		return (by + half) / g.limit
	}
	return (by - half) / g.limit
}

// carry adds to the digits before the lowest. It returns false if they do not suffice, or it is much.
func (g *figure) carry(text []byte, carry int32) bool {
	if !g.high || carry > 99 || carry < -99 {
		return false
	}
	if g.kind == clock {
		return bumpMinutes(text[g.start:g.lowStart], carry)
	}
	return bump(text[g.start:g.lowStart], carry)
}

// right tells whether what was written is as its kind is. It may say no where it is.
func (g *figure) right(text []byte) bool {
	switch {
	case g.kind&trimmed != 0 && text[g.end-1] == '0', g.kind&negative != 0 && g.low == 0, g.low >= g.limit:
		return false
	}
	return true
}

// advance moves a number of a pattern on. If it then has another length or sign, or has moved very far, it returns false, and the pattern is none any more.
func (g *figure) advance(text []byte, step int64) bool {
	by := int32(step)
	if int64(by) != step || by >= mostLow || by <= -mostLow {
		return false
	}
	if g.factor != 1 {
		n := by / g.factor
		if n*g.factor != by {
			return false
		}
		by = n
	}
	low := g.low + by
	if uint32(low) >= uint32(g.limit) {
		carry := low / g.limit
		if low < 0 {
			carry = (low - g.limit + 1) / g.limit
		}
		if !g.carry(text, carry) {
			return false
		}
		low -= carry * g.limit
	}
	g.write(text, uint32(low))
	return !g.led(text) && (g.kind == plain || g.right(text))
}

// led tells whether a zero leads that should not.
func (g *figure) led(text []byte) bool {
	return text[g.start] == '0' && g.end-g.start > 1 && text[g.start+1] != '.'
}

// write writes the lowest digits, from the last to the first that stays.
func (g *figure) write(text []byte, low uint32) {
	old, i := uint32(g.low), int(g.end)
	g.low = int32(low)
	for low != old {
		if i--; i == int(g.dot) {
			i--
		}
		rest := low / 10
		text[i] = byte('0' + low - rest*10)
		low, old = rest, old/10
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
		step = 0
		for ; digit > 9; digit -= 10 {
			step++
		}
		for ; digit < 0; digit += 10 {
			step--
		}
		text[i] = byte(digit + '0')
	}
	return true
}

// bumpMinutes adds minutes to a time that ends with hours and minutes, and returns false if the day ends.
func bumpMinutes(text []byte, step int32) bool {
	b := text[len(text)-hourMinute:]
	minutes := 600*int32(b[0]-'0') + 60*int32(b[1]-'0') + 10*int32(b[3]-'0') + int32(b[4]-'0') + step
	if minutes < 0 || minutes >= 24*60 {
		return false
	}
	h := minutes / 60
	m := minutes - h*60
	b[0], b[1], b[3], b[4] = pairs[h*2], pairs[h*2+1], pairs[m*2], pairs[m*2+1]
	return true
}

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

// hearQuick decodes the numbers of a message that is as usual, and its time, and makes its payload of the pattern of its shape. It does so without calls as a rule.
func (s *shaper) hearQuick(sh *shape, h *heard) error {
	var w walk
	w.enter(&s.state, sh)
	text := s.patternOf(sh)
	numbers := len(w.trails) - 1
	places := numbers
	if sh.timed && w.trails[numbers].seen {
		places++
	}
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
	if s.payload = text; text == nil {
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
		w.left = left
		return s.hearTime(sh, &w, h, clock, true)
	}
	if h.time = clock + w.trails[numbers].value; uint64(h.time-1) >= maxTime {
		return corrupt("a time is out of range")
	}
	return nil
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
