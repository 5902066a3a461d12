package pack

import (
	"math"
	"math/bits"
)

// heard is what was decoded of a message. It is good until the next.
type heard struct {
	payload  []byte
	time     int64
	sequence uint64
	shape    int // in the table; one that is in none is new
	fresh    bool
	saying   // of a shape that is new
}

// saying is what a shape says of its messages, besides their payloads.
type saying struct {
	topic, properties []byte
	flags             byte
}

func (s *state) saying(sh *shape) saying {
	says := saying{s.stray.topic, s.stray.properties, sh.flags}
	if sh.topic != none {
		says.topic = s.of(s.topics[sh.topic])
	}
	if sh.properties != none {
		says.properties = s.of(s.properties[sh.properties])
	}
	return says
}

// hear decodes a message.
func (s *shaper) hear(h *heard) error {
	following := s.following()
	if next := following.shape; next != none && s.pending&asFollows != 0 && s.hasPattern(&s.shapes[next]) && s.sequence != math.MaxUint64 {
		s.drop(1)
		return s.hearNext(next, h)
	}
	at, fresh, kept, usual, err := s.hearWhich(following)
	if err != nil {
		return err
	}
	if err := s.hearSequence(usual); err != nil {
		return err
	}
	sh := &s.shapes[at]
	if !usual {
		sh.timed = s.take(1) == 1
	}
	if err := s.hearPayload(sh, h, usual); err != nil {
		return err
	}
	h.shape, h.fresh, h.payload, h.sequence = at, fresh, s.payload, s.sequence
	if fresh {
		h.saying = s.saying(sh)
	}
	s.close(at, fresh, kept)
	return nil
}

// hearWhich decodes how a message is told, and its shape.
func (s *shaper) hearWhich(following following) (at int, fresh, kept, usual bool, err error) {
	at, kept, usual = following.shape, true, true
	switch {
	case s.take(1) == 1:
	case s.take(1) == 1:
		at = s.takePlace(max(len(s.shapes), 1))
	case s.take(1) == 1:
		fresh = true
		at, kept, err = s.hearNew(following)
	case s.take(1) == 1:
		usual = false
		at = s.takePlace(max(len(s.shapes), 1))
	default:
		fresh, usual = true, false
		at, kept, err = s.hearShape(following)
	}
	if err == nil && (at == none || at >= len(s.shapes)) {
		err = corrupt("shape %d of %d", at, len(s.shapes))
	}
	return at, fresh, kept, usual, err
}

// hearNew decodes a shape of which only the topic is new.
func (s *shaper) hearNew(following following) (at int, kept bool, err error) {
	if following.skeleton == none || len(s.topics) >= maxTopics {
		return 0, false, corrupt("a new topic behind nothing, or too many")
	}
	topic, err := s.hearTopic()
	if err != nil {
		return 0, false, err
	}
	at, kept = s.newShape(shape{topic: int32(topic), properties: int32(s.bag), skeleton: int32(following.skeleton), flags: s.flags, timed: s.wasTimed()})
	return at, kept, nil
}

// hearNext decodes a message that is as usual, of the shape that followed last time, which has a pattern.
func (s *shaper) hearNext(next int, h *heard) error {
	if err := s.hearQuick(&s.shapes[next], h); err != nil {
		return err
	}
	s.sequence++
	s.last = next
	h.shape, h.fresh, h.payload, h.sequence = next, false, s.payload, s.sequence
	return nil
}

func (s *shaper) hearSequence(usual bool) error {
	gap := uint64(0)
	if !usual && s.started && s.take(1) == 0 {
		gap = min(s.takeNumber(lengthBits), math.MaxInt64) + 1
	}
	next := s.sequence + gap + 1
	if s.started && next <= s.sequence {
		return corrupt("sequences begin anew")
	}
	s.sequence = next
	return nil
}

// hearTopic decodes a new topic, which may be no Topic Name.
func (s *shaper) hearTopic() (int, error) {
	var err error
	if s.out, err = read(s, topicText, s.out[:0], min(maxTopic, s.left), true); err != nil {
		return none, err
	}
	return newTopic(&s.state, s.out), nil
}

// hearShape decodes a new shape.
func (s *shaper) hearShape(following following) (at int, kept bool, err error) {
	sh := shape{flags: s.flags, timed: s.wasTimed()}
	topic := 0
	if s.take(1) == 1 {
		topic, err = s.hearTopic()
	} else if topic = s.takePlace(max(len(s.topics), 1)); topic >= len(s.topics) {
		err = corrupt("topic %d of %d", topic, len(s.topics))
	}
	if err != nil {
		return 0, false, err
	}
	if s.take(1) == 0 {
		if sh.flags = byte(s.take(3)); sh.flags&3 == 3 {
			return 0, false, corrupt("QoS 3")
		}
	}
	bag := s.bag
	if s.take(1) == 0 {
		if bag, err = s.hearBag(); err != nil {
			return 0, false, err
		}
	}
	sk := following.skeleton
	if sk == none || s.take(1) == 0 {
		if sk, err = s.hearSkeleton(); err != nil {
			return 0, false, err
		}
	}
	sh.topic, sh.properties, sh.skeleton = int32(topic), int32(bag), int32(sk)
	at, kept = s.newShape(sh)
	return at, kept, nil
}

