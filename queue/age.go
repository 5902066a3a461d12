package queue

import "time"

// run is what the log proves about one Open: it happened under this kernel, and between these times of its boot
// clock.
type run struct {
	boot        uint32
	id          [16]byte
	first, last time.Duration
}

func (r *run) known() bool { return r.id != [16]byte{} }

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

// since is how long ago a moment of a run is at least: what is left of its kernel's life, the proven lives of the
// kernels between, and the life of the present one, the last run in r, which is now.
func (r runs) since(st Stamp) time.Duration {
	i := 0
	for i < len(r) && r[i].boot != st.Boot {
		i++
	}
	if i == len(r) {
		return 0
	}
	at := r[i]
	at.first = st.At
	kernel := at.id
	var total time.Duration
	for _, next := range append(r[i+1:len(r):len(r)], run{}) {
		if next.known() && next.id == at.id {
			at.last = max(at.last, next.last)
			continue
		}
		total += max(0, at.last-at.first)
		at = next
		if at.known() && at.id != kernel {
			kernel, at.first = at.id, 0 // its clock began when the kernel before had ended
		}
	}
	return total
}

// Now is this moment on the boot clock.
func (s *Store) Now() Stamp { return Stamp{Boot: s.boot, At: s.clock.now()} }

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
	all := append(s.runs[:len(s.runs):len(s.runs)], run{boot: s.boot, id: s.o.Boot.ID, first: s.opened, last: now})
	return all.since(at)
}

// Age is how old m is at least.
func (s *Store) Age(m *Message) time.Duration { return s.Since(m.Stamp) }

// expired tells whether m is proven to be older than its expiry.
func (s *Store) expired(m *Message) bool {
	return m.HasExpiry && s.Age(m) >= time.Duration(m.Expiry)*time.Second
}
