package pulse

import (
	"slices"
	"time"
)

// parts is how finely a window is divided: what it forgets, it forgets a part at a time, so that its size does not grow with the pulses.
const parts = 60

// window remembers how the count stood in the past.
type window struct {
	over  time.Duration
	marks []mark // in order of time; the first is at or before the beginning of the window
}

// mark is how many pulses there were at a time, including the one at that time.
type mark struct {
	at     time.Time
	pulses uint64
}

func newWindow(over time.Duration) window { return window{over: over} }

// begin starts anew: nothing is known from before now.
func (w *window) begin(now time.Time, pulses uint64) {
	w.marks = append(w.marks[:0], mark{now, pulses})
}

// add notes a pulse that brought the count to pulses. Pulses within one part share the mark of the first.
func (w *window) add(at time.Time, pulses uint64) {
	last := &w.marks[len(w.marks)-1]
	if len(w.marks) > 1 && at.Sub(last.at) < w.over/parts {
		last.pulses = pulses
		return
	}
	w.marks = append(w.marks, mark{at, pulses})
	w.forget(at)
}

// forget drops the marks that no window ending at now or later needs.
func (w *window) forget(now time.Time) {
	begin := now.Add(-w.over)
	n := 0
	for n+1 < len(w.marks) && !w.marks[n+1].at.After(begin) {
		n++
	}
	w.marks = slices.Delete(w.marks, 0, n)
}

// change is by how much the count grew within the window that ends now. ok is false while less than a window has been watched.
func (w *window) change(now time.Time, pulses uint64) (grown uint64, ok bool) {
	w.forget(now)
	first := w.marks[0]
	if first.at.After(now.Add(-w.over)) {
		return 0, false
	}
	return pulses - first.pulses, true
}
