package slotlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"skerry/queue/vfs"
)

// ErrFormat: a slot has a newer format. Nothing was touched.
var ErrFormat = errors.New("newer log format")

// Options of a log. Zero fields take the defaults.
type Options struct {
	SlotSize  int64  // default 4 MiB
	BlockSize int    // default 4096; an existing log keeps its own
	Boot      uint32 // the number of this Open is at least this

	MaxBytes int64 // of all slots; Prepare makes none beyond it. 0: no limit
	KeepFree int64 // bytes of the file system that Prepare leaves alone

	// Checkpoint is asked by Open once it knows which log this is, and before it looks for ends: u is zero if no
	// header tells it, segments are those that were found, in order, with freed ones whose slot still holds them.
	Checkpoint func(u UUID, segments []uint64) Checkpoint
	// OnSeal is called by Commit, without locks, when a segment has been sealed. It must not block.
	OnSeal func(Extent)
}

// A Log is an open log. Commit, Prepare, Free and the Readers may be used at the same time, each by one goroutine.
type Log struct {
	fs    vfs.FS
	dir   string
	o     Options
	uuid  UUID
	seed  uint32
	boot  uint32
	lied  bool
	known known
	last  *tail      // what Open saw of the last segment; nil when the first Commit is through
	left  []*segment // found by Open, of which there is a better copy

	unread   int    // slots of which nothing could be read
	comeback bool   // one of them may be the end of the log
	attempt  uint32 // headers of the next segment that could not be written

	copying sync.Mutex // one slot is copied at a time, by whoever met damage

	mu        sync.Mutex // guards the following; never held during I/O
	segments  []*segment // by number
	gone      uint64     // segments up to here are either in segments or were freed
	spare     []int      // slots that are ready
	nextSlot  int
	readers   map[*Reader]struct{}
	growth    int
	spareErr  error         // why there is none
	regained  int           // slots given back since then: so many can be made again
	preparing chan struct{} // closed when Prepare is done; nil: it is not under way
	torn      int           // blocks after the end of the log, found by Open
	stats     Stats
	room      int64 // in the slot being written

	w writer
}

// segment is where a part of the log lies. number, slot, places, life, firstChunk, firstSeq and boot never change.
type segment struct {
	number     uint64
	slot       int
	places     int
	life       uint16
	firstChunk uint64
	firstSeq   uint64 // 0: not known
	nextSeq    uint64 // of the first record after it; 0: not known
	boot       uint32 // the first that wrote it
	header     *header
	said       bool     // the header, or the checkpoint, says where it begins
	agreed     bool     // both copies of the header are whole and say the same
	failed     bool     // writing to the slot failed
	freed      bool     // it is not in the log any more
	end        Position // what comes after is torn or stale
	table      table    // of the segment being written; others are scanned when they are read
}

// table says, for each chunk of a segment from its first, at which place its best copy lies.
type table []entry

// entry of a chunk. used is what its best copy has, 0: there is none; want is what was durable of it, unless it is the
// last one of the segment.
type entry struct{ place, used, want uint16 }

// at gives the entry of a chunk, counted from the first of the segment.
func (t table) at(i uint64, capacity int) entry {
	if i >= uint64(len(t)) {
		return entry{want: uint16(capacity)}
	}
	return t[i]
}

// Stats are counted since Open.
type Stats struct {
	Flushes uint64
	Bytes   uint64 // written, in whole blocks
	Moved   uint64 // groups that went to a new slot because a write failed
	Slots   int
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Boot is the number of this Open: one more than any found in the log.
func (l *Log) Boot() uint32 { return l.boot }

// UUID names the log.
func (l *Log) UUID() UUID { return l.uuid }

// Lied tells that the device lost what it had confirmed: the checkpoint covers more than there is, or blocks of the last
// segment prove that others were durable which were never written. The log goes on behind what the checkpoint covers.
func (l *Log) Lied() bool { return l.lied }

// Segments is the number of segments.
func (l *Log) Segments() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.segments)
}

// Start is the position of the first record.
func (l *Log) Start() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 {
		return Position{}
	}
	return Position{Chunk: l.segments[0].firstChunk}
}

// End is the position after the last durable record.
func (l *Log) End() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end()
}

func (l *Log) end() Position {
	if len(l.segments) == 0 {
		return l.known.covered.End
	}
	return l.segments[len(l.segments)-1].end
}

// FirstOfSegment is the position of the first record of the segment that holds p, and its number.
func (l *Log) FirstOfSegment(p Position) (Position, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.find(p.Chunk)
	if s == nil {
		return Position{}, 0
	}
	return Position{Chunk: s.firstChunk}, s.number
}

// find returns the segment with the chunk, or the next one after it, or nil.
func (l *Log) find(chunk uint64) *segment {
	i, _ := slices.BinarySearchFunc(l.segments, chunk, func(s *segment, c uint64) int {
		if s.end.Chunk < c {
			return -1
		}
		return 1
	})
	if i == len(l.segments) {
		return nil
	}
	return l.segments[i]
}

// MaxRecord is the largest body that Commit takes: a quarter of a slot.
func (l *Log) MaxRecord() int { return int(l.o.SlotSize / 4) }

// capacity is how many bytes of records a block holds.
func (l *Log) capacity() int { return l.o.BlockSize - blockHeader }

func (l *Log) name(slot int) string { return filepath.Join(l.dir, fmt.Sprintf("slot-%04d", slot)) }

// Close gives the file of the segment being written back. It commits nothing.
func (l *Log) Close() error {
	if l.w.file == nil {
		return nil
	}
	err := l.w.file.Close()
	l.w.file = nil
	return err
}
