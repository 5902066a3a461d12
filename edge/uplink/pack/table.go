package pack

import (
	"slices"
	"strings"
)

// parts is a message to encode, taken apart.
type parts struct {
	tokens   []token
	skeleton []byte
	ok       bool // it has a skeleton
}

func (p *parts) take(payload []byte) {
	p.skeleton, p.tokens, p.ok = split(p.skeleton[:0], p.tokens[:0], payload)
}

// index finds what is in the tables, for an encoder.
type index struct {
	topics, properties, skeletons map[string]int
	shapes                        map[key]*shape
}

func (x *index) reset() {
	if x.topics == nil {
		*x = index{map[string]int{}, map[string]int{}, map[string]int{}, map[key]*shape{}}
	}
	clear(x.topics)
	clear(x.properties)
	clear(x.skeletons)
	clear(x.shapes)
}

func flagsOf(m *Message) byte {
	if m.Retain {
		return m.QoS | retainFlag
	}
	return m.QoS
}

// heads tells whether a message to encode has this shape, but for the payload.
func (sh *shape) heads(m *Message) bool {
	return sh.topic == m.Topic && sh.flags == flagsOf(m) && sh.properties == string(m.Properties)
}

// is tells whether a message to encode has this shape.
func (sh *shape) is(m *Message, p *parts) bool {
	if !sh.heads(m) {
		return false
	}
	if sh.skeleton.number == 0 {
		return !p.ok
	}
	return p.ok && sh.skeleton.text == string(p.skeleton)
}

// asUsual codes whether the message has the shape that followed last time, the next sequence, its numbers written as they were, and a time if the one before had.
// If not, the shape is nil.
func (s *shaper) asUsual(m *Message) (*shape, error) {
	s.usual = false
	if s.shape == nil || s.shape.next == nil {
		return nil, nil
	}
	sh := s.shape.next
	is := !s.decoding && m.Sequence == s.sequence+1 && s.timed == (m.Time != 0) && sh.heads(m) && s.parts.match(sh, m.Payload)
	if s.usual = s.decide(&s.models.usual, flag(is)) != 0; !s.usual {
		return nil, nil
	}
	s.shape = sh
	return sh, nil
}

// match takes apart a payload that has the skeleton of a shape, and its numbers written as they were.
func (p *parts) match(sh *shape, payload []byte) bool {
	p.tokens, p.ok = p.tokens[:0], true
	if sh.skeleton.number == 0 {
		p.take(payload)
		return !p.ok
	}
	text := sh.skeleton.text
	for i := range len(sh.trails) - 1 {
		f := sh.trails[i].format
		if !sh.trails[i].seen {
			f = sh.skeleton.slots[i].format
		}
		at := strings.IndexByte(text, numberHere)
		if len(payload) <= at || string(payload[:at]) != text[:at] {
			return false
		}
		v, length := f.read(payload[at:])
		if length == 0 {
			return false
		}
		p.tokens = append(p.tokens, token{v, f, length})
		payload, text = payload[at+length:], text[at+1:]
	}
	return string(payload) == text
}

// which codes the shape of a message.
func (s *shaper) which(m *Message) (*shape, error) {
	var expected, sh *shape
	if s.shape != nil {
		expected = s.shape.next
	}
	var k key
	if !s.decoding {
		s.parts.take(m.Payload)
		if expected != nil && expected.is(m, &s.parts) {
			sh = expected
		} else {
			k = s.find(m)
			sh = s.index.shapes[k]
		}
	}
	if expected != nil && s.decide(&s.models.follows, flag(sh == expected)) != 0 {
		s.shape = expected
		return expected, nil
	}
	var err error
	if s.decide(&s.models.isNew[flag(expected != nil)], flag(sh == nil)) != 0 {
		sh, err = s.define(m, k)
	} else {
		sh, err = s.known(sh)
	}
	if err != nil {
		return nil, err
	}
	if s.shape != nil && sh.place >= 0 {
		s.shape.next = sh
	}
	s.shape = sh
	return sh, nil
}

