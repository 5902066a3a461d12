package slotlog

// An Extent is where a segment lies in the log.
type Extent struct {
	Segment  uint64
	First    Position // of its first record
	End      Position // after its last one
	FirstSeq uint64   // number of its first record
	NextSeq  uint64   // number of the first record after it; 0: not known
}

// A Checkpoint is what Open is told by those who keep the result of replaying the log up to some segment.
type Checkpoint struct {
	UUID    UUID     // of the log it was made from; taken for an empty or headerless log
	Boot    uint32   // the highest boot number in it
	Covered Extent   // the last segment in it; Segment 0: there is no checkpoint
	Known   []Extent // the segments up to Covered that are still needed; others were freed
}

// Sealed lists the segments of the log that nothing is written to any more, in order.
func (l *Log) Sealed() []Extent {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return nil
	}
	last := len(l.segments) - 1
	all := make([]Extent, last)
	for i, s := range l.segments[:last] {
		all[i] = s.extent()
	}
	return all
}

func (s *segment) extent() Extent {
	return Extent{
		Segment: s.number, First: Position{Chunk: s.firstChunk}, End: s.end, FirstSeq: s.firstSeq, NextSeq: s.nextSeq,
	}
}

// FirstOf is where a segment begins, or the next one that is left. ok is false if there is none.
func (l *Log) FirstOf(segment uint64) (p Position, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.number >= segment {
			return Position{Chunk: s.firstChunk}, true
		}
	}
	return l.end(), false
}
