package primers

import (
	"encoding/binary"
	"slices"

	"skerry/edge/uplink/pack"
)

const (
	// Topics is how many have primers here.
	Topics = 4096
	// Each is how many a topic has.
	Each = 3
	// Bytes is how many are stored of all.
	Bytes = 4 << 20
	// states is how many bytes of memory those take that are kept ready, beside the latest.
	states = 4 << 20
)

// Shelf is that of one uplink. It is for one goroutine at a time.
type Shelf struct {
	read   func(slot int) []byte
	slots  [Topics]*row
	places map[string]*row
	used   uint64
	bytes  int
	ready  []*pack.Primer // the latest last
	of     []string       // their topics
	held   int            // their memory
}

// row is what is known of the primers of a topic without reading them.
type row struct {
	topic string
	slot  int
	used  uint64   // number of the last primer, counted over all topics
	ids   []uint32 // the newest last
	bytes int
}

// New makes a shelf of what is stored in its slots, which read gives; nil: nothing is. What cannot be read is forgotten; damaged is how many slots
// that were.
func New(read func(slot int) []byte) (s *Shelf, damaged int) {
	s = &Shelf{read: read, places: map[string]*row{}}
	for slot := range Topics {
		b := read(slot)
		if len(b) == 0 {
			continue
		}
		r, blocks := decode(b)
		if r == nil || s.places[r.topic] != nil {
			damaged++
			continue
		}
		r.slot, r.bytes = slot, len(b)
		for _, block := range blocks {
			r.ids = append(r.ids, idOf(block))
		}
		s.put(r)
	}
	return s, damaged
}

func (s *Shelf) put(r *row) {
	s.slots[r.slot], s.places[r.topic] = r, r
	s.bytes += r.bytes
	s.used = max(s.used, r.used)
}

func (s *Shelf) remove(r *row) {
	if r != nil {
		s.slots[r.slot] = nil
		delete(s.places, r.topic)
		s.bytes -= r.bytes
	}
}

// Has tells whether a primer of a topic is known.
func (s *Shelf) Has(topic string, id uint32) bool {
	r := s.places[topic]
	return r != nil && slices.Contains(r.ids, id)
}

// Find gives a primer of a topic; nil: it is not known.
func (s *Shelf) Find(topic string, id uint32) *pack.Primer {
	if !s.Has(topic, id) {
		return nil
	}
	for i, p := range s.ready {
		if p.ID() == id && s.of[i] == topic {
			s.forget(i)
			return s.prepare(topic, p)
		}
	}
	r := s.places[topic]
	_, blocks := decode(s.read(r.slot))
	for _, block := range blocks {
		if idOf(block) != id {
			continue
		}
		if p, err := pack.NewPrimer(block); err == nil {
			return s.prepare(topic, p)
		}
	}
	return nil
}

// prepare keeps a primer ready, and drops others if they take too much memory.
func (s *Shelf) prepare(topic string, p *pack.Primer) *pack.Primer {
	for len(s.ready) > 0 && s.held+p.Size() > states {
		s.forget(0)
	}
	s.ready, s.of = append(s.ready, p), append(s.of, topic)
	s.held += p.Size()
	return p
}

func (s *Shelf) forget(i int) {
	s.held -= s.ready[i].Size()
	s.ready, s.of = slices.Delete(s.ready, i, i+1), slices.Delete(s.of, i, i+1)
}

// A Change is what is to be stored when a primer comes.
type Change struct {
	Gone    []int // slots to be emptied before
	Slot    int   // to be given
	Content []byte

	next *row
	gone []*row
}

// With is what is to be stored when a primer of a topic comes: its block, of which [pack.NewPrimer] makes one.
func (s *Shelf) With(topic string, block []byte) *Change {
	var blocks [][]byte
	before := s.places[topic]
	c := &Change{next: &row{topic: topic, used: s.used + 1}}
	if before != nil {
		_, blocks = decode(s.read(before.slot))
		c.Slot = before.slot
		c.gone = append(c.gone, before)
	}
	blocks = slices.DeleteFunc(blocks, func(b []byte) bool { return idOf(b) == idOf(block) })
	blocks = append(blocks, block)
	blocks = blocks[max(0, len(blocks)-Each):]
	for _, b := range blocks {
		c.next.ids = append(c.next.ids, idOf(b))
	}
	c.Content = c.next.append(nil, blocks)
	c.next.bytes = len(c.Content)
	s.makeRoom(c)
	if before == nil {
		c.Slot = s.free(c)
	}
	c.next.slot = c.Slot
	return c
}

// makeRoom has topics forgotten until the change fits.
func (s *Shelf) makeRoom(c *Change) {
	bytes := s.bytes + c.next.bytes
	for _, r := range c.gone {
		bytes -= r.bytes
	}
	rows := len(s.places) + 1 - len(c.gone)
	for bytes > Bytes || rows > Topics {
		var oldest *row
		for _, r := range s.places {
			if (oldest == nil || r.used < oldest.used) && !slices.Contains(c.gone, r) {
				oldest = r
			}
		}
		c.gone, c.Gone = append(c.gone, oldest), append(c.Gone, oldest.slot)
		bytes -= oldest.bytes
		rows--
	}
}

// free is a slot that is empty, or will be.
func (s *Shelf) free(c *Change) int {
	if i := slices.Index(s.slots[:], nil); i >= 0 {
		return i
	}
	return c.Gone[0]
}

// Keep notes that a change was stored.
func (s *Shelf) Keep(c *Change) {
	for _, r := range c.gone {
		s.remove(r)
	}
	s.put(c.next)
}

// version of a record.
const version = 1

// append encodes a row: the version, used, topic, and the blocks behind their number; numbers as uvarints, texts and blocks behind their length.
func (r *row) append(b []byte, blocks [][]byte) []byte {
	b = binary.AppendUvarint(append(b, version), r.used)
	b = append(binary.AppendUvarint(b, uint64(len(r.topic))), r.topic...)
	b = binary.AppendUvarint(b, uint64(len(blocks)))
	for _, block := range blocks {
		b = append(binary.AppendUvarint(b, uint64(len(block))), block...)
	}
	return b
}

// decode reads a record; nil if it is damaged.
func decode(b []byte) (r *row, blocks [][]byte) {
	if len(b) == 0 || b[0] != version {
		return nil, nil
	}
	b = b[1:]
	ok := true
	number := func(most uint64) uint64 {
		v, n := binary.Uvarint(b)
		if ok = ok && n > 0 && v <= most; !ok {
			return 0
		}
		b = b[n:]
		return v
	}
	part := func() []byte {
		n := number(uint64(len(b)))
		if ok = ok && n <= uint64(len(b)); !ok {
			return nil
		}
		p := b[:n:n]
		b = b[n:]
		return p
	}
	r = &row{used: number(1 << 62), topic: string(part())}
	for range number(Each) {
		block := part()
		if len(block) < 4 {
			return nil, nil
		}
		blocks = append(blocks, block)
	}
	if !ok || len(b) > 0 || len(blocks) == 0 {
		return nil, nil
	}
	return r, blocks
}

// idOf is the id of a primer: its check sum, which ends it.
func idOf(block []byte) uint32 { return binary.BigEndian.Uint32(block[len(block)-4:]) }
