package uplink

import (
	"context"
	"time"

	"skerry/edge/config"
)

const (
	// budgetLook is how often budgets are looked at.
	budgetLook = time.Minute
	// messageCost is what a message of a backlog costs beside its topic and payload, in bytes: MQTT, TLS, its part of the headers and of
	// what acknowledges it.
	messageCost = 100
)

// ledger counts what budgets hold back, by stream. It belongs to the goroutine of watchBudgets.
type ledger map[*stream]*heldBack

// heldBack is what waits of a stream because of a budget.
type heldBack struct {
	held    bool
	counted uint64 // messages that wait now and were counted
	dropped uint64 // by the stream's limits, so far
}

// watchBudgets looks at the budgets until ctx ends.
func (u *Uplink) watchBudgets(ctx context.Context) {
	tick := time.NewTicker(budgetLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			u.lookAtBudgets()
		}
	}
}

// lookAtBudgets has them find their rungs, and those who depend on that look around.
func (u *Uplink) lookAtBudgets() {
	changed, backlog := false, u.backlogCost()
	for _, w := range u.ways {
		changed = w.purse.look(backlog) || changed
	}
	changed = u.weigh() || changed
	u.countHeld(u.latestWay())
	u.sayThinned(u.latestWay())
	u.turnover.note(time.Now(), u.handled(), u.Queue().Messages)
	if !changed {
		return
	}
	u.travel.news.post(func() {}) // the gates are looked at
	if l := u.link.Load(); l != nil {
		l.Wake()
	}
}

// backlogCost is what the old backlog is expected to cost, in bytes.
func (u *Uplink) backlogCost() (bytes int64) {
	for _, s := range u.streams {
		if session := s.session.Load(); session != nil && s.class == config.BackfillClass {
			q := session.Stats()
			bytes += int64(q.Bytes + messageCost*q.Messages)
		}
	}
	return bytes
}

// latestWay is the link in use, or tried last.
func (u *Uplink) latestWay() *way {
	if l := u.link.Load(); l != nil {
		return l.way
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.ways {
		if w.Name == u.status.Link {
			return w
		}
	}
	return u.ways[0]
}

// countHeld counts the messages that wait because of the budget of a link, and those that their streams' limits drop meanwhile, each once.
func (u *Uplink) countHeld(w *way) {
	for _, s := range u.streams {
		session := s.session.Load()
		if session == nil || s.class == config.AlarmClass {
			continue
		}
		q, h, c := session.Stats(), u.ledger[s], classOf(s.class)
		if h == nil {
			h = &heldBack{}
			u.ledger[s] = h
		}
		dropped, lost := uint64(0), uint64(0)
		for _, n := range q.Dropped {
			dropped += n
		}
		held := w.Carries(s.class) && !w.purse.may(s)
		if held && h.held {
			lost = dropped - h.dropped
		}
		if all := q.Messages + lost; held && all > h.counted {
			w.purse.account.Held(c, int64(all-h.counted))
			h.counted = all
		}
		w.purse.account.Dropped(c, int64(lost))
		h.held, h.dropped, h.counted = held, dropped, min(h.counted, q.Messages) // the oldest leave first
	}
}
