package slotlog

// Replayed is what Replay met.
type Replayed struct {
	Records  int
	Torn     int      // blocks after the end of the log
	Damaged  int      // ranges
	Lost     uint64   // records in them, as far as known
	Segments []uint64 // with damage
}

// Replay yields every record of the log in order. It must run once, before the first Commit.
func (l *Log) Replay(yield func(Record)) Replayed {
	r := l.NewReader()
	defer r.Close()
	var n int
	r.Read(l.Start(), func(rec Record) bool {
		yield(rec)
		n++
		return true
	})
	l.w.seq = max(1, r.seq)
	return Replayed{Records: n, Torn: l.torn, Damaged: r.Damaged, Lost: r.Lost, Segments: r.hurt}
}
