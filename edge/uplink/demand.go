package uplink

import (
	"time"

	"skerry/edge/uplink/budget"
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
	alarms, there := alarmsOf(waiting)
	if there && t.session == nil {
		poll = true
		if alarms > t.alarms {
			t.hurry(now)
		}
	}
	t.alarms = alarms
	if poll {
		again = sooner(again, now.Add(demandEvery))
	}
	return again
}

// see is what a gate must know.
func (t *travel) see(i int, w *way, waiting []waiting) schedule.Now {
	var n schedule.Now
	for _, q := range waiting {
		if class := q.stream.class; q.messages > 0 && !q.stream.halt.rests(time.Now()) && w.Carries(class) && !w.holds(class) && w.purse.may(q.stream) {
			n.Waiting, n.Urgent, n.Amount = true, n.Urgent || w.urgent(class) || w.usedUp && w.Schedule == nil, n.Amount+q.messages
		}
	}
	if s := t.session; s != nil && s.at == i && !s.online.IsZero() {
		n.Online, n.Quiet, n.Gone = max(time.Since(s.online), 1), t.u.quiet(), t.u.gone()
	}
	// What has waited for a new period does not wait for others as well.
	w.usedUp = w.purse.rung() == budget.AlarmOnly || w.usedUp && n.Online == 0
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

// waiting is what the Server has not acknowledged of a stream.
type waiting struct {
	stream   *stream
	messages uint64
}

// waiting counts it for each stream. What a live one would have, had it been online, is as much a reason to be.
func (u *Uplink) waiting() (all []waiting) {
	for _, s := range u.streams {
		if session := s.session.Load(); session != nil {
			all = append(all, waiting{s, session.Unfinished() + u.pairs.missed(s)})
		}
	}
	return all
}

// alarmsOf counts the alarms among what waits; there is false if no stream has that class.
func alarmsOf(all []waiting) (messages uint64, there bool) {
	for _, q := range all {
		if q.stream.class == alarmClass {
			messages, there = messages+q.messages, true
		}
	}
	return messages, there
}

// gone is how many messages the Server has taken, or will never take.
func (u *Uplink) gone() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.status.Acknowledged + u.status.Refused + u.status.Expired + u.status.Superseded + u.status.Thinned
}

// quiet is how long nothing has come or gone on the latest connection.
func (u *Uplink) quiet() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tap.quiet()
}
