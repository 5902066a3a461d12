package slotlog

import (
	"bytes"
	"cmp"
	"io"
	"slices"

	"skerry/queue/vfs"
)

// scanHeaderless looks into slots both of whose headers are damaged: their blocks say which segment they held last.
func (l *Log) scanHeaderless(slots []slotFile) {
	for i := range slots {
		s := &slots[i]
		if s.header != nil || s.closed {
			continue
		}
		f, err := l.fs.Open(l.name(s.index))
		if err != nil {
			s.closed = true
			continue
		}
		s.scanned = l.scan(f, l.places(s.size))
		if len(s.blocks) == 0 && s.unreadable == 0 {
			s.unused, s.unfinished = l.unused(f, s.size)
		}
		if s.unfinished && !s.unused {
			l.eachPlace(*s, func(b []byte) {
				_, looks := seedOf(b) // of another log, perhaps
				s.unfinished = s.unfinished && !looks
			})
		}
		f.Close()
	}
}

// unused tells whether there are only zeros behind the place of the header, which itself may be the torn first one. A
// slot is unfinished if they are zeros for the most part, or if it is too short: the power went while it was filled, and
// the rest is rubbish of that moment.
func (l *Log) unused(f vfs.File, size int64) (unused, unfinished bool) {
	var sectors, used int
	buf := make([]byte, 16*l.o.BlockSize)
	for at := int64(l.o.BlockSize); at < size; at += int64(len(buf)) {
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return false, false
		}
		for b := range slices.Chunk(buf[:n], sector) {
			if sectors++; len(bytes.TrimLeft(b, "\x00")) > 0 {
				used++
			}
		}
	}
	return used == 0, used <= sectors/2 || size < l.o.SlotSize && size%sector == 0
}

func (l *Log) places(size int64) int { return max(0, int(size/int64(l.o.BlockSize))-1) }

// placeSegments sorts the slots into segments and spares. A slot whose segment was freed is a spare, whatever of it
// was overwritten already.
func (l *Log) placeSegments(slots []slotFile) {
	var newest uint64
	for _, s := range slots {
		if h := s.header; h != nil && h.uuid == l.uuid && h.segment >= newest {
			newest, l.known.lowest = h.segment, max(l.known.lowest, h.lowest)
		}
		if s.broken || s.header == nil && s.unreadable > 0 && len(s.blocks) == 0 {
			l.unread++
		}
	}
	for _, s := range slots {
		switch {
		case s.closed:
		case s.header == nil:
			l.placeHeaderless(s)
		case s.header.uuid != l.uuid:
		case l.known.free(s.header.segment):
			l.addSpare(s.index, s.size)
		default:
			l.addSegment(&segment{
				number: s.header.segment, slot: s.index, places: l.places(s.size), life: s.header.life,
				header: s.header, agreed: s.agreed, said: true,
				firstChunk: s.header.firstChunk, firstSeq: s.header.firstSeq, boot: s.header.boot,
			})
		}
	}
	slices.SortFunc(l.segments, func(a, b *segment) int { return cmp.Compare(a.number, b.number) })
}

// placeHeaderless takes a slot for the segment its blocks say it held last. A slot that was never used is a spare; if
// it is not even whole, the power went while it was made, and its space is given back. Anything else is left alone.
func (l *Log) placeHeaderless(s slotFile) {
	switch {
	case s.unused:
		l.addSpare(s.index, s.size)
		return
	case s.unfinished:
		_ = l.unlink(s.index)
		return
	}
	var last placed
	for _, b := range s.blocks {
		if c := cmp.Compare(b.segment, last.segment); c > 0 || c == 0 && b.boot > last.boot {
			last = b
		}
	}
	switch {
	case len(s.blocks) == 0:
	case l.known.free(last.segment):
		l.addSpare(s.index, s.size)
	default:
		x := &segment{number: last.segment, slot: s.index, places: l.places(s.size), life: last.life}
		x.guess(s.of(x.number, x.life).blocks)
		if e, ok := l.known.extents[x.number]; ok {
			x.firstChunk, x.firstSeq, x.said = e.First.Chunk, e.FirstSeq, true
		}
		l.addSegment(x)
	}
}

// guess takes from the blocks what the header would say.
func (s *segment) guess(blocks []placed) {
	s.boot = blocks[0].boot
	for _, b := range blocks {
		s.boot = min(s.boot, b.boot)
	}
	for _, b := range blocks {
		first := b.chunk
		if first == 0 {
			first = b.durable + 1
		}
		if b.boot == s.boot && (s.firstChunk == 0 || first < s.firstChunk) {
			s.firstChunk, s.firstSeq = first, b.seq
		}
	}
}

// addSpare keeps a slot for reuse. One that is not of the size that slots have now is given back.
func (l *Log) addSpare(index int, size int64) {
	if size == l.o.SlotSize {
		l.spare = append(l.spare, index)
		return
	}
	l.unlink(index)
}

// unlink gives the space of a slot back.
func (l *Log) unlink(index int) error {
	err := l.fs.Remove(l.name(index))
	if err == nil {
		l.mu.Lock()
		l.stats.Slots--
		l.growth++
		l.mu.Unlock()
	}
	return err
}

// addSegment keeps one slot per segment number: the highest generation, then a whole header, then the later boot.
// The other is what is left of an attempt that failed, or that the power cut short.
func (l *Log) addSegment(s *segment) {
	l.boot = max(l.boot, s.boot)
	rank := func(s *segment) (uint32, uint32) {
		if s.header == nil {
			return 0, s.boot
		}
		return s.header.generation + 1, s.boot
	}
	for i, have := range l.segments {
		if have.number != s.number {
			continue
		}
		g, b := rank(s)
		hg, hb := rank(have)
		if g > hg || g == hg && b > hb {
			l.segments[i], s = s, have
		}
		l.left = append(l.left, s)
		return
	}
	l.segments = append(l.segments, s)
}

// keepSpares makes sure that the spares found are still there after a power cut, and gives back what is too many.
func (l *Log) keepSpares() {
	for len(l.spare) > mostSpares {
		_ = l.unlink(l.spare[0])
		l.spare = l.spare[1:]
	}
	if len(l.spare) > 0 && l.fs.SyncDir(l.dir) != nil {
		l.spare = nil
	}
}
