package pack

import (
	"errors"
	"fmt"
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
	state state
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
	var s shaper
	s.reset(h.first)
	out := collector{left: MaxPrimerBytes}
	if err := out.shapes(&s, &h, body); err != nil {
		return nil, err
	}
	p := &Primer{head: h.Head, id: h.sum, first: h.first}
	p.state.goOn(&s.state, h.first)
	return p, nil
}

// ID names the primer: it is the check sum of its block, and not 0.
func (p *Primer) ID() uint32 { return p.id }

// Head is that of its block.
func (p *Primer) Head() Head { return p.head }

// Size is about how many bytes of memory it takes.
func (p *Primer) Size() int {
	s := &p.state
	n := int(unsafe.Sizeof(*p)) + cap(s.text.seen) + cap(s.texts) + cap(s.patterns)
	n += (cap(s.topics)+cap(s.properties))*int(unsafe.Sizeof(span{})) + cap(s.skeletons)*int(unsafe.Sizeof(skeleton{}))
	return n + cap(s.slots)*int(unsafe.Sizeof(slot{})) + cap(s.shapes)*int(unsafe.Sizeof(shape{})) + cap(s.trails)*int(unsafe.Sizeof(trail{}))
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

// begin begins a block.
func (s *shaper) begin(h *header) {
	if h.primer != nil {
		s.goOn(&h.primer.state, h.first)
	} else {
		s.reset(h.first)
	}
}

// goOn begins a block whose first message has the sequence first with what p knows, which it does not change.
func (s *state) goOn(p *state, first uint64) {
	s.text.goOn(&p.text)
	s.texts, s.topics, s.properties = append(s.texts[:0], p.texts...), append(s.topics[:0], p.topics...), append(s.properties[:0], p.properties...)
	s.skeletons, s.slots = append(s.skeletons[:0], p.skeletons...), append(s.slots[:0], p.slots...)
	s.shapes, s.trails, s.patterns = append(s.shapes[:0], p.shapes...), append(s.trails[:0], p.trails...), append(s.patterns[:0], p.patterns...)
	s.last, s.sequence, s.started, s.flags, s.bag = p.last, first-1, true, p.flags, p.bag
}

// fill indexes what a block knows of topics at its beginning.
func (x *index) fill(s *state) {
	for i, t := range s.topics {
		x.entries[x.find(string(s.of(t)))] = entry{x.generation, int32(i), none}
	}
	for i := range s.shapes {
		x.entries[x.find(string(s.of(s.topics[s.shapes[i].topic])))].shape = int32(i)
	}
}
