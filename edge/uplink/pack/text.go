package pack

import (
	"slices"
	"sync"
)

// text is the model of strings: topics, skeletons, properties, payloads that have no skeleton. A string is told by turns as a stretch that stands in those before
// it (as in LZ77, J. Ziv and A. Lempel 1977) and as a byte that does not. Where the stretch stands follows from what is behind it, the two bytes before or the kind of
// string, so that its length alone is told (LZP, C. Bloom 1996).
type text struct {
	seen    []byte               // what was coded, in a ring of 64 KiB; place 0 stays empty
	stretch [kinds]int           // how long the first stretch of the last string of a kind was
	at      int                  // where the next byte goes
	begun   [kinds]uint16        // where the string of a kind began that was the last
	behind  [1 << twoBits]uint16 // what followed two bytes stands there
}

const (
	ringSize = 1 << 16
	twoBits  = 9
)

// Which kind of string it is stands before its first byte in the ring.
const (
	topicText = iota
	skeletonText
	propertiesText
	payloadText
	kinds
)

// end stands behind a topic and a skeleton. It occurs in no UTF-8.
const end = 0xff

// lessons are what the model has seen when a block begins: words of topics and payloads. A change of them is a change of the format.
var lessons = []struct {
	kind byte
	text string
}{
	{topicText, "sensor/status/battery"},
	{topicText, "sensor/pressure"},
	{topicText, "sensor/humidity"},
	{topicText, "sensor/temperature"},
	{skeletonText, "{\"id\":\x00,\"ts\":\x00,\"battery\":\x00,\"voltage\":\x00,\"rssi\":-\x00,\"temperature\":\x00,\"humidity\":\x00,\"pressure\":\x00}"},
	{skeletonText, "{\"time\":\"\x00Z\",\"values\":{\"temperature\":{\"value\":\x00,\"unit\":\"%\"}}}"},
	{skeletonText, "{\"value\":\x00,\"unit\":\"\u00b0C\",\"time\":\"\x00Z\",\"quality\":\"good\"}"},
}

// taught is the model after the lessons.
var taught = sync.OnceValue(func() *text {
	t := &text{seen: make([]byte, 1, 512), at: 1}
	for _, p := range lessons {
		t.spell(p.kind)
		for _, b := range append([]byte(p.text), end) {
			t.follow()
			t.add(b)
		}
	}
	return t
})

func (t *text) reset() {
	t.goOn(taught())
}

func (t *text) goOn(p *text) {
	t.seen = append(t.seen[:0], p.seen...)
	t.stretch, t.at, t.begun = p.stretch, p.at, p.begun
	copy(t.behind[:], p.behind[:])
}

// reach makes room for n bytes, as far as there is any: what is there is not theirs and not to be read.
func (t *text) reach(n int) {
	if more := min(t.at+n, ringSize) - len(t.seen); more > 0 {
		t.seen = slices.Grow(t.seen, more)[:len(t.seen)+more]
	}
}

// spelled cuts off the room that was not needed.
func (t *text) spelled() {
	if len(t.seen) < ringSize {
		t.seen = t.seen[:t.at]
	}
}

// follow says where stands what followed the last two bytes before; 0: nowhere. From now on it is what comes next.
func (t *text) follow() (from int) {
	at, seen := t.at, t.seen
	a, b := seen[at-1], seen[max(at-2, 0)] // before place 0 there is none but itself
	place := &t.behind[(uint32(a)<<8|uint32(b))*0x9e3779b1>>(32-twoBits)]
	from = int(*place)
	*place = uint16(at)
	if from == 0 || seen[from-1] != a || seen[max(from-2, 0)] != b {
		return 0
	}
	return from
}

// after is the place after one.
func after(at int) int {
	if at++; at == ringSize {
		return 1
	}
	return at
}

// add puts a byte where it is found again.
func (t *text) add(b byte) {
	if t.at == len(t.seen) {
		t.seen = append(t.seen, b)
	} else {
		t.seen[t.at] = b
	}
	t.at = after(t.at)
}

// literals are the bytes that are expected most: the first 16 take 5 bits, as many more 6, the other 32 take 8, and a byte that is not here 11.
const literals = "etaionrslducmp\"/" + "hgbvfy:,\x00\xff012345" + "6789wk_-{}[]. %zxjqTSCPHVAMIRBKL"

// literalPlaces are the places of bytes in literals.
var literalPlaces = func() (p [256]byte) {
	for i := range p {
		p[i] = byte(len(literals))
	}
	for i := range len(literals) {
		p[literals[i]] = byte(i)
	}
	return p
}()

// putLiteral writes a byte. strange says that the one before it in the string was not in literals; it returns whether this is another.
func (c *coder) putLiteral(b byte, strange bool) bool {
	i := uint32(literalPlaces[b])
	other := i == uint32(len(literals))
	if strange {
		c.flag(other)
	}
	switch {
	case strange && other:
		c.put(uint32(b), 8)
	case other:
		c.put(uint32(b)<<3|7, 11)
	case i < 16:
		c.put(i<<1, 5)
	case i < 32:
		c.put((i-16)<<2|1, 6)
	default:
		c.put((i-32)<<3|3, 8)
	}
	return other
}

func (c *coder) takeLiteral(strange bool) (b byte, other bool) {
	if strange && c.take(1) != 0 {
		return byte(c.take(8)), true
	}
	switch v := c.pending; {
	case v&1 == 0:
		c.drop(5)
		return literals[v>>1&15], false
	case v&2 == 0:
		c.drop(6)
		return literals[16+v>>2&15], false
	case v&4 == 0:
		c.drop(8)
		return literals[32+v>>3&31], false
	default:
		c.drop(11)
		return byte(v >> 3), true
	}
}

