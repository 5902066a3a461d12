package modem

import (
	"encoding/json"
	"time"
)

// Step is one rung of the ladder.
type Step byte

// The steps, from the mildest. None of them sends a byte that is billed, but the connection that Reconnect begins.
const (
	Reconnect Step = iota // the connection to the Server is given up and dialled at once
	Bearer                // the data context, or the interface, down and up
	Radio                 // the radio off and on
	Power                 // the supply of the modem off and on
	steps
)

var stepNames = [steps]string{"reconnect", "bearer", "radio", "power"}

func (s Step) String() string {
	if s < steps {
		return stepNames[s]
	}
	return "unknown"
}

// MarshalText writes the word.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// rung is when a step is due: after so long of an outage that the step before has not ended, and at such a distance to the last time.
type rung struct {
	patience time.Duration // since the step before, or since the outage began
	spacing  time.Duration // since the last time; doubles with each further time
}

var rungs = [steps]rung{
	Reconnect: {time.Minute, time.Minute},
	Bearer:    {2 * time.Minute, 5 * time.Minute},
	Radio:     {5 * time.Minute, 15 * time.Minute},
	Power:     {10 * time.Minute, time.Hour},
}

const (
	// maxSpacing is the longest distance between two times of a step.
	maxSpacing = 24 * time.Hour
	// provenAfter is how long a connection must stand before the distances begin anew: longer than a machine needs to start, so that one
	// which a step restarts again and again does not count each start as a success.
	provenAfter = 10 * time.Minute
)

// Ladder decides when which step is taken. It is a plain state machine: it has no clock, no goroutine and no lock, and takes no step itself.
//
// While the link is down the steps are due one after the other, from the mildest; after the last the next round begins. A step whose distance to
// the last time is too short is waited for, and the steps after it as well: nothing is climbed faster because it was climbed before.
type Ladder struct {
	have  [steps]bool
	times [steps]uint8 // since the last success
	rest  [steps]time.Time
	last  [steps]int64 // Unix time, for the document

	down    bool
	outage  time.Time // when it began
	next    Step
	after   time.Time // the next step is not due before
	online  time.Time // since when the connection stands; zero: it does not
	damaged bool
}

// remembered is a step in the document.
type remembered struct {
	Last  int64 `json:"last"` // Unix time in seconds
	Times uint8 `json:"times"`
}

// NewLadder builds a ladder of the steps that there are, with what was kept of it; nil: nothing. What cannot be read counts as if all steps
// had just been taken.
//
// The clock of a machine that has just started may be anything. So of the distances, what is left of them is worked out now, at most
// the whole, and from then on goes by the monotonic clock.
func NewLadder(have []Step, saved []byte, now time.Time) *Ladder {
	l := &Ladder{}
	for _, s := range have {
		if s < steps {
			l.have[s] = true
		}
	}
	if len(saved) == 0 {
		return l
	}
	document := map[string]remembered{}
	l.damaged = json.Unmarshal(saved, &document) != nil
	for s := range steps {
		r, ok := document[s.String()]
		if l.damaged {
			r, ok = remembered{now.Unix(), 1}, true
		}
		if !ok || r.Times == 0 {
			continue
		}
		l.times[s] = r.Times
		l.last[s], l.rest[s] = r.Last, now.Add(left(spacing(s, r.Times), r.Last, now.Unix()))
	}
	return l
}

// left is what remains of a distance that began at a time of the past; one in the future, by a clock that went back, counts as now.
func left(distance time.Duration, last, now int64) time.Duration {
	switch {
	case last > now:
		return distance
	case last < 0, now-last >= int64(maxSpacing/time.Second):
		return 0
	}
	return max(distance-time.Duration(now-last)*time.Second, 0)
}

// spacing is the shortest distance between a step that was taken so many times and the next time.
func spacing(s Step, times uint8) time.Duration {
	d := rungs[s].spacing
	for range min(times, 16) - 1 {
		d *= 2
	}
	return min(d, maxSpacing)
}

// Document is what must be kept over a restart; nil when there is nothing to keep. It is less than 200 bytes.
func (l *Ladder) Document() []byte {
	document := map[string]remembered{}
	for s := range steps {
		if l.times[s] > 0 {
			document[s.String()] = remembered{l.last[s], l.times[s]}
		}
	}
	if len(document) == 0 {
		return nil
	}
	b, err := json.Marshal(document)
	if err != nil {
		return nil // numbers and words always can be
	}
	return b
}

// Offline notes that there is no connection. It may be called again and again.
func (l *Ladder) Offline(now time.Time) {
	l.online = time.Time{}
	if l.down {
		return
	}
	l.down, l.outage, l.next = true, now, steps
	l.advance(now)
}

// Online notes that a connection stands. It may be called again and again.
func (l *Ladder) Online(now time.Time) {
	l.down = false
	if l.online.IsZero() {
		l.online = now
	}
}

// Proven tells whether the connection has stood long enough, and then forgets what was taken. changed: there was something to forget, and
// the document must be kept.
func (l *Ladder) Proven(now time.Time) (changed bool) {
	if l.online.IsZero() || now.Sub(l.online) < provenAfter {
		return false
	}
	changed = l.Document() != nil || l.damaged
	l.times, l.rest, l.last, l.damaged = [steps]uint8{}, [steps]time.Time{}, [steps]int64{}, false
	return changed
}

// Next is the step that comes next and when; false: none, as the link is up or there are no steps.
func (l *Ladder) Next() (Step, time.Time, bool) {
	if !l.down || l.next >= steps {
		return 0, time.Time{}, false
	}
	at := l.after
	if rest := l.rest[l.next]; rest.After(at) {
		at = rest
	}
	return l.next, at, true
}

// Wake is when something is to be done: the next step, or Proven; zero: nothing is.
func (l *Ladder) Wake() time.Time {
	if _, at, ok := l.Next(); ok {
		return at
	}
	if !l.online.IsZero() && l.Document() != nil {
		return l.online.Add(provenAfter)
	}
	return time.Time{}
}

// Take notes that a step is taken now. The document is kept before the step is begun.
func (l *Ladder) Take(s Step, now time.Time) {
	if s >= steps {
		return
	}
	if l.times[s] < 255 {
		l.times[s]++
	}
	l.last[s], l.rest[s] = now.Unix(), now.Add(spacing(s, l.times[s]))
	l.next = s
	l.advance(now)
}

// advance goes on to the next step that there is.
func (l *Ladder) advance(now time.Time) {
	from := l.next
	for range steps {
		if l.next++; l.next >= steps {
			l.next = 0
		}
		if l.have[l.next] {
			l.after = now.Add(rungs[l.next].patience)
			return
		}
		if l.next == from {
			break
		}
	}
	l.next = steps
}
