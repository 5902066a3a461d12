package slotlog

import (
	"cmp"
	"slices"
)

// A segment is written by one boot after the other. A stretch is the part of one of them. The marker with which the
// next one begins says where it ends; blocks of it behind that point are the rest of a torn group, and dead for
// ever.
type stretch struct {
	boot  uint32
	first uint64   // chunk
	end   Position // of the last stretch: nowhere, until it is found
}

var nowhere = Position{Chunk: 1<<64 - 1}

// beginning is where a stretch begins: behind the end of those before it.
type beginning struct {
	boot uint32
	end  Position // of what was before
}

// stretches finds who wrote what of a segment that ends at limit, which is nowhere if nothing says where.
func (s *segment) stretches(blocks []placed, limit Position) []stretch {
	begins := s.beginnings(blocks)
	all := make([]stretch, len(begins)+1)
	all[0] = stretch{boot: s.boot, first: s.firstChunk}
	for i := len(begins) - 1; i >= 0; i-- {
		all[i+1] = stretch{begins[i].boot, begins[i].end.Chunk + 1, limit}
		if begins[i].end.Before(limit) {
			limit = begins[i].end
		}
	}
	all[0].end = limit
	return all
}

// beginnings lists the boots that resumed the segment, in order, as their markers tell. Where both markers of a boot
// are damaged, its own blocks tell: its first chunk is one more than the last of those before, and the blocks of its
// first group, if any is left, say how much of that one was used.
func (s *segment) beginnings(blocks []placed) []beginning {
	var begins []beginning
	marked := map[uint32]bool{s.boot: true}
	for _, b := range blocks {
		if b.chunk == 0 && b.boot > s.boot && !marked[b.boot] {
			marked[b.boot] = true
			begins = append(begins, beginning{b.boot, Position{b.durable, int(b.durableUsed)}})
		}
	}
	lowest := map[uint32]placed{}
	for _, b := range blocks {
		low, ok := lowest[b.boot]
		if b.boot < s.boot || marked[b.boot] || ok && (low.chunk < b.chunk || low.chunk == b.chunk && low.durable <= b.durable) {
			continue
		}
		lowest[b.boot] = b
	}
	for boot, b := range lowest {
		if b.chunk <= s.firstChunk {
			continue
		}
		end := Position{b.chunk - 1, unsaid}
		if b.durable == b.chunk-1 {
			end.Offset = int(b.durableUsed)
		}
		begins = append(begins, beginning{boot, end})
	}
	slices.SortFunc(begins, func(a, b beginning) int { return cmp.Compare(a.boot, b.boot) })
	return begins
}

// unsaid, as the offset of an end, stands for: all that there is in that chunk.
const unsaid = 1<<16 - 1

// findEnd tells where the records of the last stretch end when no later header says it: at the first gap above what
// was durable. What lies after that gap is the rest of a torn group.
func (x stretch) findEnd(blocks []placed, capacity int) Position {
	used := map[uint64]uint16{}
	durable, highest := x.durable(blocks), x.first
	for _, b := range blocks {
		if b.boot == x.boot && b.chunk >= x.first {
			used[b.chunk] = max(used[b.chunk], b.used)
			highest = max(highest, b.chunk)
		}
	}
	end := Position{Chunk: x.first}
	for c := x.first; c <= min(highest, x.first+mostChunks); c++ {
		have := int(used[c])
		switch {
		case have != 0:
			end = Position{c, have}
		case c > durable.Chunk:
			return end
		}
		if have < capacity && c >= durable.Chunk {
			// The copy of the last durable chunk that the torn group would have replaced, or the part-filled end of
			// the log.
			if c > durable.Chunk || have >= durable.Offset {
				return end
			}
		}
	}
	return end
}

// durable is the highest position that was durable before some group of the stretch.
func (x stretch) durable(blocks []placed) (durable Position) {
	for _, b := range blocks {
		d := Position{b.durable, int(b.durableUsed)}
		if b.boot == x.boot && b.chunk >= x.first && durable.Before(d) {
			durable = d
		}
	}
	return durable
}

// beyond counts the blocks of the last stretch behind the end of the log.
func (x stretch) beyond(blocks []placed, end Position) (n int) {
	for _, b := range blocks {
		if b.boot == x.boot && b.chunk > end.Chunk {
			n++
		}
	}
	return n
}

// mostChunks in one segment: one for each place, and one for each boot that resumed it.
const mostChunks = 1 << 17

// table says where the best copy of each chunk up to end lies.
func (s *segment) tableOf(blocks []placed, end Position, capacity int) table {
	if end.Chunk < s.firstChunk || end.Chunk-s.firstChunk >= mostChunks {
		return nil
	}
	t := make(table, end.Chunk-s.firstChunk+1)
	owner := make([]uint32, len(t))
	for _, x := range s.stretches(blocks, end) {
		for c := max(x.first, s.firstChunk); c <= min(x.end.Chunk, end.Chunk); c++ {
			owner[c-s.firstChunk] = x.boot
			t[c-s.firstChunk].want = uint16(capacity)
		}
		if c := x.end.Chunk; c >= x.first && c <= end.Chunk {
			t[c-s.firstChunk].want = uint16(x.end.Offset)
		}
	}
	for _, b := range blocks {
		if b.chunk < s.firstChunk || b.chunk > end.Chunk || owner[b.chunk-s.firstChunk] != b.boot {
			continue
		}
		if e := &t[b.chunk-s.firstChunk]; b.used > e.used {
			e.place, e.used = b.place, b.used
		}
	}
	for i := range t {
		if t[i].want == unsaid {
			t[i].want = t[i].used
		}
	}
	return t
}
