package slotlog

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"skerry/queue/vfs"
)

// Open reads the slots of dir. A newer format is ErrFormat, before anything is touched. The log must be replayed
// before it is written.
func Open(fsys vfs.FS, dir string, o Options) (*Log, error) {
	l := &Log{fs: fsys, dir: dir, o: o}
	if l.o.SlotSize == 0 {
		l.o.SlotSize = 4 << 20
	}
	if l.o.BlockSize == 0 {
		l.o.BlockSize = 4096
	}
	if err := l.o.check(); err != nil {
		return nil, err
	}
	slots, err := l.readHeaders()
	if err != nil {
		return nil, err
	}
	l.chooseUUID(slots)
	if err := l.placeSegments(slots); err != nil {
		return nil, err
	}
	l.keepSpares()
	if err := l.fixEnds(); err != nil {
		return nil, err
	}
	l.boot++
	return l, nil
}

func (o Options) check() error {
	if o.BlockSize < 2*sector || o.BlockSize > 32<<10 || o.BlockSize%sector != 0 {
		return fmt.Errorf("block size %d: must be 1 to 32 KiB in steps of 512 bytes", o.BlockSize)
	}
	if o.SlotSize%int64(o.BlockSize) != 0 || o.SlotSize < 8*int64(o.BlockSize) || o.SlotSize/int64(o.BlockSize) > 1<<16-1 {
		return fmt.Errorf("slot size %d: must be 8 to 65535 blocks of %d bytes", o.SlotSize, o.BlockSize)
	}
	return nil
}

// slotFile is a slot as Open finds it.
type slotFile struct {
	index  int
	size   int64
	header *header
}

func (l *Log) readHeaders() ([]slotFile, error) {
	names, err := l.fs.List(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list slots: %w", err)
	}
	var slots []slotFile
	for _, name := range names {
		var s slotFile
		if _, err := fmt.Sscanf(name, "slot-%d", &s.index); err != nil || filepath.Base(l.name(s.index)) != name {
			continue
		}
		if err := l.readHeader(&s); err != nil {
			return nil, err
		}
		slots = append(slots, s)
		l.nextSlot = max(l.nextSlot, s.index+1)
	}
	l.stats.Slots = len(slots)
	return slots, nil
}

// readHeader takes whichever copy is whole. What cannot be read counts as damaged: only a newer format is an error.
func (l *Log) readHeader(s *slotFile) error {
	f, err := l.fs.Open(l.name(s.index))
	if err != nil {
		return nil
	}
	defer f.Close()
	if s.size, err = f.Size(); err != nil {
		return nil
	}
	var b [sector]byte
	for i := range 2 {
		if _, err := f.ReadAt(b[:], int64(i*sector)); err != nil {
			continue
		}
		h, ok := decodeHeader(b[:])
		if ok && h.newer() {
			return fmt.Errorf("%s: format %d.%d: %w", l.name(s.index), h.major, h.minor, ErrFormat)
		}
		if ok && s.header == nil && h.blockSize >= sector {
			s.header = &h
		}
	}
	return nil
}

// chooseUUID takes the identity most slots agree on, and of those with as many the one that wrote last.
func (l *Log) chooseUUID(slots []slotFile) {
	type vote struct {
		n    int
		last uint64
	}
	votes := map[UUID]vote{}
	for _, s := range slots {
		if s.header != nil {
			v := votes[s.header.uuid]
			votes[s.header.uuid] = vote{v.n + 1, max(v.last, s.header.segment)}
		}
	}
	var best vote
	for u, v := range votes {
		if v.n > best.n || v.n == best.n && v.last > best.last {
			best, l.uuid = v, u
		}
	}
	if len(votes) == 0 {
		_, _ = rand.Read(l.uuid[:]) // never fails since Go 1.24
	}
	l.seed = l.uuid.seed()
}

