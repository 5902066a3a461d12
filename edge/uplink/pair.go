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
type pair struct {
	live, back *stream
	gathers    gathering
}

// gathering is how much of what is published the live stream of a pair gets; the other one gets the rest.
type gathering uint8

const (
	nothing gathering = iota
	thinned           // what its thinner lets pass
	everything
)

// pairs are those of an uplink.
type pairs struct {
	mu    sync.Mutex
	all   []pair
	timer *time.Timer // until the streams of class backfill gather; nil: not running
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

// gathers is how much a live stream of a pair gets while the link stands.
func (l *link) gathers(live *stream) gathering {
	switch {
	case !l.carries(live):
		return nothing
	case l.way.purse.tight(live):
		return thinned
	}
	return everything
}

// steer has each live stream gather as much as it says, from the next message on.
func (p *pairs) steer(gathers func(live *stream) gathering) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.turn(gathers)
}

// rest has the streams of class backfill gather everything.
func (p *pairs) rest() { p.steer(atRest) }

func atRest(*stream) gathering { return nothing }

// turn does the work of steer under the lock. The sessions are durable ones of the program itself: there is nothing that could fail.
func (p *pairs) turn(gathers func(live *stream) gathering) {
	for i := range p.all {
		one := &p.all[i]
		now := gathers(one.live)
		if one.gathers == now {
			continue
		}
		one.gathers = now
		live, back := one.live.session.Load(), one.back.session.Load()
		switch now {
		case everything:
			_ = back.Divert(live)
		case thinned:
			thin := one.live.thin
			_ = back.DivertSome(live, func(m *broker.Message) bool {
				return removes(m.Retain, m.Payload) || thin.passes(m.TopicName, thin.now())
			})
		default:
			_ = back.Divert(nil)
		}
	}
}

// offline has the streams of class backfill gather after the grace.
func (p *pairs) offline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil || !slices.ContainsFunc(p.all, func(one pair) bool { return one.gathers != nothing }) {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(grace, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.timer == timer {
			p.timer = nil
			p.turn(atRest)
		}
	})
	p.timer = timer
}

// missed is how many messages wait in the stream of class backfill beside a live one while that gathers nothing.
func (p *pairs) missed(live *stream) (messages uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if session := one.back.session.Load(); session != nil && one.live == live && one.gathers == nothing {
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
			return one.back.name, one.gathers != nothing
		case one.back:
			return one.live.name, one.gathers != everything
		}
	}
	return "", true
}