// The number of bytes of a stretch has about so many bits at the beginning of a string, and behind a byte.
const (
	firstStretch = 3
	otherStretch = 1
)

// A spelling goes through a string.
type spelling struct {
	*text
	kind  byte
	first bool // nothing of it was coded yet
	from  int  // where its next bytes most likely stand; 0: nowhere
	aside int  // where they stand if the byte is another than there
	other bool // the byte before was none of literals
}

func (t *text) spell(kind byte) spelling {
	from := int(t.begun[kind])
	t.add(kind)
	t.begun[kind] = uint16(t.at)
	return spelling{text: t, kind: kind, first: true, from: from}
}

// next goes on behind a byte.
func (p *spelling) next() {
	if p.from = p.follow(); p.from == 0 {
		p.from = p.aside
	}
	p.aside, p.first = 0, false
}

// write encodes a string; if it is ended, its end goes behind it.
func write[T string | []byte](s *shaper, kind byte, v T, ended bool) {
	if len(v) == 0 && !ended {
		return
	}
	s.text.reach(len(v) + 2)
	p := s.text.spell(kind)
	for i := 0; ; {
		if p.from != 0 {
			n := i + stretch(&p, v[i:])
			whole := n == len(v) && (!ended || p.seen[p.from] == end)
			if s.flag(whole); whole {
				break
			}
			if p.first {
				s.putFirst(&p, n-i)
			} else {
				s.putNumber(uint64(n-i), otherStretch)
			}
			if p.aside = 0; n > i {
				p.follow()
				p.aside, p.other = after(p.from), false
			}
			i = n
		}
		b := byte(end)
		if i < len(v) {
			b = v[i]
		}
		p.other = s.putLiteral(b, p.other)
		p.add(b)
		if i++; i > len(v) || i == len(v) && !ended {
			s.text.spelled()
			return
		}
		p.next()
	}
	if ended {
		p.add(end)
	}
	s.text.spelled()
}

// stretch adds the bytes of v that are as expected, and counts them. They may reach over their own beginning, as in a row of zeros.
func stretch[T string | []byte](p *spelling, v T) (n int) {
	for n < len(v) {
		room := min(len(v)-n, ringSize-p.at, ringSize-p.from)
		from, to, rest := p.seen[p.from:][:room], p.seen[p.at:][:room], v[n:][:room]
		i := 0
		for ; i < len(from) && from[i] == rest[i]; i++ {
			to[i] = from[i]
		}
		p.pass(i)
		if n += i; i < room {
			break
		}
	}
	return n
}

// pass goes on behind n bytes that were expected, and no further than the end of the ring.
func (p *spelling) pass(n int) {
	if p.at += n; p.at == ringSize {
		p.at = 1
	}
	if p.from += n; p.from == ringSize {
		p.from = 1
	}
}

// putFirst writes the length of a stretch at the beginning, which is most likely as long as in the string of its kind before.
func (c *coder) putFirst(p *spelling, n int) {
	same := n == p.stretch[p.kind]
	if c.flag(same); !same {
		c.putNumber(uint64(n), firstStretch)
	}
	p.stretch[p.kind] = n
}

func (c *coder) takeStretch(p *spelling) uint64 {
	if !p.first {
		return c.takeNumber(otherStretch)
	}
	if c.take(1) != 0 {
		return uint64(p.stretch[p.kind])
	}
	n := c.takeNumber(firstStretch)
	p.stretch[p.kind] = int(n) // which is as long as the string at most, or an error follows
	return n
}

// read decodes a string of n bytes, or one that is ended and has n bytes at most, and appends it to dst.
func read(s *shaper, kind byte, dst []byte, n int, ended bool) ([]byte, error) {
	if n == 0 && !ended {
		return dst, nil
	}
	p := s.text.spell(kind)
	most := len(dst) + n
	for {
		if p.from != 0 {
			whole, stretch := s.take(1) != 0, most-len(dst)
			if !whole {
				told := s.takeStretch(&p)
				if told > uint64(stretch) {
					return dst, tooLong(n)
				}
				stretch = int(told)
			}
			start := len(dst)
			stop := -1 // a byte that ends the stretch
			if ended {
				stop = end
			}
			dst, stretch = p.read(dst, stretch, stop)
			switch {
			case whole && ended && p.seen[p.from] == end:
				p.add(end)
				return dst, nil
			case stretch > 0 || whole && ended:
				return dst, tooLong(n)
			case whole:
				return dst, nil
			}
			if p.aside = 0; len(dst) > start {
				p.follow()
				p.aside, p.other = after(p.from), false
			}
		}
		b, other := s.takeLiteral(p.other)
		p.other = other
		p.add(b)
		switch {
		case b == end && ended:
			return dst, nil
		case len(dst) == most:
			return dst, tooLong(n)
		}
		if dst = append(dst, b); len(dst) == most && !ended {
			return dst, nil
		}
		p.next()
	}
}

func tooLong(n int) error { return corrupt("a text is longer than %d bytes, or not there", n) }

// read adds n bytes that are as expected, and appends them to dst. It returns how many are left when stop is next.
func (p *spelling) read(dst []byte, n, stop int) ([]byte, int) {
	const most = 256 // bytes that room is made for: n may be much more than there are
	for n > 0 {
		room := min(n, most, ringSize-p.at, ringSize-p.from)
		p.reach(room)
		from, to := p.seen[p.from:][:room], p.seen[p.at:][:room]
		i := 0
		for ; i < len(from) && int(from[i]) != stop; i++ {
			to[i] = from[i]
		}
		dst = append(dst, to[:i]...)
		p.pass(i)
		if n -= i; i < room {
			break
		}
	}
	return dst, n
}
