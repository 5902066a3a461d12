package slotlog

import (
	"io"

	"skerry/queue/vfs"
)

// copyOf is the best copy of a chunk that a scan met.
type copyOf struct {
	entry
	block // without payload
}

// scanned is what the blocks of one slot say about one segment.
type scanned struct {
	chunks  map[uint64]copyOf
	durable Position // the highest that was durable before the last group, as far as the blocks tell
	boot    uint32
	lowest  uint64 // chunk
	highest uint64
}

// scan reads all blocks of a slot and sorts them by segment. A place that cannot be read counts as damaged.
func (l *Log) scan(f vfs.File, places int) map[uint64]*scanned {
	const atOnce = 16
	found := map[uint64]*scanned{}
	buf := make([]byte, atOnce*l.o.BlockSize)
	for place := 0; place < places; place += atOnce {
		run := buf[:min(atOnce, places-place)*l.o.BlockSize]
		n, err := f.ReadAt(run, int64(place+1)*int64(l.o.BlockSize))
		if err != nil && err != io.EOF {
			n = l.readEach(f, run, place)
		}
		for i := 0; (i+1)*l.o.BlockSize <= n; i++ {
			b, ok := decodeBlock(run[i*l.o.BlockSize:(i+1)*l.o.BlockSize], l.seed)
			if ok {
				note(found, b, place+i)
			}
		}
	}
	return found
}

// readEach reads block by block after a read of several failed, so that one bad sector hides one block only.
func (l *Log) readEach(f vfs.File, run []byte, place int) int {
	for at := 0; at < len(run); at += l.o.BlockSize {
		b := run[at : at+l.o.BlockSize]
		if _, err := f.ReadAt(b, int64(place+1)*int64(l.o.BlockSize)+int64(at)); err != nil {
			clear(b)
		}
	}
	return len(run)
}

func note(found map[uint64]*scanned, b block, place int) {
	s := found[b.segment]
	if s == nil {
		s = &scanned{chunks: map[uint64]copyOf{}, lowest: b.chunk}
		found[b.segment] = s
	}
	used := uint16(len(b.payload))
	b.payload = nil
	if have, ok := s.chunks[b.chunk]; !ok || used > have.used {
		s.chunks[b.chunk] = copyOf{entry{uint16(place), used}, b}
	}
	s.lowest, s.highest = min(s.lowest, b.chunk), max(s.highest, b.chunk)
	s.boot = max(s.boot, b.boot)
	if d := (Position{b.durable, int(b.durableUsed)}); s.durable.Before(d) {
		s.durable = d
	}
}

// findEnd tells where the records of a segment end when no later header says it: at the first gap above what was
// durable. What lies after that gap is the rest of a torn group.
func (s *scanned) findEnd(firstChunk uint64, capacity int) Position {
	end := Position{Chunk: firstChunk}
	for c := firstChunk; c <= s.highest; c++ {
		have := s.chunks[c]
		switch {
		case have.used != 0:
			end = Position{c, int(have.used)}
		case c > s.durable.Chunk:
			return end
		}
		if int(have.used) < capacity && c >= s.durable.Chunk {
			// The copy of the last durable chunk that the torn group would have replaced, or the part-filled end of
			// the log.
			if c > s.durable.Chunk || int(have.used) >= s.durable.Offset {
				return end
			}
		}
	}
	return end
}

// beyond counts the blocks after end.
func (s *scanned) beyond(end Position) (n int) {
	for c := range s.chunks {
		if c > end.Chunk {
			n++
		}
	}
	return n
}

// table of the chunks up to end.
func (s *scanned) table(firstChunk uint64, end Position) table {
	if s == nil || end.Chunk < firstChunk {
		return nil
	}
	t := make(table, end.Chunk-firstChunk+1)
	for c, have := range s.chunks {
		if c >= firstChunk && c <= end.Chunk {
			t[c-firstChunk] = have.entry
		}
	}
	return t
}