// find looks up where the parts of a message are in the tables; -1: nowhere yet.
func (s *shaper) find(m *Message) key {
	k := key{topic: -1, properties: -1, skeleton: -1, flags: flagsOf(m)}
	if i, ok := s.index.topics[m.Topic]; ok {
		k.topic = i
	}
	if len(m.Properties) == 0 {
		k.properties = 0
	} else if i, ok := s.index.properties[string(m.Properties)]; ok {
		k.properties = i
	}
	if !s.parts.ok {
		k.skeleton = 0
	} else if i, ok := s.index.skeletons[string(s.parts.skeleton)]; ok {
		k.skeleton = i
	} else if len(s.skeletons) >= maxSkeletons || s.slots+len(s.parts.tokens)+1 > maxSlots {
		k.skeleton, s.parts.ok = 0, false
	}
	return k
}

// known codes a shape by its place in the table.
func (s *shaper) known(sh *shape) (*shape, error) {
	var i uint64
	if !s.decoding {
		i = uint64(sh.place)
	}
	if i = s.count(&s.models.shape, i); i >= uint64(len(s.shapes)) {
		return nil, corrupt("shape %d of %d", i, len(s.shapes))
	}
	return s.shapes[i], nil
}

// define codes a new shape.
func (s *shaper) define(m *Message, k key) (*shape, error) {
	topic, err := s.topic(m.Topic, &k)
	if err != nil {
		return nil, err
	}
	if s.decide(&s.models.sameFlags, flag(k.flags == s.flags)) != 0 {
		k.flags = s.flags
	} else if k.flags = byte(s.tree(s.models.flags[:], uint32(k.flags), 3)); k.flags&3 == 3 {
		return nil, corrupt("QoS 3")
	}
	s.flags = k.flags
	properties, err := s.bag(m.Properties, &k)
	if err != nil {
		return nil, err
	}
	sk, err := s.skeleton(&k)
	if err != nil {
		return nil, err
	}
	if s.shape != nil {
		s.shape.skeleton.next = sk
	}
	sh := s.newShape(k)
	sh.key, sh.topic, sh.properties, sh.skeleton = k, topic, properties, sk
	sh.trails = slices.Grow(sh.trails[:0], len(sk.slots))[:len(sk.slots)]
	clear(sh.trails)
	return sh, nil
}

// newShape is the next place in the table. If there is none, or a part of it is in no table, the shape is for one message.
func (s *shaper) newShape(k key) *shape {
	n := len(s.shapes)
	if n >= maxShapes || k.topic < 0 || k.properties < 0 {
		return &shape{place: -1}
	}
	s.shapes = slices.Grow(s.shapes, 1)[:n+1]
	if s.shapes[n] == nil {
		s.shapes[n] = &shape{}
	}
	sh := s.shapes[n]
	sh.place, sh.next = n, nil
	if !s.decoding {
		s.index.shapes[k] = sh
	}
	return sh
}

// again is b as a string, which the place in the table may have had before: an encoder decodes what it has coded.
func again(was string, b []byte) string {
	if was == string(b) {
		return was
	}
	return string(b)
}

// topic codes one by its place in the table, or as a new one.
func (s *shaper) topic(v string, k *key) (string, error) {
	if s.decide(&s.models.newTopic, flag(k.topic < 0)) == 0 {
		i := s.count(&s.models.topic, uint64(k.topic))
		if i >= uint64(len(s.topics)) {
			return "", corrupt("topic %d of %d", i, len(s.topics))
		}
		k.topic = int(i)
		return s.topics[i], nil
	}
	b, err := ended(s, topicText, v, s.out[:0], maxTopic)
	s.out = b
	if err != nil {
		return "", err
	}
	if s.decoding {
		was := ""
		if n := len(s.topics); n < cap(s.topics) {
			was = s.topics[:n+1][n]
		}
		if v = again(was, b); !validTopic(v) {
			return "", corrupt("%q is no Topic Name", v)
		}
	}
	if k.topic = -1; len(s.topics) < maxTopics {
		k.topic = len(s.topics)
		s.topics = append(s.topics, v)
		if !s.decoding {
			s.index.topics[v] = k.topic
		}
	}
	return v, nil
}

