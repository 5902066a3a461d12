package broker

import (
	"cmp"
	"container/heap"
	"context"
	"time"
)

// Deadlines are on the boot clock of the store. It goes on through suspension, and no change of the date moves it; what was
// spent in earlier boots is added when sessions are restored.

// Run publishes delayed wills and ends expired sessions when their time comes, until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.kick:
		case <-timer.C:
		}
		if wait, some := b.expire(); some {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
	}
}

// expireAtOnce bounds how many deadlines are served without letting go of the lock.
const expireAtOnce = 64

// expire serves the deadlines that have passed and tells when the next one is.
func (b *Broker) expire() (wait time.Duration, some bool) {
	var up later
	b.mu.Lock()
	now := b.store.Now().At
	for range expireAtOnce {
		if len(b.due) == 0 || b.due[0].life.next() > now {
			break
		}
		b.serve(b.due[0], now, &up)
	}
	if some = len(b.due) > 0; some {
		wait = max(0, b.due[0].life.next()-now)
	}
	b.mu.Unlock()
	up.do()
	return wait, some
}

// serve does what a session's next deadline asks for.
func (b *Broker) serve(s *session, now time.Duration, up *later) {
	ends := s.life.expires && s.life.endAt <= now
	if ends || s.life.willDue {
		b.fire(s, &up.touched) // the end of a session does not wait for the delay [MQTT-3.1.2-8]
	}
	switch {
	case s.queue == nil:
		b.forget(s)
	case ends:
		b.log.Info("session expired", "client", s.key[1:])
		b.expirations++
		b.end(s, b.change())
	default:
		b.schedule(s)
	}
}

// noKeepAlive stands for the KeepAlive of a Client without one when it is given time to return after a restart.
const noKeepAlive = 10 * time.Second

// setDeadlines computes when a session that has just lost its connection, or was restored without one, is due.
func (b *Broker) setDeadlines(s *session) {
	now := b.store.Now().At
	l := &s.life
	if l.willDue = s.will != nil; l.willDue {
		l.willAt = now + s.will.delay()
		if l.restarted {
			l.willAt += cmp.Or(l.keepAlive, noKeepAlive) * 3 / 2
		}
	}
	if l.expires = s.queue != nil && l.expiry != Never; l.expires {
		left := time.Duration(l.expiry)*time.Second - b.store.Since(l.away)
		l.endAt = now + max(0, left)
	}
	b.schedule(s)
}

// next is the earlier of the deadlines.
func (l *life) next() time.Duration {
	switch {
	case !l.expires:
		return l.willAt
	case !l.willDue:
		return l.endAt
	}
	return min(l.willAt, l.endAt)
}

// schedule puts a session in its place among the deadlines, or out of them.
func (b *Broker) schedule(s *session) {
	if !s.life.willDue && !s.life.expires {
		b.due.remove(s)
		return
	}
	b.due.put(s)
	if b.due[0] == s {
		select {
		case b.kick <- struct{}{}:
		default:
		}
	}
}

// deadlines is a heap of the sessions that have one, the earliest first.
type deadlines []*session

func (d *deadlines) put(s *session) {
	if s.life.index == 0 {
		heap.Push(d, s)
		return
	}
	heap.Fix(d, s.life.index-1)
}

func (d *deadlines) remove(s *session) {
	if s.life.index != 0 {
		heap.Remove(d, s.life.index-1)
	}
}

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].life.next() < d[j].life.next() }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].life.index, d[j].life.index = i+1, j+1
}

// Push and Pop are for package heap.
func (d *deadlines) Push(x any) {
	s := x.(*session)
	*d = append(*d, s)
	s.life.index = len(*d)
}

func (d *deadlines) Pop() any {
	last := len(*d) - 1
	s := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	s.life.index = 0
	return s
}
