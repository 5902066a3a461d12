package slotlog

import (
	"slices"
	"sync"

	"skerry/queue/vfs"
)

// segmentFiles keeps the segments that were read last open, with their tables: 6 KiB for a slot of 4 MiB.
type segmentFiles struct {
	l    *Log
	mu   sync.Mutex    // Free closes files too
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
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.open {
		o.file.Close()
	}
	c.open = nil
}

// drop closes the file of a segment that was freed: the space of a file that is open is not given back.
func (c *segmentFiles) drop(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.open, func(o openSegment) bool { return o.number == number })
	if i >= 0 {
		c.open[i].file.Close()
		c.open = slices.Delete(c.open, i, i+1)
	}
}

// block reads the best copy of a chunk into buf. want is how many bytes of records the chunk should have, unless it is
// the last one of the log.
func (c *segmentFiles) block(s *segment, chunk uint64, buf []byte) (b block, want int, ok bool) {
	// The tail may move to its other place, and the old one be written over, between the look into the table and
	// the read.
	const tries = 4
	c.mu.Lock()
	defer c.mu.Unlock()
	for range tries {
		e, f := c.find(s, chunk)
		want = int(e.want)
		if f == nil || e.used == 0 {
			return block{}, want, false
		}
		if _, err := f.ReadAt(buf, c.l.offset(int(e.place))); err != nil {
			continue
		}
		b, ok := decodeBlock(buf, c.l.seed)
		if ok && b.segment == s.number && b.chunk == chunk && b.life == s.life && len(b.payload) >= int(e.used) {
			return b, want, true
		}
	}
	return block{}, want, false
}

func (c *segmentFiles) find(s *segment, chunk uint64) (entry, vfs.File) {
	c.l.mu.Lock()
	live, freed := s.table != nil, s.freed
	e := s.table.at(chunk-s.firstChunk, c.l.capacity())
	c.l.mu.Unlock()
	if freed {
		return entry{want: e.want}, nil
	}
	o := c.get(s, !live)
	if o == nil {
		return entry{want: e.want}, nil
	}
	if !live {
		e = o.table.at(chunk-s.firstChunk, c.l.capacity())
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
		o.table = s.tableOf(c.l.scan(f, s.places).of(s.number, s.life).blocks, end, c.l.capacity())
	}
	c.open = append(c.open, o)
	return &c.open[len(c.open)-1]
}
