package road

import "time"

// State is how far a link is.
type State uint8

// The states.
const (
	Absent     State = iota // there is no such interface
	Down                    // it is switched off, or has no carrier
	Carrier                 // it has no address yet
	Addressed               // it could be dialled
	Connecting              // it is being dialled, or the Server is asked
	Online                  // the session is on it
	Degraded                // likewise, but badly
)

var states = [...]string{"absent", "down", "carrier", "addressed", "connecting", "online", "degraded"}

func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return "unknown"
}

// Status is what is known of a link.
type Status struct {
	Name     string
	State    State
	Since    time.Time // of State
	Wanted   bool      // a schedule or a session on demand would have it used now
	InUse    bool
	Err      string    // why the last attempt or session ended; "" since it has connected
	Next     time.Time // the next attempt; zero: none is waited for
	Attempts uint64    // to dial
	Doubt    int       // returns to it in a row that did not last
}

// Status gives that of every link, in order of preference.
func (r *Road) Status() []Status {
	all := make([]Status, len(r.links))
	for i, l := range r.links {
		all[i] = Status{Name: l.Name, State: l.state, Since: l.since, Wanted: l.wanted, InUse: r.use == i, Err: l.err, Attempts: l.attempts, Doubt: l.doubt}
		switch {
		case l.phase != idle || !l.usable():
		case r.use == none:
			all[i].Next = l.notBefore
		case i < r.use && l.degraded.IsZero():
			all[i].Next = later(l.notBefore, r.when(i))
		}
	}
	return all
}

// settle brings the states in line with what has happened.
func (r *Road) settle(now time.Time) {
	for _, l := range r.links {
		s := l.physical
		switch {
		case l.online && !l.degraded.IsZero():
			s = Degraded
		case l.online:
			s = Online
		case l.phase == dialing, l.phase == dialed, l.phase == inUse:
			s = Connecting
		}
		if s != l.state {
			l.state, l.since = s, now
		}
	}
}
