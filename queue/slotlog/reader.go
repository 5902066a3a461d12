package slotlog

import (
	"slices"
)

// A Reader reads records in log order. It is used by one goroutine and must be closed.
type Reader struct {
	Damaged int    // ranges that could not be read since the Reader was made
	Lost    uint64 // records in them; only a Reader that began at Start counts them

	l       *Log
	files   segmentFiles
	rest    []byte // of a record that began in an earlier chunk
	restAt  Position
	resync  bool   // something is missing: go on at the next record that starts in a block
	seq     uint64 // number of the next record, or 0: not known
	hurt    []uint64
	scratch []byte
}

// NewReader makes a Reader.
func (l *Log) NewReader() *Reader {
	return &Reader{l: l, files: segmentFiles{l: l}, scratch: make([]byte, l.o.BlockSize)}
}

// Close gives the files back.
func (r *Reader) Close() { r.files.close() }

// DamagedSegments lists the segments in which something could not be read.
func (r *Reader) DamagedSegments() []uint64 { return r.hurt }

// Read gives the records from a position on, until the durable end or until yield returns false; that record then
// counts as not read. It returns where to go on.
func (r *Reader) Read(pos Position, yield func(Record) bool) Position {
	r.rest, r.resync = r.rest[:0], false
	for {
		s, end, last := r.where(pos)
		if s == nil {
			return pos
		}
		if pos.Chunk < s.firstChunk {
			pos = Position{Chunk: s.firstChunk}
		}
		if pos == (Position{Chunk: s.firstChunk}) {
			r.enter(s)
		}
		if !pos.Before(end) {
			if last {
				return pos
			}
			r.rest = r.rest[:0] // the beginning of a record of a torn group
			pos = Position{Chunk: end.Chunk + 1}
			continue
		}
		next, stopped := r.chunk(s, pos, end, yield)
		if stopped {
			return next
		}
		pos = next
	}
}

// where finds the segment of a position or the next one, its end, and whether it is the last.
func (r *Reader) where(pos Position) (s *segment, end Position, last bool) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	s = r.l.find(pos.Chunk)
	if s == nil {
		return nil, Position{}, false
	}
	return s, s.end, s == r.l.segments[len(r.l.segments)-1]
}

// enter starts a segment: records never cross slots, so whatever was missing before it ends here.
func (r *Reader) enter(s *segment) {
	if s.header == nil { // its first blocks may be missing too
		r.damage(s)
		return
	}
	if r.seq != 0 && s.firstSeq > r.seq {
		r.Lost += s.firstSeq - r.seq
		if !r.resync {
			r.damage(s) // a whole slot is missing
		}
	}
	r.rest, r.resync, r.seq = r.rest[:0], false, s.firstSeq
}

func (r *Reader) damage(s *segment) {
	if !r.resync {
		r.Damaged++
	}
	r.rest, r.resync = r.rest[:0], true
	if !slices.Contains(r.hurt, s.number) {
		r.hurt = append(r.hurt, s.number)
	}
}

// chunk reads what is left of one chunk and returns where the next begins, or, stopped by yield, the record to
// begin with.
func (r *Reader) chunk(s *segment, pos, end Position, yield func(Record) bool) (next Position, stopped bool) {
	next = Position{Chunk: pos.Chunk + 1}
	want := r.l.capacity()
	if pos.Chunk == end.Chunk {
		want, next = end.Offset, end
	}
	b, ok := r.files.block(s, pos.Chunk, r.scratch)
	if !ok {
		r.damage(s)
		return next, false
	}
	payload := b.payload[:min(want, len(b.payload))]
	start := pos.Offset
	if r.resync {
		if int(b.firstRec) >= len(payload) {
			return next, false
		}
		start, r.resync = int(b.firstRec), false
		if r.seq != 0 && b.seq > r.seq {
			r.Lost += b.seq - r.seq
		}
		r.seq = b.seq
	}
	if start > len(payload) {
		r.damage(s)
		return next, false
	}
	at, stopped, ok := r.records(Position{pos.Chunk, start}, b.boot, payload[start:], yield)
	if stopped {
		return at, true
	}
	if !ok || len(payload) < want { // an old copy of the chunk is all that is left
		r.damage(s)
	}
	return next, false
}

// records yields the whole records in data, the first of which may have begun in r.rest, and keeps what is left. ok
// is false where something that is no record begins.
func (r *Reader) records(at Position, boot uint32, data []byte, yield func(Record) bool) (stop Position, stopped, ok bool) {
	carried := len(r.rest)
	if carried > 0 {
		r.rest = append(r.rest, data...)
		data = r.rest
	}
	i := 0
	for {
		start := Position{at.Chunk, at.Offset + i - carried}
		if i < carried {
			start = r.restAt
		}
		typ, body, n, f := cut(data[i:], int(r.l.o.SlotSize))
		switch f {
		case bad:
			return start, false, false
		case short:
			if i >= carried {
				r.restAt = start
				r.rest = append(r.rest[:0], data[i:]...)
			}
			return start, false, true
		}
		if !yield(Record{Type: typ, Body: body, At: start, Boot: boot}) {
			return start, true, true
		}
		r.seq++
		i += n
	}
}
