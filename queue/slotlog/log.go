package slotlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"skerry/queue/vfs"
)

// ErrFormat: a slot has a newer format. Nothing was touched.
var ErrFormat = errors.New("newer log format")

// Options of a log. Zero fields take the defaults.
type Options struct {
	SlotSize  int64 // default 4 MiB
	BlockSize int   // default 4096
}

// A Log is an open log. Commit, Prepare and the Readers may be used at the same time, each by one goroutine.
type Log struct {
	fs   vfs.FS
	dir  string
	o    Options
	uuid UUID
	seed uint32
	boot uint32

	mu        sync.Mutex // guards the following; never held during I/O
	segments  []*segment // by number
	spare     []int      // slots that are ready
	nextSlot  int
	preparing chan struct{} // closed when Prepare is done; nil: it is not under way
	torn      int           // blocks after the end of the log, found by Open
	stats     Stats

	w writer
}

// segment is where a part of the log lies. number, slot, firstChunk, firstSeq and boot never change.
type segment struct {
	number     uint64
	slot       int
	places     int
	firstChunk uint64
	firstSeq   uint64
	boot       uint32
	header     *header  // nil when both copies were damaged
	end        Position // what comes after is torn or stale
	table      table    // of the segment being written; others are scanned when they are read
}

// table says, for each chunk of a segment from its first, at which place its best copy lies.
type table []entry

type entry struct{ place, used uint16 } // used 0: no copy

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
		return Position{}
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

// Quarantine copies the slot of the segment that holds p into dir, once, and returns the name of the copy. It keeps
// at most a few.
func (l *Log) Quarantine(segmentNumber uint64, dir string) (string, error) {
	const most = 4
	l.mu.Lock()
	i := slices.IndexFunc(l.segments, func(s *segment) bool { return s.number == segmentNumber })
	l.mu.Unlock()
	if i < 0 {
		return "", nil
	}
	if err := l.fs.MkdirAll(dir); err != nil {
		return "", err
	}
	name := fmt.Sprintf("segment-%d", segmentNumber)
	names, err := l.fs.List(dir)
	if err != nil || len(names) >= most || slices.Contains(names, name) {
		return "", err
	}
	path := filepath.Join(dir, name)
	return path, l.copySlot(l.segments[i].slot, path)
}

func (l *Log) copySlot(slot int, path string) error {
	from, err := l.fs.Open(l.name(slot))
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := l.fs.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	size, err := from.Size()
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for at := int64(0); at < size; {
		n, err := from.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if n == 0 && err != nil && err != io.EOF {
			n = l.o.BlockSize // unreadable: leave a hole in the copy
		} else if _, err := to.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	return to.Sync()
}

func wallMillis() int64 { return time.Now().UnixMilli() }
