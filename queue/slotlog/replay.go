package slotlog

import "slices"

// Replayed is what a pass over the log met.
type Replayed struct {
	Records  int
	Torn     int      // blocks after the end of the log; only what Open found
	Damaged  int      // ranges
	Lost     uint64   // records in them, as far as known
	Segments []uint64 // with damage
}

// Replay yields every record of the log in order. It, or ReplayFrom, must run once, before the first Commit.
func (l *Log) Replay(yield func(Record)) Replayed { return l.ReplayFrom(0, yield) }

// ReplayFrom yields every record from a segment on.
func (l *Log) ReplayFrom(segment uint64, yield func(Record)) Replayed {
	r := l.readerAt(segment)
	defer r.Close()
	from, _ := l.FirstOf(segment)
	r.at = from
	n := 0
	r.Read(from, func(rec Record) bool {
		yield(rec)
		n++
		return true
	})
	l.w.seq = max(1, r.seq, l.known.covered.NextSeq)
	rep := Replayed{Records: n, Torn: l.torn, Damaged: r.Damaged, Lost: r.Lost, Segments: r.hurt}
	if t := l.last; t != nil {
		switch {
		case slices.Contains(r.hurt, t.s.number):
			t.sure = false
		case t.hole:
			rep.Damaged, rep.Segments = rep.Damaged+1, append(rep.Segments, t.s.number)
		}
	}
	if l.comeback {
		rep.Damaged++
	}
	return rep
}

// ReadSegments yields every record of the sealed segments from first to last, beside the writer.
func (l *Log) ReadSegments(first, last uint64, yield func(Record)) Replayed {
	r := l.readerAt(first)
	defer r.Close()
	n := 0
	for number := first; number <= last; number++ {
		s, ok := l.sealed(number)
		if !ok {
			continue
		}
		r.segment(s, func(rec Record) {
			yield(rec)
			n++
		})
	}
	return Replayed{Records: n, Damaged: r.Damaged, Lost: r.Lost, Segments: r.hurt}
}

// readerAt is a Reader that knows what should come first, so that it notices if that is missing.
func (l *Log) readerAt(segment uint64) *Reader {
	r := l.NewReader()
	switch c := l.known.covered; {
	case segment <= 1:
		r.seq = 1
	case segment == c.Segment+1:
		r.number, r.seq = c.Segment, c.NextSeq
	}
	return r
}

// sealed finds a segment that nothing is written to any more.
func (l *Log) sealed(number uint64) (*segment, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, s := range l.segments {
		if s.number == number {
			return s, i < len(l.segments)-1
		}
	}
	return nil, false
}
