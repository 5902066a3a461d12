package slotlog

import (
	"errors"
	"syscall"
)

// Room is how much more the log takes.
type Room struct {
	Current int64 // bytes of records that the slot being written still takes
	Slot    int64 // bytes of records that an empty slot takes
	Spare   int   // slots that are ready; the last one is the reserve when no other can be made
	Growth  int   // slots that could be made besides, as of the last Prepare, Free or new segment
	Slots   int   // in all, used or ready
	Err     error // of the last Prepare: why it could not make a spare
}

// Left is about how many bytes of records fit in all, what Growth promises included. Where a slot ends, up to a group
// of them finds no room.
func (r Room) Left() int64 { return r.Current + int64(r.Spare+r.Growth)*r.Slot }

// Room tells how much more the log takes. It is cheap.
func (l *Log) Room() Room {
	l.mu.Lock()
	defer l.mu.Unlock()
	growth := max(0, l.growth)
	if noSpace(l.spareErr) { // whatever the file system says it has: there are quotas, and it may have no inode left
		growth = min(growth, l.regained)
	}
	return Room{
		Current: l.room, Slot: int64(l.places(l.o.SlotSize) * l.capacity()), Spare: len(l.spare), Growth: growth,
		Slots: l.stats.Slots, Err: l.spareErr,
	}
}

// space is how many bytes of records the slot being written still takes.
func (l *Log) space() int64 {
	places := l.w.s.places - l.w.next
	if l.w.place >= 0 && l.w.stale >= 0 {
		places++
	}
	return int64(max(0, places*l.capacity()-len(l.w.tail)))
}

// noSpace tells whether an error means that there is no room, and not that the disk fails.
func noSpace(err error) bool {
	return errors.Is(err, ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// look finds out how many more slots could be made.
func (l *Log) look() {
	const most = 1 << 20
	growth := int64(most)
	free, err := l.fs.Free(l.dir)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil { // before the first slot there is no directory to ask about
		growth = min(growth, max((free-l.o.KeepFree)/l.o.SlotSize, min(free/l.o.SlotSize, always-int64(l.stats.Slots))))
	}
	if l.o.MaxBytes > 0 {
		growth = min(growth, l.o.MaxBytes/l.o.SlotSize-int64(l.stats.Slots))
	}
	l.growth = int(max(0, growth))
}
