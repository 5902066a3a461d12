package pack

import (
	"bytes"
	"math/bits"
	"slices"
	"strings"
)

// A difference is what a number differs by from what was expected, and how many bits were: so it is written.
type difference struct {
	v    uint64
	step int64 // of a message that is as usual: how far the number has moved
	bits int32 // and how many bits v has
	size int32
}

// A plan says how a message to encode is told.
type plan struct {
	*Message
	shape    int
	follows  bool // it is the one that followed the one before
	fresh    bool // it is new
	kept     bool // it is in the table
	topic    int  // of a new shape, its parts; none for what is new itself
	bag      int
	skeleton int
	asBefore bool // all numbers have the usual format
	apart    bool // the payload was taken apart anew
	gap      uint64
}

func flagsOf(m *Message) byte {
	if m.Retain {
		return m.QoS | retainFlag
	}
	return m.QoS
}

// expects tells whether the next message most likely has this topic.
func (s *shaper) expects(topic string) bool {
	next := s.follower()
	return next != none && string(s.of(s.topics[s.shapes[next].topic])) == topic
}

// tell encodes a message, and returns its shape. The topic of the message is entry e of the index, or none if it is the expected one.
func (s *shaper) tell(m *Message, e int) int32 {
	if e == none {
		if next := s.follower(); s.heads(next, m) && s.quick(next, true, m) {
			return int32(next)
		}
	}
	return s.tellAll(m, e)
}

// tellAll encodes a message that is not as usual in all.
func (s *shaper) tellAll(m *Message, e int) int32 {
	p := plan{Message: m, gap: m.Sequence - s.sequence - 1, kept: true}
	following := s.following()
	if next := following.shape; e == none && s.heads(next, m) && s.matches(&s.shapes[next], m.Payload) {
		p.shape, p.follows, p.asBefore = next, true, true
	} else {
		if e == none {
			e = s.index.find(m.Topic)
		}
		if s.find(&p, &s.index.entries[e]) {
			return int32(p.shape)
		}
	}
	sh := &s.shapes[p.shape]
	timed := sh.timed == (m.Time != 0)
	sh.timed = m.Time != 0
	var w walk
	w.enter(&s.state, sh)
	quiet := s.differ(&w, m)

	usual := p.gap == 0 && s.started && p.asBefore && timed && quiet
	switch {
	case usual && p.follows:
		s.put(asFollows, 1)
	case usual && !p.fresh:
		s.put(asKnown, 2)
		s.place(p.shape, len(s.shapes))
	case usual && following.skeleton == p.skeleton && p.topic == none && p.bag == s.bag && sh.flags == s.flags && p.kept:
		s.put(asNew, 3)
		write(s, topicText, m.Topic, true)
	default:
		usual = false
		s.put(inFull, 3)
		s.full(&p, following)
	}
	if sh.skeleton == 0 {
		s.putNumber(uint64(len(m.Payload)), lengthBits)
		write(s, payloadText, m.Payload, false)
	}
	n := len(s.numbers)
	if sh.timed {
		n++
	}
	for i := range s.differences[:n] {
		if d := &s.differences[i]; !usual || d.size >= mostQuiet {
			s.putNumber(d.v, bitsFor(d.size))
		}
	}
	if p.apart || sh.skeleton == 0 { // a payload that is carried as text is told each time
		sh.pattern.length = 0
	} else {
		s.keepPattern(sh, w.trails, s.stands[:], m.Payload)
	}
	s.close(p.shape, p.fresh, p.kept)
	s.sequence = m.Sequence
	if e != none && p.kept {
		s.index.entries[e].shape = int32(p.shape)
	}
	return int32(p.shape)
}

// full tells all of a message but the numbers.
func (s *shaper) full(p *plan, following following) {
	sh := &s.shapes[p.shape]
	if s.flag(!p.fresh); !p.fresh {
		s.place(p.shape, len(s.shapes))
	} else {
		s.define(p, sh, following)
	}
	if s.started {
		if s.flag(p.gap == 0); p.gap != 0 {
			s.putNumber(p.gap-1, lengthBits)
		}
	}
	s.flag(p.Time != 0)
	if len(s.numbers) == 0 {
		return
	}
	if s.flag(p.asBefore); p.asBefore {
		return
	}
	for i, n := range s.numbers {
		if s.flag(s.parts.asBefore[i]); !s.parts.asBefore[i] {
			s.put(uint32(n.format), formatBits)
		}
	}
}

