package slotlog

import (
	"slices"

	"skerry/queue/vfs"
)

// segmentFiles keeps the segments that were read last open, with their tables: 2 KiB for a slot of 4 MiB.
type segmentFiles struct {
	l    *Log
	open []openSegment // most recent last
}

type openSegment struct {
	number uint64
	sealed bool
	file   vfs.File
	table  table // only when sealed
}

const mostOpen = 4

func (c *segmentFiles) close() {
	for _, o := range c.open {
		o.file.Close()
	}
	c.open = nil
}

// block reads the best copy of a chunk into buf.
func (c *segmentFiles) block(s *segment, chunk uint64, buf []byte) (block, bool) {
	// The tail may move to its other place, and the old one be written over, between the look into the table and
	// the read.
	const tries = 4
	for range tries {
		e, f := c.find(s, chunk)
		if f == nil || e.used == 0 {
			return block{}, false
		}
		if _, err := f.ReadAt(buf, int64(e.place+1)*int64(c.l.o.BlockSize)); err != nil {
			continue
		}
		b, ok := decodeBlock(buf, c.l.seed)
		if ok && b.segment == s.number && b.chunk == chunk && len(b.payload) >= int(e.used) {
			return b, true
		}
	}
	return block{}, false
}

func (c *segmentFiles) find(s *segment, chunk uint64) (entry, vfs.File) {
	c.l.mu.Lock()
	live, firstChunk := s.table, s.firstChunk
	var e entry
	if i := chunk - firstChunk; live != nil && chunk >= firstChunk && i < uint64(len(live)) {
		e = live[i]
	}
	c.l.mu.Unlock()
	o := c.get(s, live == nil)
	if o == nil {
		return entry{}, nil
	}
	if i := chunk - firstChunk; o.sealed && chunk >= firstChunk && i < uint64(len(o.table)) {
		e = o.table[i]
	}
	return e, o.file
}

// get opens a segment, or opens it anew when it has been sealed since.
func (c *segmentFiles) get(s *segment, sealed bool) *openSegment {
	i := slices.IndexFunc(c.open, func(o openSegment) bool { return o.number == s.number })
	if i >= 0 && c.open[i].sealed == sealed {
		return &c.open[i]
	}
	if i >= 0 {
		c.open[i].file.Close()
		c.open = slices.Delete(c.open, i, i+1)
	}
	if len(c.open) == mostOpen {
		c.open[0].file.Close()
		c.open = slices.Delete(c.open, 0, 1)
	}
	f, err := c.l.fs.Open(c.l.name(s.slot))
	if err != nil {
		return nil
	}
	o := openSegment{number: s.number, sealed: sealed, file: f}
	if sealed {
		c.l.mu.Lock()
		end := s.end
		c.l.mu.Unlock()
		o.table = c.l.scan(f, s.places)[s.number].table(s.firstChunk, end)
	}
	c.open = append(c.open, o)
	return &c.open[len(c.open)-1]
}
