package mapping

import (
	"math"
	"slices"
	"sync"
	"time"

	"skerry/drivers"
)

// Present is what every value of the station is now, as it was published or would be without a deadband. Any number of
// goroutines use it: derived values and alarms look at sensors that others ask.
type Present struct {
	mu       sync.Mutex
	values   map[string]Now // by SENSOR.VALUE
	watchers []*Watcher
}

// Now is one value.
type Now struct {
	Number  float64 // NaN: none
	Text    string
	Unit    string
	Time    time.Time // of the measurement
	Quality drivers.Quality
	Undated bool   // Time is by a clock that was not set
	Rounded []byte // the number as it is printed; nil: none
}

// Usable reports whether the value can be computed with: it is good, or only its time is not.
func (n Now) Usable() bool { return n.Quality == drivers.Good || n.Quality == drivers.ClockUnset }

// NewPresent is a station of which nothing is known yet.
func NewPresent() *Present { return &Present{values: map[string]Now{}} }

// Look returns a value by its name SENSOR.VALUE; false if nothing is known of it yet.
func (p *Present) Look(name string) (Now, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.values[name]
	return n, ok
}

// Set makes a value another one.
func (p *Present) Set(name string, n Now) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[name] = n
	for _, w := range p.watchers {
		w.note(name, n)
	}
}

// Change is that a value has become another one, or was read again.
type Change struct {
	Name string
	Now  Now
}

// maxChanges is about how many changes wait for a watcher that does not come. What is missing then are old ones; the last of each
// value is always there.
const maxChanges = 4096

// Watcher is who wants to see every change of some values, in their order. It is for one goroutine.
type Watcher struct {
	present *Present
	names   map[string]bool
	waiting []Change
	news    chan struct{} // capacity 1
}

// Watch gives the changes of values from now on.
func (p *Present) Watch(names []string) *Watcher {
	w := &Watcher{present: p, names: map[string]bool{}, news: make(chan struct{}, 1)}
	for _, n := range names {
		w.names[n] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers = append(p.watchers, w)
	return w
}

// note is called with the lock held.
func (w *Watcher) note(name string, n Now) {
	if !w.names[name] {
		return
	}
	if len(w.waiting) == maxChanges {
		w.forget()
	}
	w.waiting = append(w.waiting, Change{name, n})
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// forget drops the oldest changes, but for those that were the last of their value.
func (w *Watcher) forget() {
	later := map[string]bool{}
	for _, c := range w.waiting[maxChanges/4:] {
		later[c.Name] = true
	}
	var last []Change
	for _, c := range slices.Backward(w.waiting[:maxChanges/4]) {
		if !later[c.Name] {
			later[c.Name] = true
			last = append(last, c)
		}
	}
	slices.Reverse(last)
	w.waiting = append(last, w.waiting[maxChanges/4:]...)
}

// News is signalled when there are changes.
func (w *Watcher) News() <-chan struct{} { return w.news }

// Take returns the changes since the last Take.
func (w *Watcher) Take() []Change {
	w.present.mu.Lock()
	defer w.present.mu.Unlock()
	taken := w.waiting
	w.waiting = nil
	return taken
}

// present is what others see of a value.
func (v *value) present() Now {
	n := Now{Number: v.now.number, Text: v.now.text, Unit: v.config.Unit, Time: v.now.time, Quality: v.now.quality, Undated: v.now.undated}
	if !math.IsNaN(n.Number) {
		n.Rounded = v.step.append(nil, n.Number)
	}
	return n
}
