package schedule

import (
	"hash/fnv"
	"time"
)

const (
	// silence is how long nothing must have come or gone before a session ends: what the Server has kept for us comes at once.
	silence = 5 * time.Second
	// lookAgain is how soon a gate is looked at again that waits for silence.
	lookAgain = time.Second
)

// Mode is when a link is wanted.
type Mode uint8

// The modes.
const (
	Always Mode = iota
	OnDemand
	Timed
)

// Options of a Gate.
type Options struct {
	Mode   Mode
	Linger time.Duration // on demand: how long what is not urgent waits for others before it opens the gate
	Brief  bool          // on demand: what comes while the gate is open does not hold it open, as with Timed

	// Timed:
	Every  time.Duration
	Stay   time.Duration
	Offset time.Duration // see Offset
}

// Now is what a Gate is told.
type Now struct {
	Waiting bool          // something that the link carries is not acknowledged
	Urgent  bool          // likewise, and it does not wait for others or for a time
	Amount  uint64        // how many messages wait; 0: not known
	Gone    uint64        // how many have been acknowledged, or given up, ever
	Online  time.Duration // how long the session has stood on the link; 0: there is none
	Quiet   time.Duration // how long nothing has come or gone on it
}

// Gate is the machine of one link. Its methods are for one goroutine.
type Gate struct {
	o       Options
	open    bool
	timed   bool      // open because it was time
	opened  time.Time // when
	waiting time.Time // since when something has waited while it was closed; zero: nothing
	next    time.Time // the next time by the schedule; zero: not known yet
	ends    uint64    // the session ends when so many are gone; 0: it has not stood long enough to say
}

// New builds a gate, which is closed.
func New(o Options) *Gate { return &Gate{o: o} }

// Set has the gate follow other options from now on. One that was open always is open on demand at first: it closes after a silence.
func (g *Gate) Set(now time.Time, o Options) {
	if o == g.o {
		return
	}
	if g.o.Mode == Always && o.Mode == OnDemand {
		g.open, g.timed, g.opened = true, false, now
	}
	if o.Mode != Timed {
		g.timed, g.next = false, time.Time{}
	}
	g.o = o
}

// Look tells whether the link is wanted at a time, and when to look again if nothing happens; zero: there is no need.
func (g *Gate) Look(now time.Time, n Now) (open bool, again time.Time) {
	if g.o.Mode == Always {
		return true, time.Time{}
	}
	if g.o.Mode == Timed {
		g.time(now)
	}
	if g.open {
		return g.stay(now, n)
	}
	return g.wait(now, n)
}

// Next is when a timed gate opens next; zero for others.
func (g *Gate) Next() time.Time { return g.next }

// time opens the gate when it is time.
func (g *Gate) time(now time.Time) {
	wall := now.Round(0)
	switch left := g.next.Sub(wall); {
	case g.next.IsZero(), left > g.o.Every: // a clock that was set back has left it too far in the future
	case left > 0:
		return
	default:
		g.open, g.timed, g.opened = true, true, now
	}
	g.next = wall.Add(-g.o.Offset).Truncate(g.o.Every).Add(g.o.Every + g.o.Offset)
}

// stay judges an open gate.
func (g *Gate) stay(now time.Time, n Now) (bool, time.Time) {
	if n.Online == 0 {
		return g.try(now, n)
	}
	least := silence
	if g.timed {
		least = max(g.o.Stay, silence)
	}
	switch left := max(least-n.Online, silence-n.Quiet); {
	case g.served(n, least):
	case n.Waiting:
		return true, now.Add(lookAgain)
	case left > 0:
		return true, now.Add(left)
	}
	g.close()
	return g.wait(now, n)
}

// served tells whether all has gone that waited when the session had stood as long as it is to. What came since waits for the next one: a
// sensor that is read each second would have the session stand for ever.
func (g *Gate) served(n Now, least time.Duration) bool {
	if g.o.Mode != Timed && !g.o.Brief || n.Urgent || n.Amount == 0 || n.Online < max(least, 2*silence) {
		return false
	}
	if g.ends == 0 {
		g.ends = n.Gone + n.Amount
	}
	return n.Gone >= g.ends
}

// try judges an open gate whose link is not connected.
func (g *Gate) try(now time.Time, n Now) (bool, time.Time) {
	g.ends = 0
	switch {
	case g.timed && now.Sub(g.opened) < g.o.Every/2:
		return true, g.opened.Add(g.o.Every / 2)
	case !g.timed && n.Waiting && (g.o.Mode == OnDemand || n.Urgent):
		return true, now.Add(lookAgain)
	}
	g.close()
	return g.wait(now, n)
}

func (g *Gate) close() { g.open, g.timed, g.waiting, g.ends = false, false, time.Time{}, 0 }

// wait judges a closed gate.
func (g *Gate) wait(now time.Time, n Now) (bool, time.Time) {
	if !n.Waiting {
		g.waiting = time.Time{}
	} else if g.waiting.IsZero() {
		g.waiting = now
	}
	again := g.next
	if g.o.Mode == OnDemand && n.Waiting && !n.Urgent {
		if again = g.waiting.Add(g.o.Linger); !now.Before(again) {
			n.Urgent = true
		}
	}
	if n.Urgent && n.Waiting {
		g.open, g.opened = true, now
		return true, now.Add(lookAgain)
	}
	if g.o.Mode == Timed { // the wall clock has no monotonic part: what is waited for must have
		again = now.Add(g.next.Sub(now.Round(0)))
	}
	return false, again
}

// Offset is the part of an interval that a gateway has of its own: it hangs on the names alone, and is at most a quarter of it.
func Offset(every time.Duration, names ...string) time.Duration {
	h := fnv.New64a()
	for _, name := range names {
		h.Write([]byte(name))
		h.Write([]byte{0})
	}
	if every < 4 {
		return 0
	}
	return time.Duration(h.Sum64() % uint64(every/4)).Truncate(time.Millisecond)
}
