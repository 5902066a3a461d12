package queue

import (
	"slices"
	"time"
)

// run is what the log proves about one Open: it happened under this kernel, and between these times of its boot
// clock.
type run struct {
	boot        uint32
	id          [16]byte
	first, last time.Duration
	dates       dates
	moved       bool // the log was imported here: this kernel may have run before what is told of earlier ones
}

func (r *run) known() bool { return r.id != [16]byte{} }

// dates are what trusted readings of the wall clock said the date was when the boot clock stood at 0. If somebody
// stepped the date between two readings, low and high differ; whoever computes an age takes the one that makes it
// smaller, so that no step of a clock makes anything older.
type dates struct {
	known     bool
	low, high time.Duration // since 1970
}

// doubt is how far a trusted date may be off.
const doubt = 2 * time.Second

func (d *dates) note(at time.Duration, wall int64) {
	const mostWall, mostAt = 1 << 42, 100 * 366 * 24 * time.Hour // the year 2109; what is beyond is no date
	if wall < 0 || wall > mostWall || at > mostAt {
		return
	}
	zero := time.Duration(wall)*time.Millisecond - at
	d.merge(dates{true, zero, zero})
}

func (d *dates) merge(o dates) {
	switch {
	case !o.known:
	case !d.known:
		*d = o
	default:
		d.low, d.high = min(d.low, o.low), max(d.high, o.high)
	}
}

// runs are the Opens that the log knows of, in order.
type runs []run

// note takes a moment of a run that the log proves.
func (r *runs) note(boot uint32, at time.Duration) {
	if n := len(*r); n > 0 && (*r)[n-1].boot == boot {
		last := &(*r)[n-1]
		last.first, last.last = min(last.first, at), max(last.last, at)
		return
	}
	*r = append(*r, run{boot: boot, first: at, last: at})
}

// noteTime takes a record of the time.
func (r *runs) noteTime(boot uint32, t timeRecord) {
	r.note(boot, t.at)
	if t.trusted {
		(*r)[len(*r)-1].dates.note(t.at, t.wall)
	}
}

// since is how long ago a moment of a run is at least: what is left of its kernel's life, the proven lives of the
// kernels between, and the life of the present one, the last run in r, which is now. The time between two kernels
// counts only where a trusted date is known of one before and of one after it.
func (r runs) since(st Stamp) time.Duration {
	i := slices.IndexFunc(r, func(u run) bool { return u.boot == st.Boot })
	if i < 0 && len(r) > 0 && st.Boot < r[0].boot { // of a run that was forgotten: at least since the first that is known
		i, st.At = 0, r[0].first
	}
	if i < 0 {
		return 0
	}
	at := r[i]
	for k := i - 1; k >= 0 && at.known() && r[k].id == at.id; k-- {
		at.dates.merge(r[k].dates)
	}
	r.join(&at, &i)
	at.first = st.At
	kernel := at.id
	var age, date time.Duration // age when `at` began; the latest date that st can have
	dated := false
	for {
		if at.dates.known {
			if d := at.dates.high + at.first - age; !dated || d < date {
				date, dated = d, true
			}
		}
		age += max(0, at.last-at.first)
		if i == len(r) {
			return age
		}
		at = r[i]
		r.join(&at, &i)
		if at.known() && at.id != kernel {
			kernel = at.id
			if !at.moved {
				at.first = 0 // its clock began when the kernel before had ended
			}
		}
		if dated && at.dates.known {
			age = max(age, at.dates.low+at.first-date-doubt)
		}
	}
}

// join adds to run i the ones after it that were under the same kernel, and moves i behind them.
func (r runs) join(at *run, i *int) {
	for *i++; *i < len(r) && at.known() && r[*i].id == at.id; *i++ {
		at.last = max(at.last, r[*i].last)
		at.dates.merge(r[*i].dates)
	}
}

// Now is this moment on the boot clock.
func (s *Store) Now() Stamp {
	s.clock.sync()
	return Stamp{Boot: s.boot, At: s.clock.now()}
}

// Since is how long ago a moment is at least. It is exact within one run of the kernel; of earlier ones it counts
// what the log proves. Of the zero Stamp nothing is known: 0.
func (s *Store) Since(at Stamp) time.Duration {
	now := s.clock.now()
	switch at.Boot {
	case 0:
		return 0
	case s.boot:
		return max(0, now-at.At)
	}
	if k := s.ages.Load(); k != nil && k.boot == at.Boot && k.dates == s.dates.Load() {
		return max(0, now-at.At+k.more)
	}
	return s.sinceEarlier(at, now)
}

// bootAge is what a moment of an earlier boot is older than its boot clock and the present one say. A backlog is of few
// boots and has many messages.
type bootAge struct {
	boot  uint32
	dates *dates // what was known of the date then
	more  time.Duration
}

func (s *Store) sinceEarlier(at Stamp, now time.Duration) time.Duration {
	this := run{boot: s.boot, id: s.o.Boot.ID, first: s.opened, last: now}
	d := s.dates.Load()
	if d != nil {
		this.dates = *d
	}
	all := append(s.runs[:len(s.runs):len(s.runs)], this)
	age := all.since(at)
	if slices.ContainsFunc(all, func(r run) bool { return r.boot == at.Boot && at.At <= r.last }) { // else it is not to the point
		s.ages.Store(&bootAge{at.Boot, d, age - (now - at.At)})
	}
	return age
}

// time is this moment as it goes into the log. That the date can be trusted is remembered; fresh: it could not be
// before.
func (s *Store) time() (r timeRecord, fresh bool) {
	s.clock.sync()
	r.at = s.clock.now()
	if r.wall, r.trusted = s.o.Boot.Wall(); !r.trusted {
		return r, false
	}
	for {
		old := s.dates.Load()
		var d dates
		if old != nil {
			d = *old
		}
		if d.note(r.at, r.wall); s.dates.CompareAndSwap(old, &d) {
			return r, old == nil
		}
	}
}

// Age is how old m is at least.
func (s *Store) Age(m *Message) time.Duration { return s.Since(m.Stamp) }

// expired tells whether m is proven to be older than its expiry.
func (s *Store) expired(m *Message) bool {
	return m.HasExpiry && s.Age(m) >= time.Duration(m.Expiry)*time.Second
}
