package road

import (
	"math/rand/v2"
	"time"
)

const (
	// stableFor is how long a better link must have stood before the session returns to it.
	stableFor = 2 * time.Minute
	// degradedFor is how long a link may be degraded before one of less preference is taken.
	degradedFor = 2 * time.Minute
	// lasting is how long a session must have stood for the waits between attempts to begin anew.
	lasting = time.Minute
	// settled is how long a session must have stood for a return to its link to count as one that lasted.
	settled = 10 * time.Minute
	// maxDoubt bounds how often stableFor is doubled: to 32 minutes.
	maxDoubt = 4
	// skipEvery is how often an event may skip the wait of a link.
	skipEvery = time.Minute
	// maxHolds is how often in a row a link whose Server says no keeps the others waiting. The Server may be down, and then no link
	// helps; or somebody on the way answers in its place, and then another does.
	maxHolds = 2
)

// Link is what a Road must know of a link.
type Link struct {
	Name     string
	Servers  int // tried in order, from 0
	RetryMin time.Duration
	RetryMax time.Duration
	// HeadStart is how long an attempt may take before a link of less preference is dialled as well.
	HeadStart time.Duration
	// AttemptBytes is what an attempt costs, and BudgetBytes what all attempts of a day may cost. 0: no bound.
	AttemptBytes, BudgetBytes int64
}

// Fault is whose an end was.
type Fault uint8

// The faults.
const (
	None   Fault = iota // it was left on purpose
	Way                 // the link: nothing passes, nothing answers
	Server              // something answered, and said no or hung up
	Gone                // the interface or its address went away
	Mute                // the Server has accepted the session and acknowledged nothing in it
)

// Do is a thing to do.
type Do uint8

// What there is to do.
const (
	Wait     Do = iota // nothing before Step.At, unless something happens
	Dial               // open TCP and TLS to Step.Server on Step.Link; then Dialled or Failed
	Take               // begin the session on Step.Link, which was dialled; then Connected or Ended
	HandOver           // end the session on Step.Link, with what is on its way: another link was dialled; then Ended
	Leave              // end the session on Step.Link: it is not wanted now; then Ended
	Cut                // end the session on Step.Link at once: its interface or address is gone; then Ended
	Drop               // close what was dialled, or is being dialled, on Step.Link
)

// Step is what is to be done next.
type Step struct {
	Do     Do
	Link   int
	Server int       // Dial
	At     time.Time // Wait; zero: until something happens
}

// Road is the machine. Its methods are for one goroutine.
type Road struct {
	links []*lane
	use   int // the link with the session; none if there is none
	rand  func(time.Duration) time.Duration
}

const none = -1

// phase is how far a link has been taken.
type phase uint8

const (
	idle    phase = iota
	dialing       // an attempt is on its way
	dialed        // TCP and TLS stand
	inUse         // it has the session
	leaving       // the session is to end
)

// lane is one link.
type lane struct {
	Link
	state State
	since time.Time // of state
	err   string

	physical State // ABSENT to ADDRESSED
	told     bool  // physical is known
	wanted   bool
	degraded time.Time // since when; zero: it is not
	moved    bool      // what is in use has lost its address
	back     bool      // a session that worked was left for the one on it
	passed   bool      // another link took over before the Server had accepted the one on it

	phase     phase
	online    bool      // inUse, and the Server has accepted
	began     time.Time // online
	good      time.Time // when it was online last
	server    int
	notBefore time.Time // the next attempt
	turn      time.Time // until then links of less preference are not dialled
	holds     int       // turns kept because the Server said no
	last      time.Duration
	steady    time.Time // since when it has neither failed nor gone; zero: ever
	doubt     int       // returns in a row that did not last
	skipped   time.Time // when an event skipped the wait
	spent     float64   // bytes of attempts, less what the time since has given back
	spentAt   time.Time
	attempts  uint64
}

// New builds the machine. Until it is told otherwise every link is ABSENT and not wanted.
func New(links []Link, now time.Time) *Road {
	r := &Road{use: none, rand: func(d time.Duration) time.Duration { return rand.N(max(d, 0) + 1) }}
	for _, l := range links {
		l.Servers = max(l.Servers, 1)
		l.RetryMin = max(l.RetryMin, 10*time.Millisecond)
		l.RetryMax = max(l.RetryMax, l.RetryMin)
		r.links = append(r.links, &lane{Link: l, since: now, spentAt: now})
	}
	return r
}

// up: it could be dialled.
func (l *lane) up() bool { return l.physical >= Addressed }

