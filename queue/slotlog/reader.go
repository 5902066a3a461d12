package slotlog

import (
	"slices"
)

// A Reader reads records in log order. It is used by one goroutine and must be closed.
type Reader struct {
	Damaged int    // ranges that could not be read since the Reader was made
	Lost    uint64 // records in them, as far as known

	l        *Log
	files    segmentFiles
	rest     []byte // of a record that began in an earlier chunk
	restAt   Position
	restBoot uint32   // of the chunk read last
	resync   bool     // something is missing: go on at the next record that starts in a block
	hole     bool     // what was damaged since the last record may have held some
	gap      bool     // it did
	at       Position // where the last Read ended
	in       *segment // where it stands, unless at the end of it
	number   uint64   // of the segment that was entered last
	seq      uint64   // number of the next record, or 0: not known
	hurt     []uint64
	lost     map[uint64]uint64 // records lost by segment, since Read went to another place
	scratch  []byte
}

// NewReader makes a Reader.
func (l *Log) NewReader() *Reader {
	r := &Reader{l: l, files: segmentFiles{l: l}, scratch: make([]byte, l.o.BlockSize)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers == nil {
		l.readers = map[*Reader]struct{}{}
	}
	l.readers[r] = struct{}{}
	return r
}

// Close gives the files back.
func (r *Reader) Close() {
	r.l.mu.Lock()
	delete(r.l.readers, r)
	r.l.mu.Unlock()
	r.files.close()
}

// LostIn is how many records of a segment are missing, as far as is known since Read went to another place than the one before.
func (r *Reader) LostIn(segment uint64) uint64 { return r.lost[segment] }

func (r *Reader) lose(segment, records uint64) {
	r.Lost += records
	if r.lost == nil {
		r.lost = map[uint64]uint64{}
	}
	r.lost[segment] += records
}

// DamagedSegments lists the segments in which something could not be read.
func (r *Reader) DamagedSegments() []uint64 { return r.hurt }

// Read gives the records from a position on, until the durable end or until yield returns false; that record then
// counts as not read. It returns where to go on. Segments that are freed meanwhile are passed over.
func (r *Reader) Read(pos Position, yield func(Record) bool) Position {
	r.rest, r.resync = r.rest[:0], false
	if pos != r.at { // another place than the one that number and seq are of
		r.in, r.number, r.seq, r.hole, r.gap = nil, 0, 0, false, false
		clear(r.lost)
	}
	defer func() { r.at = pos }()
	for {
		at := r.where(pos)
		if at.s == nil {
			return pos
		}
		if pos.Chunk < at.s.firstChunk {
			pos = Position{Chunk: at.s.firstChunk}
		}
		if pos == (Position{Chunk: at.s.firstChunk}) {
			r.enter(at.s)
		}
		r.in, r.number = at.s, at.s.number
		if !pos.Before(at.end) {
			if at.last {
				return pos
			}
			r.leave(at)
			pos = Position{Chunk: at.end.Chunk + 1}
			continue
		}
		next, stopped := r.chunk(at.s, pos, at.end, yield)
		if pos = next; stopped {
			return pos
		}
	}
}

// segment reads one sealed segment from its beginning.
func (r *Reader) segment(s *segment, yield func(Record)) {
	r.l.mu.Lock()
	at := stand{s: s, end: s.end, nextSeq: s.nextSeq}
	r.l.mu.Unlock()
	r.rest, r.resync = r.rest[:0], false
	r.enter(s)
	r.in, r.number = s, s.number
	for pos := (Position{Chunk: s.firstChunk}); pos.Before(at.end); {
		pos, _ = r.chunk(s, pos, at.end, func(rec Record) bool {
			yield(rec)
			return true
		})
	}
	r.leave(at)
}

// stand is where a Reader stands.
type stand struct {
	s       *segment
	end     Position
	nextSeq uint64
	last    bool // of the log
}

// where finds the segment of a position, or the next one.
func (r *Reader) where(pos Position) stand {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	s := r.l.find(pos.Chunk)
	if s == nil {
		return stand{}
	}
	return stand{s, s.end, s.nextSeq, s == r.l.segments[len(r.l.segments)-1]}
}

// enter starts a segment: records never cross slots, so whatever was missing before it ends here.
func (r *Reader) enter(s *segment) {
	if !s.said { // its first blocks may be missing too
		r.damage(s)
		return
	}
	if lost := r.missing(s); lost > 0 {
		r.lose(s.number, lost)
		r.damage(s) // a whole slot is missing
	}
	r.rest, r.resync = r.rest[:0], false
	r.goOn(s.firstSeq)
}

// goOn says which number the next record has. If that was not expected, some are lost.
func (r *Reader) goOn(seq uint64) {
	r.gap = r.gap || r.hole && (r.seq == 0 || seq > r.seq)
	r.hole, r.seq = false, seq
}

// missing is how many records are missing before a segment, those of freed segments not counted.
func (r *Reader) missing(s *segment) uint64 {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	due := r.seq
	if due == 0 || r.number >= s.number {
		return 0
	}
	covered := r.l.known.covered
	switch {
	case s.number-1 > r.number && s.number-1 <= r.l.gone: // all between the two were freed
		return 0
	case r.in != nil && r.in.freed: // the one it stood in was
		return 0
	case r.number < covered.Segment:
		due = max(due, covered.NextSeq)
	}
	return max(due, s.firstSeq) - due
}

// leave ends a segment. What is missing at its end shows in the number of the next record.
func (r *Reader) leave(at stand) {
	r.in, r.rest = nil, r.rest[:0] // the beginning of a record of a torn group
	if at.nextSeq == 0 {
		return
	}
	if r.seq != 0 && at.nextSeq > r.seq {
		r.lose(at.s.number, at.nextSeq-r.seq)
		r.damage(at.s)
	}
	r.resync = false
	r.goOn(at.nextSeq)
}

func (r *Reader) damage(s *segment) {
	if !r.resync {
		r.Damaged++
	}
	r.rest, r.resync, r.hole = r.rest[:0], true, true
	if !slices.Contains(r.hurt, s.number) {
		r.hurt = append(r.hurt, s.number)
	}
}

// unreadable is damage, unless the segment has been freed, and its slot perhaps taken, while it was read.
func (r *Reader) unreadable(s *segment) {
	r.l.mu.Lock()
	freed := s.freed
	r.l.mu.Unlock()
	if freed {
		r.rest, r.resync, r.seq = r.rest[:0], true, 0
		return
	}
	r.damage(s)
}

// chunk reads what is left of one chunk and returns where the next begins, or, stopped by yield, the record to
// begin with.
func (r *Reader) chunk(s *segment, pos, end Position, yield func(Record) bool) (next Position, stopped bool) {
	next = Position{Chunk: pos.Chunk + 1}
	b, want, ok := r.files.block(s, pos.Chunk, r.scratch)
	if pos.Chunk == end.Chunk {
		want, next = end.Offset, end
	}
	if want == 0 { // a boot that had written nothing ended here
		return next, false
	}
	if !ok {
		r.unreadable(s)
		return next, false
	}
	if b.boot != r.restBoot { // the last record of a torn group is not continued by the next boot
		r.rest, r.restBoot = r.rest[:0], b.boot
	}
	payload := b.payload[:min(want, len(b.payload))]
	start := pos.Offset
	if start == 0 && len(r.rest) == 0 && b.firstRec != 0 && !r.resync { // it goes on with a record that is not there
		r.unreadable(s)
	}
	if r.resync {
		if int(b.firstRec) >= len(payload) {
			return next, false
		}
		start, r.resync = int(b.firstRec), false
		if r.seq != 0 && b.seq > r.seq {
			r.lose(s.number, b.seq-r.seq)
		}
		r.goOn(b.seq)
	}
	if start > len(payload) {
		r.unreadable(s)
		return next, false
	}
	if r.seq == 0 && len(r.rest) == 0 && start >= int(b.firstRec) {
		r.seq = b.seq + between(payload[b.firstRec:start], int(r.l.o.SlotSize))
	}
	at, stopped, ok := r.records(Position{pos.Chunk, start}, b.boot, payload[start:], yield)
	if stopped {
		return at, true
	}
	if !ok || len(payload) < want { // an old copy of the chunk is all that is left
		r.unreadable(s)
	}
	return next, false
}

// between counts the records in data, which begins with one and ends before one.
func between(data []byte, most int) (n uint64) {
	for len(data) > 0 {
		_, _, size, f := cut(data, most)
		if f != whole {
			return n
		}
		data = data[size:]
		n++
	}
	return n
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
		if !yield(Record{Type: typ, Body: body, At: start, Segment: r.number, Boot: boot, Gap: r.gap}) {
			return start, true, true
		}
		r.gap = false
		if r.seq != 0 {
			r.seq++
		}
		i += n
	}
}
