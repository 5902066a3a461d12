package slotlog

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mostCopies are kept of damaged slots.
const mostCopies = 4

// Quarantine copies the slot of a segment into dir, once, and returns the name of the copy. Of more than mostCopies the
// one of the lowest segment gives way, be it the new one: then none is made. Nor is one made where no other slot could be
// (ErrFull). A copy gets its name when it is whole; what a power cut left of one is removed.
func (l *Log) Quarantine(segmentNumber uint64, dir string) (string, error) {
	l.copying.Lock()
	defer l.copying.Unlock()
	slot, ok := l.slotOf(segmentNumber)
	if !ok {
		return "", nil
	}
	if err := l.fs.MkdirAll(dir); err != nil {
		return "", err
	}
	copies, err := l.copiesIn(dir)
	full := len(copies) >= mostCopies
	if err != nil || slices.Contains(copies, segmentNumber) || full && segmentNumber < copies[0] {
		return "", err
	}
	if l.Room().Growth < 1 { // the disk is full
		return "", ErrFull
	}
	path := copyName(dir, segmentNumber)
	if err := l.copySlot(slot, path+unfinished); err != nil {
		_ = l.fs.Remove(path + unfinished)
		return "", err
	}
	for ; len(copies) >= mostCopies; copies = copies[1:] {
		_ = l.fs.Remove(copyName(dir, copies[0]))
	}
	if err := l.fs.Rename(path+unfinished, path); err != nil {
		return "", err
	}
	l.look()
	return path, l.fs.SyncDir(dir)
}

// unfinished ends the name of a copy that is being made.
const unfinished = ".part"

func copyName(dir string, segment uint64) string {
	return filepath.Join(dir, fmt.Sprintf("segment-%d", segment))
}

// copiesIn lists the segments of which there is a copy, in order, and removes what was not finished.
func (l *Log) copiesIn(dir string) (segments []uint64, err error) {
	names, err := l.fs.List(dir)
	for _, name := range names {
		whole, part := strings.CutSuffix(name, unfinished)
		n, ok := strings.CutPrefix(whole, "segment-")
		segment, notNumber := strconv.ParseUint(n, 10, 64)
		switch {
		case !ok || notNumber != nil: // not ours
		case part:
			_ = l.fs.Remove(filepath.Join(dir, name))
		default:
			segments = append(segments, segment)
		}
	}
	slices.Sort(segments)
	return segments, err
}

func (l *Log) slotOf(number uint64) (slot int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.number == number {
			return s.slot, true
		}
	}
	return 0, false
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