// usable: and it is to be.
func (l *lane) usable() bool { return l.up() && l.wanted }

// Next says what is to be done, and takes it for done. It is called until it says Wait.
func (r *Road) Next(now time.Time) Step {
	step := r.next(now)
	r.settle(now)
	return step
}

func (r *Road) next(now time.Time) Step {
	if step, ok := r.end(); ok {
		return step
	}
	if step, ok := r.drop(now); ok {
		return step
	}
	if step, ok := r.take(now); ok {
		return step
	}
	return r.dial(now)
}

// end ends the session where it cannot or is not to go on.
func (r *Road) end() (Step, bool) {
	if r.use == none || r.links[r.use].phase != inUse {
		return Step{}, false
	}
	switch l := r.links[r.use]; {
	case !l.up() || l.moved:
		l.phase, l.moved = leaving, false
		return Step{Do: Cut, Link: r.use}, true
	case !l.wanted:
		l.phase = leaving
		return Step{Do: Leave, Link: r.use}, true
	}
	return Step{}, false
}

// drop gives up what was dialled and is not needed.
func (r *Road) drop(now time.Time) (Step, bool) {
	for i, l := range r.links {
		if l.phase != dialing && l.phase != dialed || l.usable() && !l.moved && r.mayTake(i, now) {
			continue
		}
		if l.usable() && !l.moved {
			l.steady = now // it was slower than the one that was taken
		}
		l.phase, l.moved, l.back, l.turn = idle, false, false, time.Time{}
		return Step{Do: Drop, Link: i}, true
	}
	return Step{}, false
}

// take begins the session on the best link that was dialled, when the one before has ended.
func (r *Road) take(now time.Time) (Step, bool) {
	for i, l := range r.links {
		if l.phase != dialed {
			continue
		}
		if r.use == none {
			r.use, l.phase, l.online, l.moved, l.turn = i, inUse, false, false, now.Add(l.HeadStart)
			return Step{Do: Take, Link: i}, true
		}
		if old := r.links[r.use]; old.phase == inUse && r.mayTake(i, now) {
			old.phase, old.passed, l.back = leaving, !old.online, old.online
			return Step{Do: HandOver, Link: r.use}, true
		}
		return Step{}, false
	}
	return Step{}, false
}

// mayTake tells whether the session may go to a link now.
func (r *Road) mayTake(i int, now time.Time) bool {
	if r.use == none || r.use == i || r.links[r.use].phase != inUse {
		return true
	}
	l, used := r.links[i], r.links[r.use]
	switch {
	case !used.online:
		return !now.Before(used.turn)
	case i < r.use:
		return !now.Before(l.stable()) && l.degraded.IsZero()
	}
	return l.degraded.IsZero() && !used.degraded.IsZero() && !now.Before(used.degraded.Add(degradedFor))
}

// stable is when a link may be returned to.
func (l *lane) stable() time.Time {
	if l.steady.IsZero() {
		return time.Time{}
	}
	return l.steady.Add(stableFor << l.doubt)
}

// dial begins an attempt on the best link that may have one, or says how long there is none.
func (r *Road) dial(now time.Time) Step {
	wait := Step{Do: Wait}
	until := func(t time.Time) {
		if t.After(now) && (wait.At.IsZero() || t.Before(wait.At)) {
			wait.At = t
		}
	}
	for i, l := range r.links {
		if l.phase == dialed {
			break // it is only to be taken
		}
		if l.phase != idle && !l.online && now.Before(l.turn) {
			until(l.turn)
			break
		}
		if l.phase != idle || !l.usable() {
			continue
		}
		if !r.mayTake(i, now) {
			until(r.when(i))
			continue
		}
		if !now.Before(l.notBefore) {
			return r.attempt(now, i)
		}
		until(l.notBefore)
		if now.Before(l.turn) {
			break
		}
	}
	return wait
}

// when is the time at which a link might be taken in the place of the one in use; zero if nothing is known of it.
func (r *Road) when(i int) time.Time {
	used := r.links[r.use]
	switch {
	case !used.online:
		return used.turn
	case i < r.use:
		return r.links[i].stable()
	case !used.degraded.IsZero():
		return used.degraded.Add(degradedFor)
	}
	return time.Time{}
}

func (r *Road) attempt(now time.Time, i int) Step {
	l := r.links[i]
	l.phase = dialing
	l.attempts++
	if l.server == 0 {
		l.turn = now.Add(l.HeadStart)
	}
	return Step{Do: Dial, Link: i, Server: l.server}
}
