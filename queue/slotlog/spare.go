package slotlog

import (
	"errors"
	"fmt"
	"path/filepath"
)

// ErrFull: another slot would be more than MaxBytes or KeepFree allow.
var ErrFull = errors.New("the space set aside for the log is used up")

// mostSpares is how many slots are kept ready at most. A log that cannot get any more slots goes on as long as it has two: what is
// small and has to be written fills one and then the other, and the first is free by then if a checkpoint covers it.
const mostSpares = 2

// always is how many slots may be made whatever KeepFree says: with fewer a log cannot go round.
const always = 4

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

// Prepare makes spare slots until there are want of them (1 or 2), so that a commit does not have to wait for it, and looks how many
// more there could be. ErrFull: MaxBytes or KeepFree forbid it.
func (l *Log) Prepare(want int) error {
	l.look()
	for l.Spares() < want {
		if made, err := l.prepare(want); !made || err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spareErr = nil
	return nil
}

// prepare makes one. False: somebody else does.
func (l *Log) prepare(want int) (made bool, err error) {
	l.mu.Lock()
	if len(l.spare) >= want || l.preparing != nil {
		l.mu.Unlock()
		return false, nil
	}
	l.regained = 0
	if l.growth <= 0 {
		l.spareErr = ErrFull
		l.mu.Unlock()
		return false, ErrFull
	}
	slot := l.nextSlot
	l.nextSlot++
	ready := make(chan struct{})
	l.preparing = ready
	l.mu.Unlock()
	err = l.makeSlot(slot)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.preparing, l.spareErr = nil, err
	close(ready)
	if err == nil {
		l.spare = append(l.spare, slot)
	}
	return true, err
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
	l.growth, l.regained = max(0, l.growth-1), max(0, l.regained-1)
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
