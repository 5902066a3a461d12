package sim

import (
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"skerry/drivers"
)

// keep is how many edges wait for a driver, as on a real board.
const keep = 1024

// Line is a simulated GPIO line with a rain gauge on it.
type Line struct {
	name string

	mu      sync.Mutex
	taken   *edges // nil: nobody has it
	driven  *output
	level   bool // of an output; it keeps it
	missing bool
	quiet   bool
	tips    uint32
	next    time.Time
	pulses  *pulses // nil: the rain gauge
}

func newLine(name string) *Line { return &Line{name: name} }

// Quiet stops the rain gauge: only edges that are played come.
func (l *Line) Quiet() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = true
}

// Taken tells whether a driver has the line.
func (l *Line) Taken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken != nil
}

// Play makes n edges, now. Nobody sees them while no driver has the line, see Taken.
func (l *Line) Play(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fall()
	for range n {
		l.edge(time.Now())
	}
}

// Lose makes n edges that are numbered and not kept, as when a queue of the kernel is full.
func (l *Line) Lose(n uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fall()
	if l.taken != nil {
		l.taken.seq += n
	}
}

// Unplug takes the line away, and Plug brings it back: a GPIO chip on a USB adapter.
func (l *Line) Unplug() { l.setMissing(true) }

// Plug ends Unplug.
func (l *Line) Plug() { l.setMissing(false) }

func (l *Line) setMissing(missing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missing = missing
}

func (l *Line) open(c drivers.PinConfig) (drivers.Edges, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.missing:
		return nil, fmt.Errorf("no line %s; plug the adapter in", l.name)
	case l.taken != nil || l.driven != nil:
		return nil, fmt.Errorf("line %s: in use; name another pin", l.name)
	}
	l.fall() // what nobody has seen
	l.taken = &edges{line: l, rising: c.Trigger == drivers.Rising}
	l.next = time.Now().Add(time.Second)
	return l.taken, nil
}

// Pulses makes as many edges as count says: it is how many there were up to a moment, and grows. It is asked about later and later ones.
func (l *Line) Pulses(count func(at time.Time) float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.pulses = &pulses{count: count, at: now, n: count(now)}
}

// pulses are edges by a number that grows.
type pulses struct {
	count func(at time.Time) float64
	at    time.Time // up to when they were made
	n     float64
}

// until makes those up to now: between two looks, which are a tenth of a second apart, the number grows evenly. A line has 100,000 a
// second at most.
func (p *pulses) until(now time.Time, edge func(at time.Time)) {
	took := now.Sub(p.at)
	for i, steps := time.Duration(0), took/(100*time.Millisecond)+1; i < steps; i++ {
		from, n := p.at, p.n
		p.at = now.Add(-took * (steps - 1 - i) / steps)
		p.n = min(max(n, p.count(p.at)), n+10_000) // what falls makes no pulse, nor when it rises again
		whole := math.Floor(n)
		for k := range int(math.Floor(p.n) - whole) { // not from whole on: of numbers beyond 2^53 the next one is the same
			edge(from.Add(time.Duration((whole + float64(k+1) - n) / (p.n - n) * float64(p.at.Sub(from)))))
		}
	}
}

// fall lets the rain fall that fell since the last call.
func (l *Line) fall() {
	if l.pulses != nil {
		l.pulses.until(time.Now(), l.edge)
		return
	}
	if l.quiet || l.taken == nil {
		return
	}
	for now := time.Now(); !l.next.After(now); {
		l.edge(l.next)
		l.tips++
		l.next = l.next.Add(tip(l.tips))
	}
}

func (l *Line) edge(at time.Time) {
	e := l.taken
	if e == nil {
		return
	}
	e.seq++
	e.pending = append(e.pending, drivers.Edge{Seq: e.seq, Time: at, Rising: e.rising})
	if len(e.pending) > keep {
		e.pending = e.pending[1:]
	}
}

// edges is the line in use. Its fields are guarded by the line.
type edges struct {
	line    *Line
	rising  bool
	seq     uint32
	pending []drivers.Edge
}

func (e *edges) Read(dst []drivers.Edge) ([]drivers.Edge, error) {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	switch {
	case e.line.taken != e:
		return dst, os.ErrClosed
	case e.line.missing:
		return dst, fmt.Errorf("line %s: %w", e.line.name, drivers.ErrUnplugged)
	}
	e.line.fall()
	dst = append(dst, e.pending...)
	e.pending = nil
	return dst, nil
}

func (e *edges) Close() error {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	if e.line.taken == e {
		e.line.taken = nil
	}
	return nil
}
