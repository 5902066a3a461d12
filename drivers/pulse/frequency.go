package pulse

import (
	"slices"
	"time"
)

// frequency measures the time between pulses by the kernel's stamps: it is exact where counting pulses in a window would know one more
// or less.
type frequency struct {
	over  time.Duration
	since time.Time // when watching began
	count uint64
	marks []mark // some of the pulses, in order of time; at most one is from before the window
	last  mark
}

func newFrequency(over time.Duration) frequency { return frequency{over: over} }

// begin starts anew: nothing is known from before now.
func (f *frequency) begin(now time.Time) {
	f.since, f.count, f.marks, f.last = now, 0, f.marks[:0], mark{}
}

// add notes pulses up to one whose time is known. Of those within one part of the window the first is remembered, and the very last.
func (f *frequency) add(at time.Time, pulses uint64) {
	f.count += pulses
	f.last = mark{at, f.count}
	if n := len(f.marks); n == 0 || at.Sub(f.marks[n-1].at) >= f.over/parts {
		f.marks = append(f.marks, f.last)
		f.forget(at)
	}
}

// forget drops the marks from before the window but one.
func (f *frequency) forget(now time.Time) {
	begin := now.Add(-f.over)
	n := 0
	for n+1 < len(f.marks) && !f.marks[n+1].at.After(begin) {
		n++
	}
	f.marks = slices.Delete(f.marks, 0, n)
}

// hertz is the frequency now, 0 when no pulse came for a window. ok is false while that is not known: no two pulses have come yet, nor
// has a window passed.
func (f *frequency) hertz(now time.Time) (hz float64, ok bool) {
	f.forget(now)
	silent := now.Sub(f.last.at)
	if f.count == 0 || silent > f.over {
		return 0, now.Sub(f.since) >= f.over
	}
	first := f.marks[0]
	took := f.last.at.Sub(first.at)
	if f.last.pulses == first.pulses || took <= 0 {
		return 0, now.Sub(f.since) >= f.over
	}
	hz = float64(f.last.pulses-first.pulses) / took.Seconds()
	if s := silent.Seconds(); s > 0 {
		hz = min(hz, 1/s) // a pulse that is late: it is slower than it was
	}
	return hz, true
}
