package uplink

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"skerry/broker"
	"skerry/edge/config"
)

// grace is how long an uplink may be offline before what is published goes into the backlog: most interruptions are shorter.
const grace = 10 * time.Second

// pair is a live stream and one of class backfill over the same part. What is published goes to one of the two: to the live one while the
// link carries that, else to the other. The subscriptions are those of the other one, also on the disk, so that it gathers from the first
// moment after a start; the broker diverts what they bring, for one message after the other, and nothing of that is stored.
type pair struct{ live, back *stream }

// pairs are those of an uplink.
type pairs struct {
	mu    sync.Mutex
	all   []pair
	live  bool        // the live streams gather
	timer *time.Timer // until the others do; nil: not running
}

// pair finds the pairs among the streams.
func (u *Uplink) pair(configured []config.Stream) {
	for back, live := range config.Pairs(configured) {
		var p pair
		for _, s := range u.streams {
			switch s.name {
			case live:
				p.live = s
			case back:
				p.back = s
			}
		}
		p.live.behind = true
		u.pairs.all = append(u.pairs.all, p)
	}
}

// openPairs has the streams of class backfill gather. A pair of which one cannot be carried is none: the other gathers for itself.
func (u *Uplink) openPairs(had map[string]string) error {
	for _, s := range u.streams {
		if err := s.session.Load().Divert(nil); err != nil {
			return fmt.Errorf("stream %s: %w", s.name, err)
		}
	}
	whole := u.pairs.all[:0]
	for _, p := range u.pairs.all {
		live, back := slices.Contains(u.streams, p.live), slices.Contains(u.streams, p.back)
		if live && back {
			whole = append(whole, p)
		}
		if p.live.behind = live && back; !live || back {
			continue
		}
		if err := u.subscribeAlone(p.live, had); err != nil {
			return err
		}
	}
	u.pairs.all = whole
	return nil
}

// subscribeAlone gives the live stream of a broken pair its subscriptions.
func (u *Uplink) subscribeAlone(s *stream, had map[string]string) error {
	session, err := u.connectStream(s, nil)
	if err != nil {
		return err
	}
	defer session.Disconnect(broker.DisconnectOptions{})
	u.memory.Streams[s.name].Match = u.filters(s)
	return u.subscribeStream(s, session, had)
}

// steer has the live streams gather, or the others, from the next message on.
func (p *pairs) steer(live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.turn(live)
}

// turn does the work of steer under the lock. The sessions are durable ones of the program itself: there is nothing that could fail.
func (p *pairs) turn(live bool) {
	if p.live == live {
		return
	}
	p.live = live
	for _, one := range p.all {
		back := one.back.session.Load()
		if live {
			_ = back.Divert(one.live.session.Load())
		} else {
			_ = back.Divert(nil)
		}
	}
}

// offline has the streams of class backfill gather after the grace.
func (p *pairs) offline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live || p.timer != nil || len(p.all) == 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(grace, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.timer == timer {
			p.timer = nil
			p.turn(false)
		}
	})
	p.timer = timer
}

// missed is how many messages wait in the streams of class backfill while these gather.
func (p *pairs) missed() (messages uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if session := one.back.session.Load(); session != nil && !p.live {
			messages += session.Unfinished()
		}
	}
	return messages
}

// of tells with which stream one makes a pair, and whether it gathers.
func (p *pairs) of(s *stream) (other string, gathers bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		switch s {
		case one.live:
			return one.back.name, p.live
		case one.back:
			return one.live.name, !p.live
		}
	}
	return "", true
}
