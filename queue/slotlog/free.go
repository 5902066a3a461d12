package slotlog

import (
	"errors"
	"maps"
	"slices"
)

// Free takes sealed segments out of the log, in any order. The caller vouches that no replay will need them: every
// checkpoint that Open could be given covers them. As many slots as keep says stay as spares (1 or 2), the space of the others goes
// back to the file system. The error is about that space only.
func (l *Log) Free(keep int, segments ...uint64) error {
	surplus, readers := l.release(keep, segments)
	for _, r := range readers {
		for _, number := range segments {
			r.files.drop(number)
		}
	}
	var errs []error
	for _, slot := range surplus {
		errs = append(errs, l.unlink(slot))
	}
	l.regain(len(surplus))
	return errors.Join(errs...)
}

// regain notes that slots were given back, so that nothing is dropped for want of room until the next Prepare.
func (l *Log) regain(slots int) {
	l.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.regained += slots
}

// release takes segments out and says which slots are to be removed, and who may have them open.
func (l *Log) release(keep int, segments []uint64) (surplus []int, readers []*Reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, number := range segments {
		i := slices.IndexFunc(l.segments, func(s *segment) bool { return s.number == number })
		if i < 0 || i == len(l.segments)-1 {
			continue
		}
		s := l.segments[i]
		s.freed = true
		l.segments = slices.Delete(l.segments, i, i+1)
		l.gone = max(l.gone, number)
		delete(l.known.extents, number)
		if s.failed || s.places != l.places(l.o.SlotSize) {
			surplus = append(surplus, s.slot)
		} else {
			l.spare = append(l.spare, s.slot)
		}
	}
	if l.growth <= 0 && len(l.segments) > 2 { // what is given back now would have to be made again with the next segment
		keep++
	}
	if n := len(l.spare); n > keep {
		surplus = append(surplus, l.spare[keep:]...)
		l.spare = l.spare[:keep]
	}
	return surplus, slices.Collect(maps.Keys(l.readers))
}

// lowest is the segment below which all were freed, for the next header.
func (l *Log) lowest() uint64 {
	if l.unread > 0 || len(l.segments) == 0 {
		return l.known.lowest
	}
	lowest := l.segments[0].number
	for number := range l.known.extents {
		lowest = min(lowest, number)
	}
	return max(lowest, l.known.lowest)
}
