package pack

// An Encoder makes blocks, one after the other: Begin, Append until it is full or time to go, Seal. The zero value is ready for Begin. It is
// for one goroutine.
type Encoder struct {
	// Fallbacks counts the blocks that the shape coder did not give back as they were, and that were written as a list.
	// It should stay 0.
	Fallbacks int

	header   header
	primer   *Primer // of the block, if it serves
	limit    int
	full     bool
	messages []Message // of the block; what they point to is the caller's
	told     []int32   // their shapes
	held     int       // their bytes
	last     uint64    // sequence of the last
	shaper   shaper
	check    shaper // decodes the block
	body     []byte // shape codec
	list     []byte // list codec
}

// Begin begins a block, and drops what was not sealed. limit is how many bytes the block may have, 0 for any number; a single message may be
// larger.
func (e *Encoder) Begin(h Head, limit int) { e.BeginPrimed(h, nil, limit) }

// BeginPrimed is Begin for a block that goes on from a primer, which has far fewer bytes if its messages are few. Where the primer cannot serve the block stands by
// itself: it is nil, or has another epoch or stream; the first message comes before those of the primer; the block is to be a primer itself; the coder
// failed.
func (e *Encoder) BeginPrimed(h Head, p *Primer, limit int) {
	h.Primer = 0
	if h.Keep && (limit == 0 || limit > MaxPrimer) {
		limit = MaxPrimer
	}
	e.header, e.primer = header{Head: h}, p
	e.limit, e.full = limit, false
	clear(e.messages)
	e.messages, e.told, e.held = e.messages[:0], e.told[:0], 0
}

// Len is how many messages the block has.
func (e *Encoder) Len() int { return len(e.messages) }

// Size is how many bytes the block would have if it were sealed now, at most.
func (e *Encoder) Size() int {
	if len(e.messages) == 0 {
		return 0
	}
	return e.sizeOf(len(e.messages))
}

func (e *Encoder) sizeOf(messages int) int {
	body := e.shaper.size()
	return e.header.size(messages, body) + body
}

// Append puts a message into the block. ErrFull says that it is the first of the next one: Seal, Begin, and append it again. After
// an error that wraps ErrMessage the block goes on without it. What the message points to must not change before Seal. It takes time only for this message.
func (e *Encoder) Append(m Message) error {
	if !m.fits() {
		return m.check()
	}
	n := len(e.messages)
	if n == 0 {
		e.shaper.index.reset()
	}
	topic := none
	if n == 0 || !e.shaper.expects(m.Topic) {
		if topic = e.shaper.index.find(m.Topic); topic == none {
			return unfit("%.80q is no Topic Name", m.Topic)
		}
	}
	if n > 0 && m.Sequence <= e.last {
		return unfit("its sequence is %d, after %d", m.Sequence, e.last)
	}
	messages, bytes := e.header.room()
	if e.full || n >= messages || n > 0 && e.held+m.bytes() > bytes || n > 0 && m.Sequence-e.last > 1<<62 {
		e.full = true
		return ErrFull
	}
	if n == 0 {
		if err := e.header.check(m.Sequence); err != nil {
			return err
		}
		e.header.first, e.header.primer = m.Sequence, nil
		if e.primer.serves(&e.header.Head, m.Sequence) {
			e.header.primer = e.primer
		}
		e.shaper.begin(&e.header)
		e.shaper.index.fill(&e.shaper.state)
		e.shaper.encode(e.body[:0])
	}
	before := e.shaper.mark()
	shape := e.shaper.tell(&m, topic)
	if e.limit > 0 && n > 0 && e.sizeOf(n+1) > e.limit {
		e.shaper.back(before) // what the models learned does not matter any more: nothing is coded after it
		e.full = true
		return ErrFull
	}
	e.messages, e.told = append(e.messages, m), append(e.told, shape)
	e.held += m.bytes()
	e.last = m.Sequence
	return nil
}

// Seal appends the block to dst and tells how many messages are in it: all, or, if the coder failed and the block was written as a list, which is
// larger, as many of the first ones as keep to the limit. The others belong into the next block. It has decoded the block and compared each
// message before it returns. The Encoder then waits for Begin.
func (e *Encoder) Seal(dst []byte) (block []byte, messages int) {
	if len(e.messages) == 0 {
		return dst, 0
	}
	defer e.Begin(Head{}, 0)
	e.body = e.shaper.finish()
	sound := e.sound()
	if !sound {
		e.Fallbacks++
	}
	if !sound || !e.header.Keep && len(e.body) > e.held {
		if block, n := e.sealList(dst, !sound); n > 0 {
			return block, n
		}
	}
	h := &e.header
	h.codec, h.count = codecShape, len(e.messages)
	h.Keep = h.Keep && e.held <= MaxPrimerBytes && h.size(h.count, len(e.body))+len(e.body) <= MaxPrimer
	return h.seal(dst, e.body), h.count
}

// sealList writes the block as a list, if that is smaller or must be. It stands by itself then.
func (e *Encoder) sealList(dst []byte, must bool) (block []byte, messages int) {
	list := header{Head: e.header.Head, codec: codecList, first: e.header.first}
	list.Keep = false
	n := e.asList(&list)
	shaped := e.header.size(len(e.messages), len(e.body)) + len(e.body)
	if !must && (n < len(e.messages) || list.size(n, len(e.list))+len(e.list) >= shaped) {
		return dst, 0
	}
	list.count = n
	return list.seal(dst, e.list), n
}

// sound decodes the body and compares.
func (e *Encoder) sound() bool {
	s := &e.check
	s.begin(&e.header)
	s.decode(e.body)
	primed := len(s.shapes)
	var got heard
	for i := range e.messages {
		s.left = MaxBytes
		if s.hear(&got) != nil || got.shape != int(e.told[i]) {
			return false
		}
		if got.shape < primed {
			got.fresh, got.saying = true, s.saying(&s.shapes[got.shape])
		}
		if !got.is(&e.messages[i]) {
			return false
		}
	}
	return s.whole()
}

// asList writes as many messages as fit, and one at least, as a list.
func (e *Encoder) asList(h *header) int {
	l := lister{sequence: h.first - 1}
	e.list = e.list[:0]
	for i := range e.messages {
		size := len(e.list)
		e.list = l.append(e.list, &e.messages[i])
		if e.limit > 0 && i > 0 && h.size(i+1, len(e.list))+len(e.list) > e.limit {
			e.list = e.list[:size]
			return i
		}
	}
	return len(e.messages)
}

// is tells whether a message is what was heard. What its shape says is compared when that is new.
func (h *heard) is(m *Message) bool {
	return string(h.payload) == string(m.Payload) && h.time == m.Time && h.sequence == m.Sequence && (!h.fresh || h.says(m))
}

func (h *heard) says(m *Message) bool {
	return string(h.topic) == m.Topic && string(h.properties) == string(m.Properties) && h.flags == flagsOf(m)
}
