package pack

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// What a primer can be at most: every receiver keeps a few of each stream. The state of one takes 40 KiB as a rule, and 2 MiB at worst.
const (
	MaxPrimer         = 8 << 10  // bytes of its block
	MaxPrimerMessages = 512      // in it
	MaxPrimerBytes    = 64 << 10 // topics, payloads and properties of these
)

// ErrNoPrimer says that a block is primed, and its primer is not known. [Needs] tells which that is.
var ErrNoPrimer = errors.New("the primer of the block is not known")

// A Primer is what the shape coder has learned at the end of a block. It does not change, and any number of encoders and decoders may use it at the
// same time.
type Primer struct {
	head  Head
	id    uint32
	first uint64 // sequence of its first message
	state shaper
}

// NewPrimer makes the primer of a block that was sealed with Head.Keep. Its errors are those of [Decode]; ErrUnsupported also says that the block is
// no primer.
func NewPrimer(block []byte) (*Primer, error) {
	var h header
	body, err := h.whole(block)
	switch {
	case err != nil:
		return nil, err
	case !h.Keep || h.sum == 0: // an id of 0 is none
		return nil, unsupported("it is no primer")
	case len(block) > MaxPrimer || h.count > MaxPrimerMessages:
		return nil, fmt.Errorf("%w: a primer of %d bytes and %d messages (hint: %d and %d at most)", ErrLimit, len(block), h.count, MaxPrimer, MaxPrimerMessages)
	}
	p := &Primer{head: h.Head, id: h.sum, first: h.first}
	p.state.reset(h.first)
	out := collector{left: MaxPrimerBytes}
	if err := out.shapes(&p.state, &h, body); err != nil {
		return nil, err
	}
	p.state.forgetMessage()
	return p, nil
}

// ID names the primer: it is the check sum of its block, and not 0.
func (p *Primer) ID() uint32 { return p.id }

// Head is that of its block.
func (p *Primer) Head() Head { return p.head }

// Size is about how many bytes of memory it takes.
func (p *Primer) Size() int {
	s := &p.state
	n := int(unsafe.Sizeof(*p)) + cap(s.text.seen)
	for _, t := range s.topics {
		n += len(t) + int(unsafe.Sizeof(t))
	}
	for _, t := range s.properties {
		n += len(t) + int(unsafe.Sizeof(t))
	}
	for _, sk := range s.skeletons {
		n += int(unsafe.Sizeof(*sk)) + len(sk.text) + cap(sk.slots)*int(unsafe.Sizeof(slot{}))
	}
	for _, sh := range s.shapes {
		n += int(unsafe.Sizeof(*sh)) + cap(sh.trails)*int(unsafe.Sizeof(trail{}))
	}
	return n
}

// serves tells whether a block that begins with a sequence can be primed with it. p may be nil.
func (p *Primer) serves(h *Head, first uint64) bool {
	return p != nil && !h.Keep && h.Epoch == p.head.Epoch && h.Stream == p.head.Stream && first > p.first
}

// Needs gives the id of the primer that a block is to be decoded with; false if it stands by itself, or is no block.
func Needs(block []byte) (id uint32, primed bool) {
	var h header
	if _, _, err := h.open(block); err != nil {
		return 0, false
	}
	return h.Primer, h.primed
}

// forgetMessage drops what is only about the message in hand.
func (s *shaper) forgetMessage() {
	s.coder, s.parts, s.now, s.out, s.left = coder{}, parts{}, nil, nil, 0
	s.text.seen, s.topics, s.properties, s.numbers = slices.Clip(s.text.seen), slices.Clip(s.topics), slices.Clip(s.properties), slices.Clip(s.numbers)
}

// begin begins a block.
func (s *shaper) begin(h *header) {
	if h.primer != nil {
		s.goOn(&h.primer.state, h.first)
	} else {
		s.reset(h.first)
	}
}

// goOn begins a block whose first message has the sequence first with what p knows, which it does not change.
func (s *shaper) goOn(p *shaper, first uint64) {
	s.reset(first)
	s.text.goOn(&p.text)
	s.models = p.models
	s.topics = append(s.topics[:0], p.topics...)
	s.properties = append(s.properties[:0], p.properties...)
	s.goOnTables(p)
	s.started, s.sequence = true, first-1
	s.numbers = append(s.numbers[:0], p.numbers...)
	s.time, s.timed = p.time, p.timed
	s.flags, s.property = p.flags, p.property
}

func (t *text) goOn(p *text) {
	seen := append(t.seen[:0], p.seen...)
	*t = *p
	t.seen = seen
}

// goOnTables copies skeletons and shapes, which refer to each other.
func (s *shaper) goOnTables(p *shaper) {
	s.slots = p.slots
	s.skeletons = places(s.skeletons, len(p.skeletons))
	s.shapes = places(s.shapes, len(p.shapes))
	s.none = skeleton{slots: append(s.none.slots[:0], p.none.slots...), next: s.mine(p.none.next)}
	for i, sk := range p.skeletons {
		my := s.skeletons[i]
		*my = skeleton{text: sk.text, number: sk.number, slots: append(my.slots[:0], sk.slots...), next: s.mine(sk.next)}
	}
	for i, sh := range p.shapes {
		s.goOnShape(s.shapes[i], sh)
	}
	switch {
	case p.shape == nil:
	case p.shape.place >= 0:
		s.shape = s.shapes[p.shape.place]
	default:
		s.shape = &shape{}
		s.goOnShape(s.shape, p.shape)
	}
}

func (s *shaper) goOnShape(my, sh *shape) {
	trails := append(my.trails[:0], sh.trails...)
	*my = *sh
	my.trails, my.skeleton = trails, s.mine(sh.skeleton)
	if sh.next != nil {
		my.next = s.shapes[sh.next.place]
	}
}

// mine is the skeleton that stands for one of a primer.
func (s *shaper) mine(sk *skeleton) *skeleton {
	switch {
	case sk == nil:
		return nil
	case sk.number == 0:
		return &s.none
	}
	return s.skeletons[sk.number-1]
}

// places is a table of n entries, which uses those again that it has.
func places[T any](table []*T, n int) []*T {
	table = slices.Grow(table[:0], n)[:n]
	for i := range table {
		if table[i] == nil {
			table[i] = new(T)
		}
	}
	return table
}

// fill indexes what is in the tables.
func (x *index) fill(s *shaper) {
	for i, t := range s.topics {
		x.topics[t] = i
	}
	for i, t := range s.properties[1:] {
		x.properties[t] = i + 1
	}
	for _, sk := range s.skeletons {
		x.skeletons[sk.text] = sk.number
	}
	for _, sh := range s.shapes {
		x.shapes[sh.key] = sh
	}
}
