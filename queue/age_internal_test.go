package queue

import (
	"testing"
	"time"
)

// at a date of a calendar that begins somewhere in 2026, on a boot clock.
func on(date, clock time.Duration) dates {
	const begin = 1_780_000_000_000
	var d dates
	d.note(clock, begin+date.Milliseconds())
	return d
}

func joined(all ...dates) (d dates) {
	for _, o := range all {
		d.merge(o)
	}
	return d
}

// TestSince: a stamp is made one hour after the first kernel started, at date 0. Between the kernels the station was off.
func TestSince(t *testing.T) {
	const h, day = time.Hour, 24 * time.Hour
	kernel := func(n byte, first, last time.Duration, d dates) run {
		return run{boot: uint32(n), id: [16]byte{n}, first: first, last: last, dates: d}
	}
	never := dates{}
	for _, c := range []struct {
		name string
		runs runs
		want time.Duration
	}{
		{"the same kernel", runs{kernel(1, 0, 3*h, never)}, 2 * h},
		{"the same kernel, a date steps on", runs{kernel(1, 0, 3*h, joined(on(0, h), on(900*day, 2*h)))}, 2 * h},
		{"off, no date", runs{kernel(1, 0, 3*h, never), kernel(2, 0, h, never)}, 3 * h},
		{"off a day, dates of both", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, on(day, 0))}, day + h - doubt},
		{"off a day, the date before it is later than the stamp", runs{kernel(1, 0, 3*h, on(2*h, 3*h)), kernel(2, 0, h, on(day+h, h))}, day + h - doubt},
		{"a date before only", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, never)}, 3 * h},
		{"a date after only", runs{kernel(1, 0, 3*h, never), kernel(2, 0, h, on(day, 0))}, 3 * h},
		{"a date after that is too early", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, on(-day, 0))}, 3 * h},
		{"the date steps on after", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, joined(on(day, 0), on(900*day, h)))}, day + h - doubt},
		{"the date stepped on before", runs{kernel(1, 0, 3*h, joined(on(-900*day, h), on(0, h))), kernel(2, 0, h, on(day, 0))}, day + h - doubt},
		{"no date in the last one", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, on(day, 0)), kernel(3, 0, h, never)}, day + 2*h - doubt},
		{"no date in the middle", runs{kernel(1, 0, 3*h, on(0, h)), kernel(2, 0, h, never), kernel(3, 0, h, on(9*day, 0))}, 9*day + h - doubt},
		{"no date in the first", runs{kernel(1, 0, 3*h, never), kernel(2, 0, h, on(day, h)), kernel(3, 0, h, on(9*day, 0))}, 8*day + 3*h + h - doubt},
		{"a later run of the first kernel has the date", runs{
			kernel(1, 0, 3*h, never), {boot: 8, id: [16]byte{1}, first: 4 * h, last: 5 * h, dates: on(3*h, 4*h)}, kernel(2, 0, h, on(day, 0)),
		}, day + h - doubt},
		{"kernels without identity", runs{
			{boot: 1, first: 0, last: 3 * h, dates: on(0, h)}, {boot: 2, first: h, last: 2 * h, dates: on(day, h)},
		}, day + h - doubt},
	} {
		if got := c.runs.since(Stamp{Boot: 1, At: h}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	earlier := runs{{boot: 8, id: [16]byte{1}, last: h / 2, dates: on(-h, 0)}, kernel(1, h, 3*h, never), kernel(2, 0, h, on(day, 0))}
	if got, want := earlier.since(Stamp{Boot: 1, At: h}), day+h-doubt; got != want {
		t.Errorf("an earlier run of the kernel has the date: %v, want %v", got, want)
	}
}

// TestSinceIsRemembered: what is remembered of a boot gives no other age than the walk over all runs.
func TestSinceIsRemembered(t *testing.T) {
	const h = time.Hour
	now := 10 * h
	s := newStore("q", nil, Options{Boot: Boot{ID: [16]byte{9}, Clock: func() time.Duration { return now }}}.withDefaults())
	s.boot = 9
	s.runs = runs{{boot: 1, id: [16]byte{1}, first: 0, last: 3 * h, dates: on(0, h)}, {boot: 2, id: [16]byte{2}, first: h, last: 2 * h}}
	for _, dated := range []bool{false, true} {
		if dated {
			d := on(200*h, 10*h)
			s.dates.Store(&d)
		}
		for _, st := range []Stamp{{1, 5 * h}, {1, h}, {1, 2 * h}, {2, h}, {1, 3 * h}, {2, 5 * h}, {2, 90 * time.Minute}, {7, h}, {1, 0}} {
			got := s.Since(st)
			this := run{boot: 9, id: [16]byte{9}, first: s.opened, last: s.clock.now()}
			if d := s.dates.Load(); d != nil {
				this.dates = *d
			}
			want := append(s.runs[:2:2], this).since(st)
			if got > want || want-got > time.Minute && st.At <= 3*h && st != (Stamp{2, 5 * h}) {
				t.Errorf("dated %t, %+v: %v, want %v", dated, st, got, want)
			}
		}
	}
}

// A date from outside all calendars proves nothing, and makes no number overflow.
func TestNoDate(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		wall int64
	}{{0, -1}, {0, 1 << 62}, {1 << 62, 0}} {
		var d dates
		if d.note(c.at, c.wall); d.known {
			t.Errorf("%d ms at %v is a date", c.wall, c.at)
		}
	}
}
