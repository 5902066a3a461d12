package pack

import (
	"slices"
	"strings"
)

// A shaper is the shape coder in both directions: encoding, it reads the messages it is given; decoding, it fills them in.
type shaper struct {
	coder
	text   text
	models models

	topics, properties []string
	skeletons          []*skeleton // beyond the length are some to use again, so with the shapes
	shapes             []*shape
	none               skeleton
	slots              int // of all skeletons
	index              index

	// the message before
	started  bool // there is one
	usual    bool // of the message in hand only the numbers are to be told
	shape    *shape
	numbers  []number
	sequence uint64
	time     number // the latest that is known
	timed    bool   // it is that of this message
	// the shape that was new last
	flags    byte
	property int

	parts parts    // the message to encode
	now   []number // those of the message in hand
	out   []byte   // its payload, decoded
	left  int      // bytes that may still be decoded
}

// reset begins a block whose first message has the sequence first.
func (s *shaper) reset(first uint64) {
	s.text.reset()
	s.models = *unlearned()
	s.topics, s.properties = s.topics[:0], append(s.properties[:0], "")
	s.skeletons, s.shapes, s.slots = s.skeletons[:0], s.shapes[:0], 0
	s.none = skeleton{slots: append(s.none.slots[:0], timeSlot())}
	s.index.reset()

	s.started, s.shape, s.numbers, s.sequence, s.time, s.timed = false, nil, s.numbers[:0], first, number{}, false
	s.flags, s.property = 0, 0
}

// expects tells whether the next message most likely has this topic.
func (s *shaper) expects(topic string) bool {
	return s.shape != nil && s.shape.next != nil && s.shape.next.topic == topic
}

// message codes one message.
func (s *shaper) message(m *Message) error {
	before := s.shape
	sh, err := s.asUsual(m)
	if sh == nil {
		sh, err = s.which(m)
	}
	if err != nil {
		return err
	}
	if err := s.sequel(m); err != nil {
		return err
	}
	var donor *skeleton
	if before != nil {
		donor = before.skeleton
	}
	s.now = s.now[:0]
	if sh.skeleton == &s.none {
		s.out, err = counted(s, payloadText, m.Payload, s.out[:0])
	} else {
		err = s.payload(sh, donor)
	}
	if err != nil {
		return err
	}
	if err := s.published(sh, donor, m); err != nil {
		return err
	}
	s.numbers, s.now = s.now, s.numbers
	s.started = true
	if s.decoding {
		m.Topic, m.QoS, m.Retain = sh.topic, sh.flags&3, sh.flags&retainFlag != 0
		m.Payload, m.Properties = s.out, []byte(sh.properties)
	}
	return nil
}

// sequel codes the sequence.
func (s *shaper) sequel(m *Message) error {
	if s.usual {
		s.sequence++
		if s.sequence == 0 {
			return corrupt("sequences begin anew")
		}
	} else if s.started {
		gap := s.count(&s.models.gap, m.Sequence-s.sequence-1)
		next := s.sequence + gap + 1
		if next <= s.sequence {
			return corrupt("sequences begin anew")
		}
		s.sequence = next
	}
	m.Sequence = s.sequence
	return nil
}

// payload codes one that has a skeleton.
func (s *shaper) payload(sh *shape, donor *skeleton) error {
	var left number
	for i := range len(sh.trails) - 1 {
		p := place{slot: &sh.skeleton.slots[i], trail: &sh.trails[i], left: left}
		if donor != nil && i < len(donor.slots)-1 {
			p.donor = &donor.slots[i]
		}
		if i < len(s.numbers) {
			p.before = s.numbers[i]
		}
		n := s.write(&p, i)
		if !n.format.valid() {
			return corrupt("a number has the unknown format %d", n.format)
		}
		n.value = s.value(&p, n)
		if inRange(n.value) != n.value || !n.format.fits(n.value) {
			return corrupt("a number is out of range")
		}
		s.now = append(s.now, n)
		left = n
	}
	if s.decoding {
		s.out = sh.skeleton.append(s.out[:0], s.now)
	}
	return nil
}

// write codes how number i of the payload is written; encoding, it finds its value too.
func (s *shaper) write(p *place, i int) (n number) {
	n.format = p.slot.format
	if p.trail.seen {
		n.format = p.trail.format
	}
	as := true
	if !s.decoding {
		n.value, as = s.parts.tokens[i].as(n.format)
	}
	if s.usual || s.decide(&p.slot.asUsual, flag(as)) != 0 {
		return n
	}
	if !s.decoding {
		n.format = s.parts.tokens[i].formatAfter(n.format)
		n.value, _ = s.parts.tokens[i].as(n.format)
	}
	n.format = format(s.tree(s.models.format[:], uint32(n.format), formatBits))
	return n
}

// append puts numbers into a skeleton.
func (sk *skeleton) append(dst []byte, numbers []number) []byte {
	text := sk.text
	for i := range numbers {
		at := strings.IndexByte(text, numberHere)
		dst = append(dst, text[:at]...)
		dst = numbers[i].format.append(dst, numbers[i].value)
		text = text[at+1:]
	}
	return append(dst, text...)
}

// published codes the time of the message, to whose left the first number of the payload stands that looks like one.
func (s *shaper) published(sh *shape, donor *skeleton, m *Message) error {
	if !s.usual {
		s.timed = s.decide(&s.models.timed[flag(s.timed)], flag(m.Time != 0)) != 0
	}
	if !s.timed {
		m.Time = 0
		return nil
	}
	i := len(sh.trails) - 1
	p := place{slot: &sh.skeleton.slots[i], trail: &sh.trails[i], before: s.time}
	if donor != nil {
		p.donor = &donor.slots[len(donor.slots)-1]
	}
	for _, n := range s.now {
		if ms, ok := milliseconds(&n); ok {
			p.left.value = ms
			break
		}
	}
	m.Time = s.value(&p, number{value: m.Time})
	if m.Time <= 0 || m.Time > maxTime {
		return corrupt("a time is out of range")
	}
	s.time.value = m.Time
	return nil
}

// counted codes a string of any bytes behind its length; decoding, it is appended to dst.
func counted(s *shaper, kind byte, from []byte, dst []byte) ([]byte, error) {
	n := s.count(&s.models.lengths[kind-propertiesText], uint64(len(from)))
	s.text.begin(kind)
	if !s.decoding {
		for _, b := range from {
			s.text.code(&s.coder, b)
		}
		return dst, nil
	}
	if n > uint64(s.left) {
		return dst, errTooMuch
	}
	dst = slices.Grow(dst, int(min(n, 4096)))
	for range n {
		dst = append(dst, s.text.code(&s.coder, 0))
	}
	return dst, nil
}

// ended codes a string in which end does not occur; decoding, it is appended to dst.
func ended[T string | []byte](s *shaper, kind byte, from T, dst []byte, most int) ([]byte, error) {
	s.text.begin(kind)
	if !s.decoding {
		for i := range len(from) {
			s.text.code(&s.coder, from[i])
		}
		s.text.code(&s.coder, end)
		return dst, nil
	}
	for n := 0; ; n++ {
		b := s.text.code(&s.coder, 0)
		switch {
		case b == end:
			return dst, nil
		case n >= most:
			return dst, corrupt("a text is longer than %d bytes", most)
		case n >= s.left:
			return dst, errTooMuch
		}
		dst = append(dst, b)
	}
}
