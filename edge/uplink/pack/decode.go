package pack

import (
	"bytes"
	"fmt"
)

// Limits bound what a block may decode to. A zero is the largest that a block can have.
type Limits struct {
	Messages int
	Bytes    int // of topics, payloads and properties of all messages, repeated ones too
	Ratio    int // of Bytes to the length of the block, for blocks that decode to more than 64 KiB; 0: any
}

// freely is how much a block may decode to whatever its ratio.
const freely = 64 << 10

// bytes is how many bytes a block of a length may decode to.
func (l Limits) bytes(length int) int {
	n := MaxBytes
	if l.Bytes > 0 {
		n = min(n, l.Bytes)
	}
	if l.Ratio > 0 && length < n/l.Ratio {
		n = min(n, max(freely, length*l.Ratio))
	}
	return n
}

// Decode takes a block apart that stands by itself. Its errors wrap ErrCorrupt, ErrUnsupported or ErrLimit, and of a primed block ErrNoPrimer. The
// payloads are copies. A block that is refused gives no messages.
func Decode(block []byte, l Limits) (Head, []Message, error) { return DecodeWith(block, l, nil) }

// DecodeWith is Decode, of primed blocks too. primer gives the one with an id, nil if it is not known, which is ErrNoPrimer. Which primers there
// are to choose from is the caller's matter: those of the topic that the block came under.
func DecodeWith(block []byte, l Limits, primer func(id uint32) *Primer) (Head, []Message, error) {
	var h header
	body, err := h.whole(block)
	switch {
	case err != nil:
		return Head{}, nil, err
	case l.Messages > 0 && h.count > l.Messages:
		return Head{}, nil, fmt.Errorf("%w: it has %d messages, %d are allowed", ErrLimit, h.count, l.Messages)
	}
	if err := h.resolve(primer); err != nil {
		return Head{}, nil, err
	}
	out := collector{left: l.bytes(len(block)), messages: make([]Message, 0, min(h.count, 256))}
	if h.codec == codecList {
		err = out.list(&h, body)
	} else {
		var s shaper
		s.begin(&h)
		err = out.shapes(&s, &h, body)
	}
	if err != nil {
		return Head{}, nil, err
	}
	return h.Head, out.messages, nil
}

// Split finds the end of the first block in b: blocks may follow each other in a file. It looks at nothing but the head, so that what follows a block
// whose body is damaged is found.
func Split(b []byte) (block, rest []byte, err error) {
	var h header
	if _, rest, err = h.open(b); err != nil {
		return nil, b, err
	}
	return b[:len(b)-len(rest)], rest, nil
}

// A collector keeps what is decoded.
type collector struct {
	messages []Message
	left     int    // bytes that are allowed
	room     []byte // for payloads
}

func (c *collector) list(h *header, body []byte) error {
	l := lister{sequence: h.first - 1}
	r := reader{left: body}
	for i := range h.count {
		var m Message
		if err := l.next(&r, &m); err != nil {
			return at(i, err)
		}
		if err := c.keep(m); err != nil {
			return at(i, err)
		}
	}
	if len(r.left) > 0 {
		return corrupt("%d bytes stand behind its last message", len(r.left))
	}
	return nil
}

func (c *collector) shapes(s *shaper, h *header, body []byte) error {
	s.decode(body)
	table := make([]Message, len(s.shapes)) // with what the shapes say
	var got heard
	for i := range h.count {
		s.left = c.left
		err := s.hear(&got)
		switch {
		case err != nil:
		case s.beyond():
			err = corrupt("it is cut off")
		case got.fresh:
			table = append(table[:got.shape], Message{})
			err = table[got.shape].heed(&got.saying)
		case table[got.shape].Topic == "": // of the primer
			says := s.saying(&s.shapes[got.shape])
			err = table[got.shape].heed(&says)
		}
		if err != nil {
			return at(i, err)
		}
		m := table[got.shape]
		m.Payload, m.Sequence, m.Time = got.payload, got.sequence, got.time
		if err := c.keep(m); err != nil {
			return at(i, err)
		}
	}
	if !s.whole() {
		return corrupt("bytes stand behind its last message")
	}
	return nil
}

// heed fills in what a shape says.
func (m *Message) heed(says *saying) error {
	if m.Topic = string(says.topic); !validTopic(m.Topic) {
		return corrupt("%.80q is no Topic Name", m.Topic)
	}
	m.Properties, m.QoS, m.Retain = bytes.Clone(says.properties), says.flags&3, says.flags&retainFlag != 0
	return nil
}

// at says in which message a fault is.
func at(i int, err error) error { return fmt.Errorf("message %d: %w", i+1, err) }

// keep copies what the coder will overwrite.
func (c *collector) keep(m Message) error {
	if c.left -= m.bytes(); c.left < 0 {
		return errTooMuch
	}
	if n := len(m.Payload); n > cap(c.room)-len(c.room) {
		c.room = make([]byte, 0, max(n, min(4096, c.left)))
	}
	start := len(c.room)
	c.room = append(c.room, m.Payload...)
	m.Payload = c.room[start:len(c.room):len(c.room)]
	if len(m.Properties) == 0 {
		m.Properties = nil
	} else if n := len(c.messages); n > 0 && bytes.Equal(m.Properties, c.messages[n-1].Properties) {
		m.Properties = c.messages[n-1].Properties
	}
	c.messages = append(c.messages, m)
	return nil
}
