package queue

import "time"

// Wall is the date of a moment, if one that can be relied on is known in the life of the kernel that it belongs to: also for
// what was published before the date was known, and for earlier starts of this program.
func (s *Store) Wall(at Stamp) (time.Time, bool) {
	zero, known := s.zero(at.Boot)
	if !known {
		return time.Time{}, false
	}
	return time.UnixMilli((zero + at.At).Milliseconds()), true
}

// MayDate tells whether Wall knows the date of a moment, or may know it later in this run: nobody learns any more what a life of the kernel did
// not know that is over.
func (s *Store) MayDate(at Stamp) bool {
	if _, known := s.zero(at.Boot); known || at.Boot == s.boot {
		return true
	}
	r := s.runs.of(at.Boot)
	return r != nil && r.known() && r.id == s.o.Boot.ID
}

// zero is the date at which the boot clock of a boot stood at 0.
func (s *Store) zero(boot uint32) (time.Duration, bool) {
	this := run{boot: s.boot, id: s.o.Boot.ID}
	r := &this
	if boot != s.boot {
		if r = s.runs.of(boot); r == nil {
			return 0, false
		}
	}
	d := r.dates
	if r.boot == s.boot || r.known() && r.id == this.id {
		if ms, trusted := s.o.Boot.Wall(); trusted { // the latest word counts: the date may have been stepped since an earlier one
			return time.Duration(ms)*time.Millisecond - s.clock.now(), true
		}
		if now := s.dates.Load(); now != nil {
			d.merge(*now)
		}
	}
	for i := range s.runs {
		if r.known() && s.runs[i].id == r.id {
			d.merge(s.runs[i].dates)
		}
	}
	return d.high, d.known
}

func (r runs) of(boot uint32) *run {
	for i := range r {
		if r[i].boot == boot {
			return &r[i]
		}
	}
	return nil
}

// LastDate is the latest date that the log proves: no later than when the power was lost. False: it knows none.
func (s *Store) LastDate() (last time.Time, known bool) {
	for i := range s.runs {
		r := &s.runs[i]
		if !r.dates.known {
			continue
		}
		if t := time.UnixMilli((r.dates.low + r.last).Milliseconds()); t.After(last) {
			last, known = t, true
		}
	}
	return last, known
}

// StampAt is a moment of this run of the program on the boot clock. t must have Go's monotonic reading.
func (s *Store) StampAt(t time.Time) Stamp {
	now := s.Now()
	now.At = max(0, now.At-time.Since(t))
	return now
}
