package watchdog

import "time"

// Limits say how long a silence may be.
type Limits struct {
	Floor  time.Duration // a shorter silence never counts
	Slow   time.Duration // the longest that a Server is given whose path answers, or cannot be asked
	Factor float64       // of the signal: poor signal is given more; 0: 1
}

// Silence is what is known of one.
type Silence struct {
	For          time.Duration // 0: nothing waits
	Trip, Varies time.Duration // of acknowledgements: smoothed, and how much that varies; 0: not known

	// Path asks the kernel; false if it cannot tell. It is asked only when half of the limit has passed. nil: it cannot.
	Path func() (Path, bool)
}

// Path is the state of the connection of TCP.
type Path struct {
	Waiting bool          // bytes were sent, or wait to be, that were not acknowledged
	Silent  time.Duration // since anything was acknowledged; it goes on while nothing is sent
}

// Verdict is what a silence comes to.
type Verdict byte

// The verdicts.
const (
	Alive Verdict = iota // nothing is wrong, or not known to be
	Slow                 // the path answers, the Server does not
	Dead                 // nobody answers
	Stuck                // the path answers, and the Server has not for too long
)

// Dead is the limit for a path that does not answer.
func (l Limits) Dead(trip, varies time.Duration) time.Duration {
	d := max(l.Floor, 4*trip+2*varies)
	if l.Factor > 0 {
		d = time.Duration(float64(d) * l.Factor)
	}
	return d
}

// Judge tells what a silence comes to.
func (l Limits) Judge(s Silence) Verdict {
	dead := l.Dead(s.Trip, s.Varies)
	slow := max(l.Slow, dead)
	if s.For < dead/2 {
		return Alive
	}
	path, known := Path{}, false
	if s.Path != nil {
		path, known = s.Path()
	}
	switch {
	case !known && s.For >= slow:
		return Dead
	case !known:
		return Alive
	case !path.Waiting && s.For >= slow:
		return Stuck
	case !path.Waiting:
		return Slow
	case path.Silent < dead/2: // bytes are being delivered
		return Alive
	case s.For >= dead && path.Silent >= dead:
		return Dead
	}
	return Alive
}
