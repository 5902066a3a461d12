package slotlog

import (
	"cmp"
	"path/filepath"
	"slices"
)

// A Slot is a file of the log, for people who look at it.
type Slot struct {
	Name    string
	Segment uint64 // that it holds; 0: none
	Spare   bool   // ready to be used
	Header  bool   // both copies of the header are whole and say the same
}

// Slots lists the files that the log knows, by name. Those that belong to another log, or could not be opened, are none of
// them.
func (l *Log) Slots() []Slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Slot
	for _, s := range l.segments {
		all = append(all, Slot{Name: filepath.Base(l.name(s.slot)), Segment: s.number, Header: s.header != nil && s.agreed})
	}
	for _, n := range l.spare {
		all = append(all, Slot{Name: filepath.Base(l.name(n)), Spare: true, Header: true})
	}
	slices.SortFunc(all, func(a, b Slot) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
