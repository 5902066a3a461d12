package slotlog

// known is what Open was told by a checkpoint.
type known struct {
	covered Extent
	boot    uint32
	extents map[uint64]Extent
	lowest  uint64 // segments below are free, as the last header says
}

// ask gets the checkpoint. What is of another log is not taken.
func (l *Log) ask(segments []uint64, found bool) {
	if l.o.Checkpoint == nil {
		return
	}
	u := l.uuid
	if !found {
		u = UUID{}
	}
	c := l.o.Checkpoint(u, segments)
	if c.Covered.Segment == 0 || found && c.UUID != l.uuid {
		return
	}
	l.setUUID(c.UUID)
	l.known.covered, l.known.boot = c.Covered, c.Boot
	l.known.extents = make(map[uint64]Extent, len(c.Known))
	for _, e := range c.Known {
		l.known.extents[e.Segment] = e
	}
}

// free tells whether what is found of a segment is only left over.
func (k *known) free(segment uint64) bool {
	if segment < k.lowest {
		return true
	}
	_, needed := k.extents[segment]
	return segment <= k.covered.Segment && !needed
}

// gone: up to this number, a segment that is not there was freed.
func (k *known) gone() uint64 {
	if k.lowest == 0 {
		return k.covered.Segment
	}
	return max(k.covered.Segment, k.lowest-1)
}
