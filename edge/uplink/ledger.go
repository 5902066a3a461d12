package uplink

import (
	"context"
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/budget"
)

const (
	// budgetLook is how often budgets are looked at.
	budgetLook = time.Minute
	// messageCost is what a message of a backlog costs beside its topic and payload, in bytes: MQTT, TLS, its part of the headers and of
	// what acknowledges it.
	messageCost = 100
)

// ledger counts what budgets hold back. It belongs to the goroutine of watchBudgets.
type ledger struct{ classes [budget.Classes]heldClass }

// heldClass is what waits of a class because of a budget.
type heldClass struct {
	held    bool
	counted uint64 // messages that wait now and were counted
	dropped uint64 // by the streams' limits, so far
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
	u.countHeld(u.latestWay())
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
	var waiting, dropped [budget.Classes]uint64
	for _, s := range u.streams {
		if session := s.session.Load(); session != nil {
			q, c := session.Stats(), classOf(s.class)
			waiting[c] += q.Messages
			for _, n := range q.Dropped {
				dropped[c] += n
			}
		}
	}
	for _, class := range []string{config.StateClass, config.LiveClass, config.BackfillClass} {
		c := classOf(class)
		h, lost := &u.ledger.classes[c], uint64(0)
		held := w.Carries(class) && !w.purse.may(class)
		if held && h.held {
			lost = dropped[c] - h.dropped
		}
		if all := waiting[c] + lost; held && all > h.counted {
			w.purse.account.Held(c, int64(all-h.counted))
			h.counted = all
		}
		w.purse.account.Dropped(c, int64(lost))
		h.held, h.dropped, h.counted = held, dropped[c], min(h.counted, waiting[c]) // the oldest leave first
	}
}
