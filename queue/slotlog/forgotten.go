package slotlog

// A block says what was durable before its group was written. Nothing writes over that: so it is still there, or it rotted
// where it lay, and then its place holds rubbish or cannot be read. If more is missing than there are such places, some of it
// was never written, though the device had confirmed it.

// forgotten tells whether the device forgot some of the last segment. A torn group leaves rubbish too, and hides as much.
func (s *segment) forgotten(x stretch, found scanned) bool {
	return s.missing(x, found.blocks) > found.rubbish+found.unreadable
}

// missing counts the copies of chunks that were durable and are not in their places.
func (s *segment) missing(x stretch, blocks []placed) (n int) {
	durable := x.durable(blocks)
	for i, e := range s.table {
		chunk, there := s.firstChunk+uint64(i), e.used >= e.want
		if chunk >= max(x.first, durable.Chunk) {
			there = chunk > durable.Chunk || durable.Offset == 0 || x.holds(blocks, durable)
		}
		if !there {
			n++
		}
	}
	return n
}

// holds tells whether the very copy is there that was the last durable one: a longer one lies in another place, and the next
// goes where this one is only when that is durable, and says so. If that one was torn, a start that could not resume may have
// written the last group once more, over its rubbish: then some of it lies twice.
func (x stretch) holds(blocks []placed, durable Position) bool {
	met := map[Position]bool{}
	for _, b := range blocks {
		p := Position{b.chunk, int(b.used)}
		if b.boot != x.boot || b.chunk < durable.Chunk {
			continue
		}
		if p == durable || durable.Before(p) && met[p] {
			return true
		}
		met[p] = true
	}
	return false
}
