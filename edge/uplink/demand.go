package uplink

import (
	"time"

	"skerry/edge/config"
	"skerry/edge/uplink/schedule"
)

// demand tells the road which links are wanted, by what waits, and says when to look again.
func (t *travel) demand(now time.Time) (again time.Time) {
	waiting := t.u.waiting()
	poll := false
	for i, w := range t.u.ways {
		w.gate.Set(now, w.pressed(w.purse.rung()))
		open, at := w.gate.Look(now, t.see(i, w, waiting))
		t.road.Want(now, i, open)
		again = sooner(again, at)
		poll = poll || !open
	}
	if alarms, ok := waiting[alarmClass]; ok && t.session == nil {
		poll = true
		if alarms > t.alarms {
			t.hurry(now)
		}
	}
	t.alarms = waiting[alarmClass]
	if poll {
		again = sooner(again, now.Add(demandEvery))
	}
	return again
}

// see is what a gate must know.
func (t *travel) see(i int, w *way, waiting map[string]uint64) schedule.Now {
	var n schedule.Now
	for class, messages := range waiting {
		if messages > 0 && w.Carries(class) && !w.holds(class) && w.purse.may(class) {
			n.Waiting, n.Urgent, n.Amount = true, n.Urgent || w.urgent(class), n.Amount+messages
		}
	}
	if s := t.session; s != nil && s.at == i && !s.online.IsZero() {
		n.Online, n.Quiet, n.Gone = max(time.Since(s.online), 1), t.u.quiet(), t.u.gone()
	}
	return n
}

// hurry has the links that carry alarms not wait.
func (t *travel) hurry(now time.Time) {
	for i, w := range t.u.ways {
		if w.Carries(alarmClass) {
			t.road.Hurry(now, i)
		}
	}
}

// waiting counts what the Server has not acknowledged, by class. Classes that no stream has are not in it.
func (u *Uplink) waiting() map[string]uint64 {
	all := map[string]uint64{}
	for _, s := range u.streams {
		if session := s.session.Load(); session != nil {
			all[s.class] += session.Unfinished()
		}
	}
	// What the live streams would have, had they been online, is as much a reason to be.
	if missed := u.pairs.missed(); missed > 0 {
		all[config.LiveClass] += missed
	}
	return all
}

// gone is how many messages the Server has taken, or will never take.
func (u *Uplink) gone() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status.Acknowledged + u.status.Refused + u.status.Expired + u.status.Superseded
}

// quiet is how long nothing has come or gone on the latest connection.
func (u *Uplink) quiet() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tap.quiet()
}
