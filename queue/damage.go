package queue

import (
	"math"
	"path/filepath"
	"sync"

	"skerry/queue/slotlog"
)

// damage is what could not be read of the log: each segment counts once.
type damage struct {
	mu   sync.Mutex
	lost map[uint64]uint64 // records that are counted as lost, by segment; allTold
}

// allTold: all that is lost of a segment has been counted.
const allTold = math.MaxUint64

// first tells whether the segment was not known to be damaged.
func (d *damage) first(segment uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.lost[segment]; known {
		return false
	}
	if d.lost == nil {
		d.lost = map[uint64]uint64{}
	}
	d.lost[segment] = allTold
	return true
}

// more notes how many records a reader misses in a segment, and tells how many of them are not counted yet.
func (d *damage) more(segment, lost uint64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.lost[segment]
	if lost <= known {
		return 0
	}
	d.lost[segment] = lost
	return lost - known
}

// tell says how many records of a segment are counted so far.
func (d *damage) tell(segment, lost uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost[segment] = lost
}

// noteDamage takes note of damage that was met while the store was running: it is counted and set aside, and sessions
// whose messages may be lost have the packet ids of those swept.
func (s *Store) noteDamage(segments []uint64, lost uint64) {
	for _, n := range segments {
		if s.damage.first(n) {
			s.nameDamage(n, lost)
			lost = 0
		}
	}
}

func (s *Store) nameDamage(segment, lost uint64) {
	s.damaged.Add(1)
	s.lostRecords.Add(lost)
	s.o.Log.Error("part of the store could not be read: what could be is used",
		"segment", segment, "lost", lost, "copy", s.setAside(segment))
	s.hurtAll()
}

// setAside copies a damaged slot and returns the name of the copy, if one was made.
func (s *Store) setAside(segment uint64) string {
	path, err := s.log.Quarantine(segment, filepath.Join(s.dir, "quarantine"))
	if err != nil || path == "" {
		return ""
	}
	s.quarantined.Add(1)
	return path
}

func (s *Store) hurtAll() {
	for x := range s.Sessions() {
		x.mu.Lock()
		x.hurt = true
		x.mu.Unlock()
	}
}

// readDamage takes note of what a reader met. How much is missing it may know only some turns later, when it has found the next record.
func (s *Store) readDamage(r *slotlog.Reader) {
	for _, n := range r.DamagedSegments() {
		if s.damage.first(n) {
			s.nameDamage(n, r.LostIn(n))
			s.damage.tell(n, r.LostIn(n))
			continue
		}
		s.lostRecords.Add(s.damage.more(n, r.LostIn(n)))
	}
}
