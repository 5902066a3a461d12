package client

import (
	"sync"
	"time"

	"skerry/broker/packet"
)

// keepAlive sends PINGREQ when it is due and ends the connection when no answer comes. It writes from a goroutine of its own
// each time: a write into a dead connection can block, and the deadline must not wait for it.
func (c *Conn) keepAlive(over <-chan struct{}, wg *sync.WaitGroup) {
	for {
		wait, due := c.alive.next()
		if due {
			c.alive.asked.Store(c.alive.now())
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
		case <-c.alive.answered:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// answer notes a PINGRESP; the clock then runs for the next PINGREQ.
func (a *alive) answer() {
	a.asked.Store(0)
	select {
	case a.answered <- struct{}{}:
	default:
	}
}

// never is longer than any connection lives.
const never = time.Duration(1<<63 - 1)

// next tells what is to do: ping now (due), wait, or, with neither, give the peer up.
func (a *alive) next() (wait time.Duration, due bool) {
	now := a.now()
	if asked := a.asked.Load(); asked != 0 {
		// On a slow link the answer stands behind what was on its way already: what arrives extends the deadline.
		left := max(asked, a.received.Load()) + int64(a.timeout) - now
		return time.Duration(max(left, 0)), false
	}
	left := int64(never)
	if a.keepAlive > 0 {
		left = a.sent.Load() + int64(a.keepAlive) - now // the Server must hear of us [MQTT-3.1.2-20]
	}
	if a.ping > 0 {
		left = min(left, a.received.Load()+int64(a.ping)-now) // we must hear of the Server
	}
	return time.Duration(max(left, 0)), left <= 0
}
