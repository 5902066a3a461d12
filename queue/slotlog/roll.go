package slotlog

import (
	"errors"
	"fmt"
	"path/filepath"
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
	if err != nil {
		return fmt.Errorf("open slot: %w", err)
	}
	b := make([]byte, l.o.BlockSize)
	s.header.append(s.header.append(b[:0]))
	if _, err := f.WriteAt(b, 0); err != nil {
		f.Close()
		return fmt.Errorf("write slot header: %w", err)
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return fmt.Errorf("sync slot header: %w", err)
	}
	if l.w.file != nil {
		_ = l.w.file.Close() // everything in it that counts was synced
	}
	l.w = writer{s: s, file: f, seq: l.w.seq, at: s.firstChunk, place: -1, stale: -1, tail: l.w.tail[:0]}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n > 0 {
		l.segments[n-1].table = nil
	}
	l.segments = append(l.segments, s)
	l.stats.Flushes++
	l.stats.Bytes += uint64(l.o.BlockSize)
	return nil
}

func (l *Log) nextSegment(slot int) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, number := l.end(), uint64(1)
	if n := len(l.segments); n > 0 {
		number = l.segments[n-1].number + 1
	}
	s := &segment{
		number: number, slot: slot, places: l.places(l.o.SlotSize), boot: l.boot,
		firstChunk: end.Chunk + 1, firstSeq: l.w.seq, table: table{},
	}
	s.end = Position{Chunk: s.firstChunk}
	s.header = &header{
		major: major, minor: minor, blockSize: uint32(l.o.BlockSize), slotSize: uint64(l.o.SlotSize), uuid: l.uuid,
		segment: number, boot: l.boot, firstChunk: s.firstChunk, firstSeq: s.firstSeq,
		prevChunk: end.Chunk, prevUsed: uint32(end.Offset), wall: wallMillis(),
	}
	return s
}

// takeSpare takes a slot that is ready or being made, or makes one.
func (l *Log) takeSpare() (int, error) {
	for {
		l.mu.Lock()
		if n := len(l.spare); n > 0 {
			slot := l.spare[n-1]
			l.spare = l.spare[:n-1]
			l.mu.Unlock()
			return slot, nil
		}
		ready := l.preparing
		if ready == nil {
			slot := l.nextSlot
			l.nextSlot++
			l.mu.Unlock()
			return slot, l.makeSlot(slot)
		}
		l.mu.Unlock()
		<-ready
	}
}

// Prepare makes a spare slot if there is none, so that a commit does not have to wait for it.
func (l *Log) Prepare() error {
	l.mu.Lock()
	if len(l.spare) > 0 || l.preparing != nil {
		l.mu.Unlock()
		return nil
	}
	slot := l.nextSlot
	l.nextSlot++
	ready := make(chan struct{})
	l.preparing = ready
	l.mu.Unlock()
	err := l.makeSlot(slot)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.preparing = nil
	close(ready)
	if err == nil {
		l.spare = append(l.spare, slot)
	}
	return err
}

// Spares is the number of slots that are ready.
func (l *Log) Spares() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.spare)
}

// makeSlot writes a slot full of zeros. Its size and place are durable before anything else goes into it.
func (l *Log) makeSlot(slot int) error {
	if err := l.fs.MkdirAll(l.dir); err != nil {
		return fmt.Errorf("make log directory: %w", err)
	}
	f, err := l.fs.Create(l.name(slot))
	if err != nil {
		return fmt.Errorf("create slot: %w", err)
	}
	defer f.Close()
	err = f.Allocate(l.o.SlotSize)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = l.syncDirs()
	}
	if err != nil {
		_ = l.fs.Remove(l.name(slot)) // space for those who need it
		return fmt.Errorf("fill slot: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Slots++
	return nil
}

// syncDirs makes the entry of a new slot durable, and with the first one the directories that lead to it.
func (l *Log) syncDirs() error {
	if err := l.fs.SyncDir(l.dir); err != nil || l.Stats().Slots > 0 {
		return err
	}
	store := filepath.Dir(l.dir)
	return errors.Join(l.fs.SyncDir(store), l.fs.SyncDir(filepath.Dir(store)))
}
