package slotlog

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"skerry/queue/vfs"
)

// roll begins a new segment in a spare slot, made now if there is none. Its header says where the segment before
// ends, so what a torn or failed group left behind that point is dead from here on.
func (l *Log) roll() error {
	slot, err := l.takeSpare()
	if err != nil {
		return err
	}
	s := l.nextSegment(slot)
	f, err := l.fs.Open(l.name(slot))
	if err == nil {
		if err = l.writeHeader(f, s.header); err != nil {
			f.Close()
		}
	}
	if err != nil {
		l.attempt++ // the header may be on the disk: the next one must count for more
		_ = l.unlink(slot)
		return fmt.Errorf("begin slot: %w", err)
	}
	if l.w.file != nil {
		_ = l.w.file.Close() // everything in it that counts was synced
	}
	l.attempt, l.last = 0, nil
	l.w = writer{s: s, file: f, seq: l.w.seq, at: s.firstChunk, place: -1, stale: -1, tail: l.w.tail[:0], durable: s.end}
	sealed, ok := l.append(s)
	l.look()
	if ok && l.o.OnSeal != nil {
		l.o.OnSeal(sealed)
	}
	return nil
}

// writeHeader writes both copies and syncs them. The blocks of the segment the slot held before stay: their number
// says that they are not of this one.
func (l *Log) writeHeader(f vfs.File, h *header) error {
	b := make([]byte, l.o.BlockSize)
	h.append(h.append(b[:0]))
	if _, err := f.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write slot header: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync slot header: %w", err)
	}
	return nil
}

// append adds a segment to the log and seals the one before.
func (l *Log) append(s *segment) (sealed Extent, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n > 0 {
		before := l.segments[n-1]
		before.table, before.nextSeq = nil, s.firstSeq
		sealed, ok = before.extent(), true
	}
	l.segments = append(l.segments, s)
	l.room = l.space()
	l.stats.Flushes++
	l.stats.Bytes += uint64(l.o.BlockSize)
	return sealed, ok
}

// nextSegment follows the last one, and what the checkpoint covers.
func (l *Log) nextSegment(slot int) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, number, flags := l.end(), l.known.covered.Segment+1, uint16(0)
	if n := len(l.segments); n > 0 {
		number = max(number, l.segments[n-1].number+1)
		if l.segments[n-1].failed {
			flags = prevFailed
		}
	}
	if end.Before(l.known.covered.End) {
		end = l.known.covered.End
	}
	chunk := end.Chunk + 1
	if l.w.s == nil && l.comeback {
		number, chunk = number+aside, chunk+aside*mostChunks
	}
	s := &segment{
		number: number, slot: slot, places: l.places(l.o.SlotSize), boot: l.boot, life: newLife(), said: true, agreed: true,
		firstChunk: chunk, firstSeq: l.w.seq, table: table{},
	}
	s.end = Position{Chunk: s.firstChunk}
	s.header = &header{
		major: major, minor: minor, incompat: resumable, blockSize: uint32(l.o.BlockSize), slotSize: uint64(l.o.SlotSize),
		uuid: l.uuid, segment: number, generation: l.attempt, boot: l.boot, firstChunk: s.firstChunk, firstSeq: s.firstSeq,
		prevChunk: end.Chunk, prevUsed: uint32(end.Offset), life: s.life, flags: flags, wall: wallMillis(),
		lowest: l.lowest(),
	}
	return s
}

// aside is how many segments are left free for a slot of which nothing could be read.
const aside = 64

// mayComeBack tells whether a slot that cannot be read now may be the end of the log, so that neither its number nor
// its chunks may be used, nor anything be added to what lies before it. For those that were met by earlier boots,
// numbers have been left free. Open asks once: segments are freed beside the first commit, and leave gaps too.
func (l *Log) mayComeBack() bool {
	left := l.unread
	for i := 1; i < len(l.segments); i++ {
		if l.segments[i].number-l.segments[i-1].number > aside {
			left--
		}
	}
	return left > 0
}

// newLife is drawn for each segment. Should a device that lies bring back the header of a slot's past, and later
// blocks with it, their numbers may be given again.
func newLife() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return binary.LittleEndian.Uint16(b[:])
}

func wallMillis() int64 { return time.Now().UnixMilli() }
