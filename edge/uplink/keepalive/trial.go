package keepalive

import "time"

// Trial is a silence and what was sent after it.
type Trial struct {
	Since time.Time // the last byte before the silence, either way

	Idle    time.Duration // until something was sent nothing had gone either way, by a clock that does not step
	Wall    time.Duration // the same by the date
	Unsaid  time.Duration // until then nothing had been sent
	Unheard time.Duration // until the latest byte was sent nothing had been received
}

// Line is the condition of the link.
type Line struct {
	Poor    bool      // the signal: what is lost is lost for that reason
	Roaming bool      // the operator is a guest's: what is learned would not last
	Event   time.Time // of the last attach, new address or change of the carrier; zero: none

	// Factor shortens the interval, at most 1. 0: 1.
	Factor float64
}

const (
	// settling is how long after an event of the link nothing is learned: modems and providers move a connection about at first.
	settling = 3 * time.Minute
	// drift is how far the date and the clock may come apart in a silence. More is a step: the clock has been set, or the machine was
	// suspended.
	drift = 5 * time.Second
)

// Look notes the condition of the link. It is called when that changes, when a connection ends, and now and then.
func (l *Learner) Look(now time.Time, line Line) {
	l.line, l.looked = line, now
	if line.Event.After(l.event) {
		l.event = line.Event
	}
	if l.frozen() != "" {
		l.spoilt = now
	}
}

// frozen tells why nothing can be learned now, "" if it can.
func (l *Learner) frozen() string {
	switch {
	case l.line.Poor:
		return "poor signal"
	case l.line.Roaming:
		return "roaming"
	case !l.event.IsZero() && l.looked.Sub(l.event) < settling:
		return "the link has just come up"
	}
	return ""
}

// void tells whether a trial proves nothing: something was wrong since the silence began.
func (l *Learner) void(t Trial) bool {
	began := t.Since.Add(t.Idle)
	switch step := t.Wall - t.Idle; {
	case step > drift || step < -drift:
		return true
	case !l.event.IsZero() && (!l.event.Before(t.Since) || began.Sub(l.event) < settling):
		return true
	}
	return l.frozen() != "" || !l.spoilt.IsZero() && !l.spoilt.Before(t.Since)
}
