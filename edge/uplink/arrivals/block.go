package arrivals

import (
	"slices"
	"time"
)

// News is what a block says of its source.
type News int

// What there may be to say.
const (
	Nothing News = iota
	Renewed      // it begins a new epoch in the place of another: the gateway has started anew
	Raised       // the first clash of this gateway
	Cleared      // the last clash of this gateway is over
)

// A Block is what comes of one source at a time. It must be kept, or given up, before the next one begins.
type Block struct {
	m         *Memory
	slot      int
	before    *source // nil: it is new
	next      *source // with what was kept of the block
	at        int     // of the epoch, in next
	tried     *source // next with what With was asked for
	lost      uint64  // sequences that are forgotten for those
	forgotten uint64
	told      bool
	primer    bool
}

// Begin looks at a block. It changes nothing.
func (m *Memory) Begin(gateway, stream string, id uint64) *Block {
	b := &Block{m: m, slot: m.place(gateway, stream)}
	s := m.slots[b.slot]
	if s != nil && s.gateway == gateway && s.stream == stream {
		b.before, b.next = s, s.clone()
	} else {
		b.next = &source{gateway: gateway, stream: stream}
		if s != nil {
			b.forgotten++
		}
	}
	b.at = slices.IndexFunc(b.next.epochs, func(e epoch) bool { return e.id == id })
	if b.at < 0 {
		b.at = len(b.next.epochs)
		b.next.epochs = append(b.next.epochs, epoch{id: id})
	}
	return b
}

// Known tells whether a sequence has come before.
func (b *Block) Known(sequence uint64) bool { return b.next.epochs[b.at].known(sequence) }

// Judge says what the block means for its source. It is asked once, of a block with something new in it, before the first is stored. floor is the
// block's; 0: it is not known.
func (b *Block) Judge(floor uint64) News {
	s := b.next
	s.used = b.m.used + 1
	was := s.clash
	news := Nothing
	fresh, current := b.before != nil && b.at == len(b.before.epochs), s.current()
	if b.primer && (fresh || b.at != current) {
		b.setAside(fresh, floor)
		return Nothing
	}
	switch {
	case fresh, s.epochs[b.at].aside:
		news, s.run = Renewed, 0
	case b.at != current:
		s.clash, s.run = true, 0
	default:
		s.run++
		s.clash = s.clash && s.run < Calm
	}
	mine := s.epochs[b.at]
	mine.aside = false
	mine.settle(floor)
	s.epochs = append(slices.Delete(s.epochs, b.at, b.at+1), mine)
	if over := len(s.epochs) - s.most(); over > 0 {
		s.epochs = slices.Delete(s.epochs, 0, over)
		b.forgotten += uint64(over)
	}
	b.at = len(s.epochs) - 1
	switch {
	case s.clash != was && b.m.clashing(b):
		return Nothing // another stream of the gateway says it
	case s.clash && !was:
		return Raised
	case was && !s.clash:
		return Cleared
	case news == Renewed && !s.clash && !b.m.said[b.slot].IsZero() && time.Since(b.m.said[b.slot]) < quiet:
		return Nothing
	case news == Renewed && !s.clash:
		b.told = true
		return Renewed
	}
	return Nothing
}

// most is how many epochs are remembered now. All of them together have no more spans than Epochs may have.
func (s *source) most() int {
	if s.run >= Settled {
		return Epochs
	}
	spans := 0
	for n := range s.epochs {
		spans += len(s.epochs[len(s.epochs)-1-n].spans)
		if n >= Epochs && spans > Epochs*Spans {
			return n
		}
	}
	return Recent
}

// Primer says that the block is a primer, which a server may give at any time, long after its epoch has ended too: it does not tell which epoch is the current one. It is
// called before Judge.
func (b *Block) Primer() { b.primer = true }

// setAside leaves the epochs in their order.
func (b *Block) setAside(fresh bool, floor uint64) {
	s := b.next
	mine := &s.epochs[b.at]
	mine.aside = mine.aside || fresh
	mine.settle(floor)
	if len(s.epochs) > s.most() { // mine is the last
		oldest := max(0, slices.IndexFunc(s.epochs[:b.at], func(e epoch) bool { return e.aside }))
		s.epochs = slices.Delete(s.epochs, oldest, oldest+1)
		b.at--
		b.forgotten++
	}
}

// current is the epoch that came last, but for those of which only primers have come.
func (s *source) current() int {
	last := len(s.epochs) - 1
	for i := last; i >= 0; i-- {
		if !s.epochs[i].aside {
			return i
		}
	}
	return last
}

// Epochs are the latest of the source, the one of the block last.
func (b *Block) Epochs() (ids []uint64) {
	for _, e := range b.next.epochs[max(0, len(b.next.epochs)-Epochs):] {
		ids = append(ids, e.id)
	}
	return ids
}

// With is what is to be stored in which slot when sequences come, and nothing else of the block yet. [Block.Keep] is for the latest.
func (b *Block) With(sequences []uint64) (slot int, content []byte) {
	b.tried, b.lost = b.next.clone(), 0
	for _, n := range sequences {
		b.lost += b.tried.epochs[b.at].add(n)
	}
	return b.slot, b.tried.append(nil)
}

// Keep notes that what With gave was stored. More of the block may come after that.
func (b *Block) Keep() {
	m := b.m
	if old := m.slots[b.slot]; b.before == nil && old != nil {
		delete(m.places, [2]string{old.gateway, old.stream})
		m.said[b.slot] = time.Time{}
	}
	if b.told {
		m.said[b.slot] = time.Now()
	}
	m.places[[2]string{b.tried.gateway, b.tried.stream}] = b.slot
	m.forgotten += b.forgotten + b.lost
	b.forgotten, b.told = 0, false
	m.slots[b.slot], b.before, b.next = b.tried, b.tried, b.tried
	m.used = max(m.used, b.next.used)
}
