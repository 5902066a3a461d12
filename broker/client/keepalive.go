package client

import (
	"sync"
	"time"

	"skerry/broker/packet"
)

// KeepAlive says when a Conn sends PINGREQ. It may change while the connection stands; what CONNECT holds does not.
type KeepAlive struct {
	// Ping is the longest silence of the Server before it is asked. While anything is being received nothing is asked. 0: the
	// Keep Alive that the Server measures by.
	Ping time.Duration

	// Speak is the longest silence of ours, whatever is received. 0, or longer than the Keep Alive that the Server measures by: that
	// one.
	Speak time.Duration

	// Answer is how long after PINGREQ, or after anything received since, the Server may be silent. 0: 30 s.
	Answer time.Duration
}

// SetKeepAlive changes when PINGREQ is sent, from now on. A silence that is longer already is asked about at once.
func (c *Conn) SetKeepAlive(k KeepAlive) {
	a := &c.alive
	a.mu.Lock()
	defer a.mu.Unlock()
	if limit := a.limit; limit > 0 {
		k.Ping, k.Speak = within(k.Ping, limit), within(k.Speak, limit) // the Server must hear of us [MQTT-3.1.2-20]
	}
	if k.Answer <= 0 {
		k.Answer = defaultPingTimeout
	}
	if a.wish != k {
		a.wish = k
		a.look()
	}
}

// within is d, and limit where d is none or too long.
func within(d, limit time.Duration) time.Duration {
	if d <= 0 || d > limit {
		return limit
	}
	return d
}

// Exchange is what a Conn sent after a silence, and how long that was: what shows for how long the way to the Server is kept open
// for a connection that says nothing. The times are those at which bytes were handed to the stream and came from it.
type Exchange struct {
	Last  time.Time // the last byte before it, either way
	Began time.Time // its first byte; zero: nothing was sent since Last

	Idle    time.Duration // before it began, nothing had gone either way
	Unsaid  time.Duration // before it began, nothing had been sent
	Unheard time.Duration // before the latest byte of it, nothing had been received
}

// quiet is the shortest silence that Answered is told of: none that a keep-alive is configured for is shorter.
const quiet = 5 * time.Second

// Unanswered is what was sent since the Server was heard last: of a connection that has ended, what it was lost with. With nothing
// sent since, Began is zero.
func (c *Conn) Unanswered() Exchange {
	c.alive.mu.Lock()
	defer c.alive.mu.Unlock()
	return c.alive.exchange()
}

// keepAlive sends PINGREQ when it is due and ends the connection when no answer comes. It writes from a goroutine of its own
// each time: a write into a dead connection can block, and the deadline must not wait for it.
func (c *Conn) keepAlive(over <-chan struct{}, wg *sync.WaitGroup) {
	for {
		wait, due := c.alive.next()
		if due {
			c.alive.ask()
			if c.Send(packet.Pingreq{}) == nil {
				wg.Go(func() { _ = c.Flush() }) // its error is the connection's cause
			}
			continue
		}
		if wait == 0 {
			c.fail(ErrTimeout)
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-over:
			timer.Stop()
			return
		case <-c.alive.changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// alive is what the keep-alive clock knows.
type alive struct {
	changed chan struct{} // has an element when the clock must look again
	limit   time.Duration // the Keep Alive that the Server measures by; 0: it does not

	mu       sync.Mutex // guards the rest
	wish     KeepAlive
	sent     time.Time // end of the last write
	received time.Time // last byte
	asked    time.Time // PINGREQ without an answer; zero: none

	// Of what was written since the last byte was received: zero if nothing was.
	first  time.Time
	latest time.Time
	before time.Time // end of the write before the first
}

// look has the clock look again.
func (a *alive) look() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// writes notes that a write begins.
func (a *alive) writes() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latest = time.Now()
	if a.first.IsZero() {
		a.first, a.before = a.latest, a.sent
	}
}

// wrote notes that a write has ended.
func (a *alive) wrote() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = time.Now()
}

// heard notes that something has come, and gives the exchange that it answers if there was a silence behind it.
func (a *alive) heard() (e Exchange, behind bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if behind = a.latest.Sub(a.received) >= quiet && !a.first.IsZero() && !a.received.IsZero(); behind {
		e = a.exchange()
	}
	a.received, a.first = time.Now(), time.Time{}
	return e, behind
}

// exchange is what has been sent since something was received.
func (a *alive) exchange() Exchange {
	if a.first.IsZero() {
		return Exchange{Last: later(a.sent, a.received)}
	}
	e := Exchange{Last: later(a.before, a.received), Began: a.first}
	e.Idle, e.Unsaid, e.Unheard = e.Began.Sub(e.Last), e.Began.Sub(a.before), a.latest.Sub(a.received)
	return e
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ask notes that PINGREQ is being sent.
func (a *alive) ask() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Now()
}

// answer notes a PINGRESP; the clock then runs for the next PINGREQ.
func (a *alive) answer() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Time{}
	a.look()
}

// never is longer than any connection lives.
const never = time.Duration(1<<63 - 1)

// next tells what is to do: ping now (due), wait, or, with neither, give the peer up.
func (a *alive) next() (wait time.Duration, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked.IsZero() {
		// On a slow link the answer stands behind what was on its way already: what arrives extends the deadline.
		return max(a.wish.Answer-time.Since(later(a.asked, a.received)), 0), false
	}
	left := never
	if a.wish.Speak > 0 {
		left = a.wish.Speak - time.Since(later(a.sent, a.latest)) // the answer can come before the write that it answers has ended
	}
	if a.wish.Ping > 0 {
		left = min(left, a.wish.Ping-time.Since(a.received))
	}
	return max(left, 0), left <= 0
}