// placeSegments sorts the slots into segments and spares. The block size of the store wins over the one asked for.
func (l *Log) placeSegments(slots []slotFile) error {
	for _, s := range slots {
		if s.header != nil && s.header.uuid == l.uuid {
			l.o.BlockSize = int(s.header.blockSize)
		}
	}
	if err := l.o.check(); err != nil {
		return err
	}
	for _, s := range slots {
		switch {
		case s.header == nil:
			l.placeHeaderless(s)
		case s.header.uuid == l.uuid:
			l.addSegment(&segment{
				number: s.header.segment, slot: s.index, places: l.places(s.size), header: s.header,
				firstChunk: s.header.firstChunk, firstSeq: s.header.firstSeq, boot: s.header.boot,
			})
		}
	}
	slices.SortFunc(l.segments, func(a, b *segment) int { return cmp.Compare(a.number, b.number) })
	return nil
}

func (l *Log) places(size int64) int { return max(0, int(size/int64(l.o.BlockSize))-1) }

// addSegment keeps one slot per segment number: the highest generation, then a whole header, then the later boot.
func (l *Log) addSegment(s *segment) {
	l.boot = max(l.boot, s.boot)
	rank := func(s *segment) (uint32, uint32) {
		if s.header == nil {
			return 0, s.boot
		}
		return s.header.generation + 1, s.boot
	}
	for i, have := range l.segments {
		if have.number != s.number {
			continue
		}
		g, b := rank(s)
		hg, hb := rank(have)
		if g > hg || g == hg && b > hb {
			l.segments[i] = s
		}
		return
	}
	l.segments = append(l.segments, s)
}

// placeHeaderless looks into a slot both of whose headers are damaged: its blocks say which segment it held last. A
// slot that was never used is a spare; if it is not even whole, the power went while it was made. Anything else is
// left alone.
func (l *Log) placeHeaderless(s slotFile) {
	f, err := l.fs.Open(l.name(s.index))
	if err != nil {
		return
	}
	defer f.Close()
	var last uint64
	found := l.scan(f, l.places(s.size))
	for number := range found {
		last = max(last, number)
	}
	switch b := found[last]; {
	case b != nil:
		l.addSegment(&segment{
			number: last, slot: s.index, places: l.places(s.size),
			firstChunk: b.lowest, firstSeq: b.chunks[b.lowest].seq, boot: b.boot,
		})
	case !l.unused(f, s.size):
	case s.size == l.o.SlotSize:
		l.spare = append(l.spare, s.index)
	default:
		_ = l.fs.Remove(l.name(s.index))
	}
}

// unused tells whether there are only zeros behind the place of the header. The header itself may be the torn first
// one.
func (l *Log) unused(f vfs.File, size int64) bool {
	buf := make([]byte, l.o.BlockSize)
	for at := int64(len(buf)); at < size; at += int64(len(buf)) {
		n, err := f.ReadAt(buf, at)
		if err != nil && err != io.EOF || bytes.ContainsFunc(buf[:n], func(r rune) bool { return r != 0 }) {
			return false
		}
	}
	return true
}

// keepSpares makes sure that the spares found are still there after a power cut.
func (l *Log) keepSpares() {
	if len(l.spare) > 0 && l.fs.SyncDir(l.dir) != nil {
		l.spare = nil
	}
}

// fixEnds finds where each segment ends: the next header says it, or else its own blocks do.
func (l *Log) fixEnds() error {
	for i, s := range l.segments {
		l.boot = max(l.boot, s.boot)
		if i+1 < len(l.segments) {
			if next := l.segments[i+1]; next.header != nil && next.number == s.number+1 {
				s.end = Position{next.header.prevChunk, int(next.header.prevUsed)}
				continue
			}
		}
		if err := l.fixEnd(s); err != nil {
			return err
		}
	}
	return nil
}

// fixEnd also syncs the slot: if the last process was killed, its blocks may be in the page cache only, and what is
// replayed must not be lost by a power cut after that. A sync that fails is an error: to go on would be to promise
// what is not on the disk, to go back would be to break a promise that may have been made.
func (l *Log) fixEnd(s *segment) error {
	s.end = Position{Chunk: s.firstChunk}
	f, err := l.fs.Open(l.name(s.slot))
	if err != nil {
		return nil // counted as damage by the reader
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync the end of the log: %w", err)
	}
	b := l.scan(f, s.places)[s.number]
	if b == nil {
		return nil
	}
	s.end = b.findEnd(s.firstChunk, l.capacity())
	l.torn += b.beyond(s.end)
	l.boot = max(l.boot, b.boot)
	return nil
}