// define tells a new shape. Its parts that are new are the last of their tables.
func (s *shaper) define(p *plan, sh *shape, following following) {
	if s.flag(p.topic == none); p.topic == none {
		write(s, topicText, p.Topic, true)
	} else {
		s.place(p.topic, len(s.topics))
	}
	if s.flag(sh.flags == s.flags); sh.flags != s.flags {
		s.put(uint32(sh.flags), 3)
	}
	if s.flag(p.bag == s.bag); p.bag != s.bag {
		n := len(s.properties)
		if p.bag == none && sh.properties != none {
			n--
		}
		if p.bag != none {
			s.place(p.bag, n+1)
		} else {
			s.place(n, n+1)
			s.putNumber(uint64(len(p.Properties)), lengthBits)
			write(s, propertiesText, p.Properties, false)
		}
	}
	if following.skeleton != none {
		if s.flag(p.skeleton == following.skeleton); p.skeleton == following.skeleton {
			return
		}
	}
	n := len(s.skeletons)
	if p.skeleton == none {
		s.place(n-1, n)
		write(s, skeletonText, s.of(s.skeletons[n-1].text), true)
		return
	}
	s.place(p.skeleton, n+1)
}

// heads tells whether a message to encode has a shape, but for the payload.
func (s *shaper) heads(i int, m *Message) bool {
	sh := &s.shapes[i]
	if sh.flags != flagsOf(m) {
		return false
	}
	p := s.properties[sh.properties]
	return int(p.end-p.start) == len(m.Properties) && (p.start == p.end || string(s.of(p)) == string(m.Properties))
}

// matches takes apart a payload that has the skeleton of a shape, and its numbers written as they were.
func (s *shaper) matches(sh *shape, payload []byte) bool {
	trails, slots := s.numbersOf(sh)
	return s.fits(int(sh.skeleton), slots, trails, payload)
}

// fits takes apart a payload that has a skeleton, and its numbers in the formats of trails, or else slots.
func (s *shaper) fits(skeleton int, slots []slot, trails []trail, payload []byte) bool {
	s.numbers = s.numbers[:0]
	at := 0
	if skeleton == 0 {
		return !slices.ContainsFunc(payload, isDigit)
	}
	for i := range len(slots) - 1 {
		f := slots[i].format
		if trails != nil && trails[i].seen {
			f = trails[i].format
		}
		text := s.of(slots[i].before)
		if len(payload) <= len(text) || string(payload[:len(text)]) != string(text) {
			return false
		}
		var v int64
		n := 0
		if f.family() == instant {
			v, n = s.day.read(payload[len(text):], f)
		} else {
			v, n = f.read(payload[len(text):])
		}
		if n == 0 {
			return false
		}
		at += len(text)
		s.stands[i] = stand{uint16(at), uint16(at + n)}
		at += n
		s.numbers = append(s.numbers, number{v, f})
		payload = payload[len(text)+n:]
	}
	sk := &s.skeletons[skeleton]
	return string(payload) == string(s.texts[sk.rest:sk.text.end])
}

func (s *shaper) readNumber(b []byte, f format) (v int64, length int) {
	if f.family() == instant {
		return s.day.read(b, f)
	}
	return f.read(b)
}

// find looks for the shape of a message, or makes it.
func (s *shaper) find(p *plan, e *entry) (done bool) {
	if e.generation != s.index.generation {
		*e = entry{s.index.generation, none, none}
	}
	if i := int(e.shape); i != none && s.heads(i, p.Message) {
		if s.quick(i, i == s.follower(), p.Message) {
			p.shape = i
			return true
		}
		if s.matches(&s.shapes[i], p.Payload) {
			p.shape, p.asBefore, p.follows = i, true, i == s.follower()
			return false
		}
	}
	p.topic = int(e.topic)
	p.bag = s.findBag(p.Properties)
	if p.topic == none && s.last != none {
		p.skeleton = s.following().skeleton
		sk := &s.skeletons[p.skeleton]
		if p.asBefore = s.fits(p.skeleton, s.slots[sk.first:][:sk.numbers+1], nil, p.Payload); p.asBefore {
			s.create(p, p.skeleton, e)
			return false
		}
	}
	s.apart(p, e)
	return false
}

// apart takes a payload apart, and finds its shape or makes it.
func (s *shaper) apart(p *plan, e *entry) {
	p.apart = true
	s.parts.take(p.Payload)
	skeleton := 0
	if s.parts.ok {
		skeleton = s.findSkeleton(s.parts.skeleton)
		p.skeleton = skeleton
		if skeleton == none {
			var err error
			if skeleton, err = s.newSkeleton(s.parts.skeleton); err != nil {
				skeleton, p.skeleton, s.parts.tokens = 0, 0, s.parts.tokens[:0]
			}
		}
	} else {
		p.skeleton = 0
		s.parts.tokens = s.parts.tokens[:0]
	}
	if i := s.findShape(p, skeleton); i != none {
		p.shape, p.follows = i, i == s.follower()
	} else {
		s.create(p, skeleton, e)
	}
	var w walk
	w.enter(&s.state, &s.shapes[p.shape])
	s.numbers = s.numbers[:0]
	p.asBefore = true
	for i, t := range s.parts.tokens {
		f := w.usual(i)
		v, as := t.as(f)
		if !as {
			if f = t.format; p.skeleton != none {
				f = t.formatAfter(w.usual(i))
			}
			v, _ = t.as(f)
			p.asBefore = false
		}
		s.numbers = append(s.numbers, number{v, f})
		s.parts.asBefore[i] = as
	}
}

