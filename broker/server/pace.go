package server

import (
	"math"
	"sync"
	"time"
)

// pace bounds how often something may happen: so many per second in the long run, and after a rest as many at once as one
// second brings, at least one. It is a bucket of tokens told by one time: that at which the bucket is full again, less one
// second. What costs more than there is is let through and waited for afterwards, so that a packet may be larger than a
// second's bytes. The zero pace bounds nothing.
type pace struct {
	each float64       // nanoseconds that one costs
	due  time.Duration // when the next may come (Server.now)
}

const paceBurst = time.Second

// newPace gives a pace of so many per second; 0: no bound.
func newPace(perSecond float64) pace {
	if perSecond <= 0 {
		return pace{}
	}
	return pace{each: float64(time.Second) / perSecond}
}

// left is how long to wait for the next; not more than 0: it may come now.
func (p *pace) left(now time.Duration) time.Duration { return p.due - now }

// take notes that n have come.
func (p *pace) take(now time.Duration, n int) {
	if p.each == 0 {
		return
	}
	cost := min(float64(n)*p.each, float64(math.MaxInt64/4))
	p.due = max(p.due, now-paceBurst) + time.Duration(cost)
}

// rested tells whether there is nothing to remember of a pace.
func (p *pace) rested(now time.Duration) bool { return p.due <= now-paceBurst }

// paces bound what one Client may send. A connection has them only where a bound is set. Two connections have the same for a
// moment, when one takes the session of the other over.
type paces struct {
	mu              sync.Mutex
	messages, bytes pace
	users           int // connections; guarded by paceBook.mu
}

func (l *Limits) newPaces() *paces {
	if l.MessageRate <= 0 && l.ByteRate <= 0 {
		return nil
	}
	return &paces{messages: newPace(l.MessageRate), bytes: newPace(l.ByteRate)}
}

func (p *paces) left(now time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.messages.left(now), p.bytes.left(now))
}

func (p *paces) take(now time.Duration, messages, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages.take(now, messages)
	p.bytes.take(now, bytes)
}

func (p *paces) rested(now time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.messages.rested(now) && p.bytes.rested(now)
}

// paceBook remembers how fast Clients were, by ClientID: who connects again and again gets no more through than by staying.
type paceBook struct {
	mu       sync.Mutex
	byClient map[string]*paces
	swept    time.Duration
}

// mostPaced is how many Clients that are not connected are remembered.
const mostPaced = 4096

// join gives the paces of a Client that is let in: those that it has had lately, or its own from now on.
func (b *paceBook) join(clientID string, own *paces, now time.Duration) *paces {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.byClient[clientID]
	if known == nil {
		if b.byClient == nil {
			b.byClient = map[string]*paces{}
		}
		known = own
		b.byClient[clientID] = known
	} else {
		own.mu.Lock()
		known.mu.Lock()
		known.bytes.due += max(0, own.bytes.due-(now-paceBurst)) // its CONNECT
		known.mu.Unlock()
		own.mu.Unlock()
	}
	known.users++
	return known
}

// leave is told that a connection has ended.
func (b *paceBook) leave(clientID string, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.byClient[clientID]
	if p.users--; p.users == 0 && p.rested(now) {
		delete(b.byClient, clientID)
	}
	if len(b.byClient) < mostPaced || now-b.swept < time.Second {
		return
	}
	b.swept = now
	away := 0
	for id, p := range b.byClient {
		if p.users > 0 {
			continue
		}
		if away++; away > mostPaced/2 || p.rested(now) {
			delete(b.byClient, id)
		}
	}
}

// joinPaces has a Client that is let in go on with the paces it had.
func (c *conn) joinPaces() {
	if c.paces != nil {
		c.paces = c.server.paces.join(c.clientID, c.paces, c.server.now())
	}
}

func (c *conn) leavePaces() {
	if c.paces != nil {
		c.server.paces.leave(c.clientID, c.server.now())
	}
}

// mayHandle tells whether the next packet may be handled now. If not, reading waits.
func (c *conn) mayHandle() bool {
	if c.paces == nil {
		return true
	}
	c.held = c.paces.left(c.server.now()) > 0
	return !c.held
}

// paceMessage and paceBytes count what has come.
func (c *conn) paceMessage() {
	if c.paces != nil {
		c.paces.take(c.server.now(), 1, 0)
	}
}

func (c *conn) paceBytes(n int) {
	if c.paces != nil {
		c.paces.take(c.server.now(), 0, n)
	}
}

// waitForPace holds up reading while the Client is ahead of its rate: nobody is disconnected and nothing is lost, its own
// network connection fills up. waited: there are packets to handle before more is read. That it is silent meanwhile is not
// held against it.
func (c *conn) waitForPace() (waited bool, err error) {
	if !c.held {
		return false, nil
	}
	c.server.counters.paused.Add(1)
	c.parkInput()
	kicked := c.kick.wait()
	for left := c.paces.left(c.server.now()); left > 0 && c.ended() == nil; left = c.paces.left(c.server.now()) {
		t := time.NewTimer(left)
		select {
		case <-kicked:
		case <-t.C:
		}
		t.Stop()
	}
	c.held = false
	c.heard = c.server.now()
	c.takeInput() // what was read before is not to wait for what comes
	return true, c.ended()
}
