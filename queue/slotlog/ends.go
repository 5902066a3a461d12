package slotlog

import (
	"errors"
	"fmt"
	"slices"

	"skerry/queue/vfs"
)

// tail is what Open saw of the last segment: where it could be resumed.
type tail struct {
	s    *segment
	next int  // the first place above everything of the segment
	sure bool // nothing was unreadable
	hole bool // the device could not read some of it: what was last may be there

	// unproven are the places of the last group. Nothing proves that it is on the disk: if the process before was
	// killed after a sync had failed, it may be in the page cache only, and no sync will write it any more.
	unproven []uint16
}

// fixEnds finds where each segment ends: the next header says it, or the checkpoint, or else its own blocks do.
func (l *Log) fixEnds() error {
	for i, s := range l.segments {
		l.boot = max(l.boot, s.boot)
		if l.endIsSaid(i) {
			continue
		}
		last := i == len(l.segments)-1
		if err := l.fixEnd(s, last); err != nil {
			return err
		}
	}
	for _, s := range l.left {
		l.addSpare(s.slot, int64(s.places+1)*int64(l.o.BlockSize))
	}
	l.left = nil
	return nil
}

func (l *Log) endIsSaid(i int) bool {
	s := l.segments[i]
	if i+1 < len(l.segments) {
		next := l.segments[i+1]
		if next.header != nil && next.number == s.number+1 && next.header.flags&prevUnknown == 0 {
			s.end, s.nextSeq = Position{next.header.prevChunk, int(next.header.prevUsed)}, next.firstSeq
			s.failed = next.header.flags&prevFailed != 0
			return s.plausible()
		}
	}
	if e, ok := l.known.extents[s.number]; ok && s.number <= l.known.covered.Segment {
		s.end, s.nextSeq = e.End, e.NextSeq
		return s.plausible()
	}
	return false
}

// plausible: the end is behind the beginning, and not farther from it than a slot is long.
func (s *segment) plausible() bool {
	return s.end.Chunk >= s.firstChunk && s.end.Chunk-s.firstChunk < mostChunks && s.end.Offset >= 0 && s.end.Offset < unsaid
}

// fixEnd also syncs the slot: if the last process was killed, its blocks may be in the page cache only, and what is
// replayed must not be lost by a power cut after that. If that fails, the blocks are written once more, to another
// slot: to go on would be to promise what is not on the disk, to go back would be to break a promise that may have
// been made.
func (l *Log) fixEnd(s *segment, last bool) error {
	s.end, s.nextSeq = Position{Chunk: s.firstChunk}, 0
	f, err := l.fs.Open(l.name(s.slot))
	if err != nil {
		return nil // counted as damage by the reader
	}
	defer f.Close()
	syncErr := f.Sync()
	found := l.scan(f, s.places).of(s.number, s.life)
	stretches := s.stretches(found.blocks, nowhere)
	x := stretches[len(stretches)-1]
	s.end = x.findEnd(found.blocks, l.capacity())
	if !s.plausible() {
		s.end = Position{Chunk: s.firstChunk}
	}
	l.boot = max(l.boot, found.boot())
	if syncErr != nil {
		if err := l.rescue(s, f, found); err != nil {
			return fmt.Errorf("sync the end of the log: %w", errors.Join(syncErr, err))
		}
	}
	if last {
		l.torn += x.beyond(found.blocks, s.end)
		s.table = s.tableOf(found.blocks, s.end, l.capacity())
		l.lied = l.lied || s.forgotten(x, found)
		proven := Position{Chunk: x.first}
		if d := x.durable(found.blocks); proven.Before(d) {
			proven = d
		}
		l.last = &tail{s: s, next: found.next(), sure: found.unreadable == 0 && syncErr == nil, hole: found.unreadable > 0, unproven: s.after(proven)}
	}
	return nil
}

// after lists the places of what is behind a position.
func (s *segment) after(p Position) (places []uint16) {
	for i, e := range s.table {
		if e.used > 0 && p.Before(Position{s.firstChunk + uint64(i), int(e.used)}) {
			places = append(places, e.place)
		}
	}
	return places
}

// rescue writes the blocks of a segment to a slot of their own. Until its header is there, and durable, the slot they
// come from is the segment.
func (l *Log) rescue(s *segment, from vfs.File, found scanned) error {
	slot, err := l.takeSpare()
	if err != nil {
		return err
	}
	to, err := l.fs.Open(l.name(slot))
	if err != nil {
		return err
	}
	defer to.Close()
	buf := make([]byte, l.o.BlockSize)
	for _, b := range found.blocks {
		if _, err := from.ReadAt(buf, l.offset(int(b.place))); err != nil {
			return err
		}
		if _, err := to.WriteAt(buf, l.offset(int(b.place))); err != nil {
			return err
		}
	}
	if err := to.Sync(); err != nil {
		return err
	}
	h := l.headerAgain(s)
	if err := l.writeHeader(to, h); err != nil {
		return err
	}
	old := s.slot
	s.slot, s.header, s.agreed = slot, h, true
	_ = l.unlink(old) // if it comes back, its generation is lower
	l.spare = slices.DeleteFunc(l.spare, func(spare int) bool { return spare == old })
	return nil
}

// headerAgain is the header of a segment for its next slot.
func (l *Log) headerAgain(s *segment) *header {
	h := header{
		major: major, minor: minor, incompat: resumable, blockSize: uint32(l.o.BlockSize), slotSize: uint64(l.o.SlotSize),
		uuid: l.uuid, segment: s.number, boot: s.boot, firstChunk: s.firstChunk, firstSeq: s.firstSeq,
		flags: prevUnknown, life: s.life, wall: wallMillis(), lowest: l.known.lowest,
	}
	if s.header != nil {
		h = *s.header
	}
	h.generation++
	return &h
}