func (s *shaper) findBag(v []byte) int {
	for i, p := range s.properties {
		if string(s.of(p)) == string(v) {
			return i
		}
	}
	return none
}

func (s *shaper) findSkeleton(v []byte) int {
	for i := 1; i < len(s.skeletons); i++ {
		if bytes.Equal(s.of(s.skeletons[i].text), v) {
			return i
		}
	}
	return none
}

func (s *shaper) findShape(p *plan, skeleton int) int {
	if p.topic == none || p.bag == none {
		return none
	}
	for i := range s.shapes {
		if sh := &s.shapes[i]; int(sh.topic) == p.topic && int(sh.skeleton) == skeleton && int(sh.properties) == p.bag && sh.flags == flagsOf(p.Message) {
			return i
		}
	}
	return none
}

// create makes the shape of a message.
func (s *shaper) create(p *plan, skeleton int, e *entry) {
	topic, bag := p.topic, p.bag
	if topic == none {
		topic = newTopic(&s.state, p.Topic)
		e.topic = int32(topic)
	}
	if bag == none {
		bag = s.newBag(p.Properties)
	}
	p.fresh = true
	p.shape, p.kept = s.newShape(shape{topic: int32(topic), properties: int32(bag), skeleton: int32(skeleton), flags: flagsOf(p.Message), timed: s.wasTimed()})
}

// differ finds what each number of a message differs by from what was expected, and learns it. It tells whether no number does where none is expected to.
func (s *shaper) differ(w *walk, m *Message) (quiet bool) {
	var surprise uint64
	before := w.before()
	differences, slots, trails := s.differences[:len(s.numbers)], w.slots[:len(s.numbers)], w.trails[:len(s.numbers)]
	for i := range s.numbers {
		n, d, sl, t := &s.numbers[i], &differences[i], &slots[i], &trails[i]
		if t.seen || sl.format != n.format {
			w.to(i, n.format)
			surprise |= d.of(w, n.value)
			continue
		}
		// the first under its topic: what to, expect and learn do, in line
		t.format = n.format
		near := w.nearby(before, i, n.format)
		expected := sl.value
		if sl.lean > 0 {
			expected = near
		}
		d.v, d.size = zigzag(n.value-inRange(expected)), sl.newSize
		if d.size < mostQuiet {
			surprise |= d.v
		}
		sl.meet(t, n.value, near, int32(bits.Len64(d.v)))
		w.left = 0
	}
	if m.Time != 0 {
		clock := int64(0)
		for i := range s.numbers {
			if clock = milliseconds(s.numbers[i]); clock != 0 {
				break
			}
		}
		w.to(w.time(), 0)
		surprise |= s.differences[len(s.numbers)].of(w, m.Time-clock)
	}
	return surprise == 0
}

// of finds the difference of a number. What it returns is not 0 if there is one where none is expected.
func (d *difference) of(w *walk, v int64) (surprise uint64) {
	expected, size := w.expect()
	d.v, d.size = zigzag(v-expected), size
	w.learn(v, d.v)
	if size < mostQuiet {
		return d.v
	}
	return 0
}

// index finds the topics that an encoder has met, in this block and others.
type index struct {
	places     map[string]int32
	entries    []entry
	generation uint32 // a block has one of its own
}

// An entry is what a block knows of a topic.
type entry struct {
	generation   uint32
	topic, shape int32 // its place, and that of its latest shape
}

// maxIndex is how many topics an encoder knows.
const maxIndex = 4096

func (x *index) reset() {
	if x.generation++; len(x.entries) > maxIndex || x.generation == 0 {
		*x = index{generation: 1}
	}
	if x.places == nil {
		x.places = map[string]int32{}
	}
}

// find is the entry of a topic, or none if it is no Topic Name.
func (x *index) find(topic string) int {
	i, ok := x.places[topic]
	if !ok {
		if !validTopic(topic) {
			return none
		}
		i = int32(len(x.entries))
		x.places[strings.Clone(topic)] = i
		x.entries = append(x.entries, entry{})
	}
	return int(i)
}

// parts is a payload taken apart.
type parts struct {
	tokens   []token
	skeleton []byte
	ok       bool             // it has a skeleton
	asBefore [maxNumbers]bool // the format of a number is the usual one
}

func (p *parts) take(payload []byte) {
	p.skeleton, p.tokens, p.ok = split(p.skeleton[:0], p.tokens[:0], payload)
}