// bag codes the properties of a message: as those of the shape that was new last, by their place in the table, or as new ones. Place 0
// is none.
func (s *shaper) bag(v []byte, k *key) (string, error) {
	if s.decide(&s.models.sameProperties, flag(k.properties == s.property)) != 0 {
		k.properties = s.property
		return s.properties[k.properties], nil
	}
	i := s.count(&s.models.properties, uint64(k.properties+1))
	if i > uint64(len(s.properties)) {
		return "", corrupt("properties %d of %d", i, len(s.properties))
	}
	if i > 0 {
		k.properties = int(i) - 1
		s.property = k.properties
		return s.properties[k.properties], nil
	}
	b, err := counted(s, propertiesText, v, s.out[:0])
	s.out = b
	if err != nil {
		return "", err
	}
	if !s.decoding {
		b = v
	}
	bag := string(b)
	if k.properties = -1; len(s.properties) < maxProperties {
		k.properties = len(s.properties)
		s.property = k.properties
		s.properties = append(s.properties, bag)
		if !s.decoding {
			s.index.properties[bag] = k.properties
		}
	}
	return bag, nil
}

// skeleton codes one: as the one that followed last time, by its place in the table, or as a new one.
func (s *shaper) skeleton(k *key) (*skeleton, error) {
	if s.shape != nil && s.shape.skeleton.next != nil {
		next := s.shape.skeleton.next
		if s.decide(&s.models.skeletonFollows, flag(k.skeleton == next.number)) != 0 {
			k.skeleton = next.number
			return next, nil
		}
	}
	i := s.count(&s.models.skeleton, uint64(k.skeleton+1))
	switch {
	case i > uint64(len(s.skeletons)+1):
		return nil, corrupt("skeleton %d of %d", i-1, len(s.skeletons))
	case i > 1:
		k.skeleton = int(i) - 1
		return s.skeletons[k.skeleton-1], nil
	case i == 1:
		k.skeleton = 0
		return &s.none, nil
	}
	b, err := ended(s, skeletonText, s.parts.skeleton, s.out[:0], maxSkeleton)
	s.out = b
	if err != nil {
		return nil, err
	}
	if !s.decoding {
		b = s.parts.skeleton
	}
	sk, err := s.newSkeleton(b)
	if err != nil {
		return nil, err
	}
	k.skeleton = sk.number
	if !s.decoding {
		s.index.skeletons[sk.text] = sk.number
	}
	return sk, nil
}

// newSkeleton is the next place in the table. Its slots begin with what is known of those of the message before.
func (s *shaper) newSkeleton(text []byte) (*skeleton, error) {
	slots := 1
	for _, b := range text {
		if b == numberHere {
			slots++
		}
	}
	n := len(s.skeletons)
	if n >= maxSkeletons || s.slots+slots > maxSlots || slots > maxNumbers+1 {
		return nil, corrupt("too many skeletons, or numbers in them")
	}
	s.slots += slots
	s.skeletons = slices.Grow(s.skeletons, 1)[:n+1]
	if s.skeletons[n] == nil {
		s.skeletons[n] = &skeleton{}
	}
	sk := s.skeletons[n]
	sk.text, sk.number, sk.next = again(sk.text, text), n+1, nil
	sk.slots = sk.slots[:0]
	var parent []slot
	if s.shape != nil {
		parent = s.shape.skeleton.slots
	}
	for i := range slots - 1 {
		if i < len(parent)-1 {
			sk.slots = append(sk.slots, parent[i])
		} else {
			sk.slots = append(sk.slots, newSlot())
		}
	}
	if parent != nil {
		sk.slots = append(sk.slots, parent[len(parent)-1])
	} else {
		sk.slots = append(sk.slots, timeSlot())
	}
	return sk, nil
}
