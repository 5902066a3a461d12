package uplink

import (
	"sync"
	"time"

	"skerry/edge/config"
)

// askFloor and askCap bound the waits between two attempts to subscribe to what the Server refuses: each costs a round trip, or a
// connection.
const (
	askFloor = time.Minute
	askCap   = time.Hour
)

// hangUps is after how many connections in a row that ended with a SUBSCRIBE unanswered it is taken for the reason: a bad link does that too.
const hangUps = 2

// asking is how it stands with what is subscribed upstream, over all connections. What leaves the site never waits for it.
type asking struct {
	mu      sync.Mutex
	open    int // SUBSCRIBE packets on the connection that stands, without an answer
	refused bool
	hung    int       // connections in a row that ended so
	until   time.Time // when it is asked again; zero: when there is a connection
	wait    *backoff
}

func newAsking(r config.DurationRange) *asking {
	return &asking{wait: newBackoff(config.DurationRange{Min: max(r.Min, askFloor), Max: max(r.Max, askCap)})}
}

// askFilters brings the session upstream in line with the receive map, or has the writer do it later. all: see subscribeAnew.
func (l *link) askFilters(all bool) error {
	a := l.u.asking
	a.mu.Lock()
	wait := time.Until(a.until)
	if wait <= 0 {
		a.until, a.refused = time.Time{}, false
	}
	a.mu.Unlock()
	if wait > 0 {
		l.askAfter(wait)
		return nil
	}
	return l.subscribeAnew(all)
}

// askAfter wakes the writer up to ask again.
func (l *link) askAfter(d time.Duration) { time.AfterFunc(d, l.Wake) }

// askAgain asks again if it is time. It is the writer's.
func (l *link) askAgain() error {
	a := l.u.asking
	a.mu.Lock()
	due := !a.until.IsZero() && !time.Now().Before(a.until)
	a.mu.Unlock()
	if !due {
		return nil
	}
	return l.askFilters(false)
}

// asked notes a SUBSCRIBE.
func (a *asking) asked() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open++
}

// answered notes an answer; later is how long to wait until it is asked again, 0: it is not.
func (a *asking) answered(granted bool) (later time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open, a.hung = max(a.open-1, 0), 0
	a.refused = a.refused || !granted
	switch {
	case a.refused && a.until.IsZero():
		later = a.wait.next()
		a.until = time.Now().Add(later)
	case a.open == 0 && !a.refused:
		a.wait.reset()
	}
	return later
}

// ended notes the end of a connection; true if it was the Server's answer to a SUBSCRIBE, as it seems.
func (a *asking) ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := a.open > 0
	a.open = 0
	if !open {
		return false
	}
	if a.hung++; a.hung < hangUps {
		return false
	}
	a.until = time.Now().Add(a.wait.next())
	return true
}

// hungUp judges the end of a connection.
func (u *Uplink) hungUp() {
	if u.asking.ended() {
		u.once("hung up", func() {
			u.log.Error("the server hangs up on SUBSCRIBE, as it seems: what leaves goes first, and the filters under receive are asked for later",
				"hint", "check what the server allows this client to subscribe to")
		})
	}
}
