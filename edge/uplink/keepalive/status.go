package keepalive

import (
	"fmt"
	"time"
)

// Status is what is known of a path, in plain values.
type Status struct {
	Interval      time.Duration // the longest silence until the Server is asked
	Phase         Phase
	Proven        time.Duration // the longest silence that is proven; 0: none yet
	Refuted       time.Duration // the shortest that is known to be too long; 0: none
	Floor         time.Duration // the bounds
	Ceiling       time.Duration
	Both          bool   // something must be sent too, what is received is not enough
	TooShort      bool   // the path forgets sooner than Floor
	Frozen        string // why nothing is learned now; "": it is
	Lost          uint64 // connections that the path has cost
	Void          uint64 // lost for another reason, since the start
	Answers       int    // for the interval that is being tried
	LossesAgainst int    // likewise
}

// Status tells what is known.
func (l *Learner) Status() Status {
	s := &l.state
	return Status{
		Interval: l.Interval(), Phase: s.Phase, Proven: length(s.Lo), Refuted: length(s.Hi), Floor: length(l.floor), Ceiling: length(l.ceiling),
		Both: s.Both, TooShort: l.tooShort(), Frozen: l.frozen(), Lost: s.Lost, Void: l.voided, Answers: s.OK, LossesAgainst: s.Fails,
	}
}

func (l *Learner) tooShort() bool { return l.state.Hi > 0 && l.state.Hi <= l.floor }

func length(seconds int) time.Duration { return time.Duration(seconds) * time.Second }

// String says it in a line: "4m21s, held; 4m50s is proven, 5m20s is too long; 4 connections lost".
func (s Status) String() string {
	text := s.Interval.String() + ", " + map[Phase]string{Search: "being tried", Hold: "held", Probe: "tried once more"}[s.Phase]
	if s.Frozen != "" {
		text += " (nothing is learned: " + s.Frozen + ")"
	}
	if s.Proven > 0 {
		text += "; " + s.Proven.String() + " is proven"
	}
	if s.Refuted > 0 {
		text += "; " + s.Refuted.String() + " is too long"
	}
	if s.TooShort {
		text += " (hint: so is the lower bound; allow a shorter keep_alive)"
	}
	return fmt.Sprintf("%s; %d connections lost", text, s.Lost)
}
