package slotlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"skerry/queue/vfs"
)

// ErrReadOnly: the file system of the log is read-only, as Linux makes it after an error of the device.
var ErrReadOnly = errors.New("the file system is read-only")

// Open reads the slots of dir. A newer format is ErrFormat, before anything is touched; so is ErrReadOnly. The log
// must be replayed before it is written.
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
	err := l.open()
	if errors.Is(err, syscall.EROFS) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	slots, err := l.readHeaders()
	if err != nil {
		return err
	}
	if err := l.identify(slots); err != nil {
		return err
	}
	l.placeSegments(slots)
	l.keepSpares()
	if err := l.fixEnds(); err != nil {
		return err
	}
	l.boot = max(l.boot, l.known.boot) + 1
	l.boot = max(l.boot, l.o.Boot)
	l.gone = l.known.gone()
	n := len(l.segments)
	l.lied = l.lied || l.known.covered.Segment > 0 && (n == 0 || l.segments[n-1].number <= l.known.covered.Segment)
	l.comeback = l.mayComeBack()
	if l.canResume(l.last) {
		l.room = l.roomAfter(l.last)
	}
	l.look()
	return nil
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
	agreed bool // both copies are whole and say the same
	closed bool // it could not be opened
	broken bool // because the device could not read it

	scanned    // of a slot without a header
	unused     bool
	unfinished bool
}

func (l *Log) readHeaders() ([]slotFile, error) {
	names, err := l.fs.List(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list slots: %w", err)
	}
	var slots []slotFile
	for _, name := range names {
		var s slotFile
		if _, err := fmt.Sscanf(name, "slot-%d", &s.index); err != nil || s.index < 0 || filepath.Base(l.name(s.index)) != name {
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

// readHeader takes whichever copy is whole, and of two the one of the later segment: the power went while it was
// written over the other. What the device cannot read counts as damaged. What the system does not let us read is an
// error: to begin an empty log beside it would be worse.
func (l *Log) readHeader(s *slotFile) error {
	f, err := l.fs.Open(l.name(s.index))
	if err != nil {
		s.closed, s.broken = true, errors.Is(err, syscall.EIO)
		return refused(err)
	}
	defer f.Close()
	if s.size, err = f.Size(); err != nil {
		return nil
	}
	var b [2 * sector]byte
	whole := 0
	for i := range 2 {
		at := b[i*sector : (i+1)*sector]
		if _, err := f.ReadAt(at, int64(i*sector)); err != nil {
			continue
		}
		h, ok := decodeHeader(at)
		if ok && h.newer() {
			return fmt.Errorf("%s: %s: %w", l.name(s.index), h.unknown(), ErrFormat)
		}
		if !ok || h.blockSize < sector {
			continue
		}
		whole++
		if s.header == nil || h.segment > s.header.segment {
			s.header = &h
		}
	}
	s.agreed = whole == 2 && [sector]byte(b[:sector]) == [sector]byte(b[sector:])
	return nil
}

// refused is an error that says nothing about what is in the slot.
func refused(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (does the file belong to the user the program runs as?)", err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return err
	}
	return nil
}