func (s *shaper) hearBag() (int, error) {
	n := len(s.properties)
	if i := s.takePlace(n + 1); i < n {
		return i, nil
	} else if i > n {
		return 0, corrupt("properties %d of %d", i, n)
	}
	if err := s.hearCounted(propertiesText); err != nil {
		return 0, err
	}
	return s.newBag(s.out), nil
}

// hearCounted decodes a string behind its length.
func (s *shaper) hearCounted(kind byte) (err error) {
	n := s.takeNumber(lengthBits)
	if n > uint64(s.left) {
		return errTooMuch
	}
	s.out, err = read(s, kind, s.out[:0], int(n), false)
	return err
}

func (s *shaper) hearSkeleton() (int, error) {
	n := len(s.skeletons)
	if i := s.takePlace(n + 1); i < n {
		return i, nil
	} else if i > n {
		return 0, corrupt("skeleton %d of %d", i, n)
	}
	var err error
	if s.out, err = read(s, skeletonText, s.out[:0], min(maxSkeleton, s.left), true); err != nil {
		return 0, err
	}
	return s.newSkeleton(s.out)
}

// hearFormats decodes the formats of the numbers.
func (s *shaper) hearFormats(w *walk) error {
	for i := range len(w.trails) - 1 {
		f := w.usual(i)
		if s.take(1) == 0 {
			f = format(s.take(formatBits))
		}
		if !f.valid() {
			return corrupt("a number has the unknown format %d", f)
		}
		s.formats[i] = f
	}
	return nil
}

// hearPayload decodes the payload and the time of a message.
func (s *shaper) hearPayload(sh *shape, h *heard, usual bool) error {
	if usual && s.hasPattern(sh) {
		return s.hearQuick(sh, h)
	}
	w := &walk{}
	w.enter(&s.state, sh)
	asBefore := true
	if numbers := len(w.trails) - 1; !usual && numbers > 0 && s.take(1) == 0 {
		asBefore = false
		if err := s.hearFormats(w); err != nil {
			return err
		}
	}
	clock, err := int64(0), error(nil)
	if sh.skeleton == 0 {
		err = s.hearCounted(payloadText)
		s.payload = s.out
	} else {
		clock, err = s.hearNumbers(sh, w, asBefore, usual)
	}
	if err != nil {
		return err
	}
	return s.hearTime(sh, w, h, clock, usual)
}

// hearTime decodes the time of a message, as far as it is from the one in the payload.
func (s *shaper) hearTime(sh *shape, w *walk, h *heard, clock int64, usual bool) error {
	h.time = 0
	if !sh.timed {
		return nil
	}
	w.to(w.time(), 0)
	if h.time = clock + s.value(w, usual); uint64(h.time-1) >= maxTime {
		return corrupt("a time is out of range")
	}
	return nil
}

// hearNumbers decodes the numbers of a payload.
func (s *shaper) hearNumbers(sh *shape, w *walk, asBefore, usual bool) (clock int64, err error) {
	before := w.before()
	for i := range len(w.trails) - 1 {
		f := w.usual(i)
		if !asBefore {
			f = s.formats[i]
		}
		n := number{format: f}
		if sl, t := &w.slots[i], &w.trails[i]; t.seen || sl.format != f {
			w.to(i, f)
			n.value = s.value(w, usual)
		} else { // the first under its topic: what these do, in line
			t.format = f
			near := w.nearby(before, i, f)
			expected := sl.value
			if sl.lean > 0 {
				expected = near
			}
			n.value = inRange(expected)
			d := uint64(0)
			if !usual || sl.newSize >= mostQuiet {
				d = s.takeNumber(bitsFor(sl.newSize))
				n.value += unzigzag(d)
			}
			sl.meet(t, n.value, near, int32(bits.Len64(d)))
			w.left = 0
		}
		if inRange(n.value) != n.value || f > shortest+maxDecimals && !f.fits(n.value) {
			return 0, corrupt("a number is out of range")
		}
		if clock == 0 {
			clock = milliseconds(n)
		}
	}
	s.renderAll(sh, w)
	return clock, nil
}

// value decodes a number.
func (s *shaper) value(w *walk, usual bool) int64 {
	v, size := w.expect()
	var d uint64
	if !usual || size >= mostQuiet {
		d = s.takeNumber(bitsFor(size))
		v += unzigzag(d)
	}
	w.learn(v, d)
	return v
}
