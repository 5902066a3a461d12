package road

import "time"

// Physical tells what the kernel says of a link: Absent, Down, Carrier or Addressed.
func (r *Road) Physical(now time.Time, i int, s State) {
	l := r.links[i]
	first, was := !l.told, l.physical
	l.physical, l.told = min(s, Addressed), true
	switch {
	case first || was == l.physical:
	case l.up():
		l.steady = now
		l.skip(now)
	case was >= Addressed:
		l.steady = now
	}
	r.settle(now)
}

// Moved tells that a link has other addresses than it had, or another route: what was opened over the old ones is dead, gone tells so for
// the session; and an attempt makes sense now.
func (r *Road) Moved(now time.Time, i int, gone bool) {
	l := r.links[i]
	l.moved = l.moved || gone && (l.phase == inUse || l.phase == dialing || l.phase == dialed)
	l.skip(now)
	r.settle(now)
}

// Want tells whether a link is to be used now.
func (r *Road) Want(now time.Time, i int, wanted bool) {
	r.links[i].wanted = wanted
	r.settle(now)
}

// Hurry tells that an alarm waits that may go over a link.
func (r *Road) Hurry(now time.Time, i int) {
	r.links[i].skip(now)
	r.settle(now)
}

// Degraded tells whether a link is too bad to stay on.
func (r *Road) Degraded(now time.Time, i int, bad bool) {
	l := r.links[i]
	switch {
	case bad && l.degraded.IsZero():
		l.degraded = now
	case !bad && !l.degraded.IsZero():
		l.degraded, l.steady = time.Time{}, now
	}
	r.settle(now)
}

// Dialled tells that TCP and TLS stand.
func (r *Road) Dialled(now time.Time, i int) {
	if l := r.links[i]; l.phase == dialing {
		l.phase = dialed
	}
	r.settle(now)
}

// Failed tells that an attempt to dial has failed, why, and what it has cost.
func (r *Road) Failed(now time.Time, i int, f Fault, why string, bytes int64) {
	l := r.links[i]
	if l.phase != dialing {
		return
	}
	l.phase, l.err = idle, why
	l.spend(now, bytes)
	l.again(now, r, f, false)
	r.settle(now)
}

// Connected tells that the Server has accepted the session.
func (r *Road) Connected(now time.Time, i int) {
	l := r.links[i]
	l.online, l.began, l.err, l.holds, l.turn = true, now, "", 0, time.Time{}
	r.settle(now)
}

// Ended tells that the session is over, why, and what it has cost: one that did not last is an attempt that came to nothing. One that was handed over before that counts
// as a failure of its way.
func (r *Road) Ended(now time.Time, i int, f Fault, why string, bytes int64) {
	l := r.links[i]
	lasted := l.online && now.Sub(l.began) >= lasting && f != Mute
	if f == None && l.passed {
		f = Way // it was not left on purpose: the Server did not answer there
	}
	r.judge(l, now, f)
	if l.online {
		l.good = now
	}
	if f != None && !lasted {
		l.spend(now, min(bytes, l.AttemptBytes))
	}
	l.phase, l.online, l.moved, l.back, l.passed = idle, false, false, false, false
	r.use = none
	switch {
	case f == None:
		l.notBefore, l.server, l.last = now, 0, 0
	case f == Gone:
		l.err, l.steady, l.turn = why, now, time.Time{}
		if lasted {
			l.last, l.server = 0, 0
		}
		l.notBefore = now.Add(l.wait(r))
		l.skip(now)
	default:
		l.err = why
		l.again(now, r, f, lasted)
	}
	r.settle(now)
}

// judge learns from a session how far its link can be trusted. One for which another was left that worked must last, whatever ends it: who
// opens connections on a link and answers nothing would have the uplink leave the other link for it without end.
func (r *Road) judge(l *lane, now time.Time, f Fault) {
	switch {
	case l.online && now.Sub(l.began) >= settled:
		l.doubt = 0
	case l.back && f != None, l.online && (f == Way || f == Gone) && len(r.links) > 1:
		l.doubt = min(l.doubt+1, maxDoubt)
	}
}

// again sets the time of the next attempt: the next Server of the list at once, the first one after a wait.
func (l *lane) again(now time.Time, r *Road, f Fault, lasted bool) {
	l.steady = now
	if lasted {
		l.last, l.server, l.holds = 0, 0, 0
	} else if l.server = (l.server + 1) % l.Servers; l.server != 0 {
		l.notBefore = now
		return
	}
	l.notBefore = now.Add(l.wait(r))
	if need := l.afford(); need > 0 && !lasted { // the way was good a moment ago: the first attempt is worth it
		l.notBefore = later(l.notBefore, now.Add(need))
	}
	l.turn = time.Time{}
	if f == Server && l.holds < maxHolds && !r.otherWorked(l, now) {
		l.holds++
		l.turn = l.notBefore.Add(l.HeadStart)
	}
}

// otherWorked tells whether the Server has lately accepted a session over another link: then it is this one that something is wrong with.
func (r *Road) otherWorked(l *lane, now time.Time) bool {
	for _, o := range r.links {
		if o != l && !o.good.IsZero() && now.Sub(o.good) < settled {
			return true
		}
	}
	return false
}

// wait draws the next wait by decorrelated jitter. The first after a session that lasted may be short: most interruptions are.
func (l *lane) wait(r *Road) time.Duration {
	if l.last == 0 {
		l.last = l.RetryMin
		return l.RetryMin/10 + r.rand(l.RetryMin-l.RetryMin/10)
	}
	l.last = min(l.RetryMin+r.rand(3*l.last-l.RetryMin), l.RetryMax)
	return l.last
}

// skip has the next attempt come at once, if that was not so within the last minute. The budget of attempts does not matter: what comes so
// rarely is worth it.
func (l *lane) skip(now time.Time) {
	if !l.skipped.IsZero() && now.Sub(l.skipped) < skipEvery || !now.Before(l.notBefore) {
		return
	}
	l.skipped, l.notBefore = now, now
}

const day = 24 * time.Hour

// spend notes what an attempt has cost. What events have had spent beyond the budget is not owed for days.
func (l *lane) spend(now time.Time, bytes int64) {
	if l.BudgetBytes <= 0 {
		return
	}
	back := float64(l.BudgetBytes) * float64(now.Sub(l.spentAt)) / float64(day)
	l.spent, l.spentAt = min(max(l.spent-back, 0)+float64(bytes), float64(l.BudgetBytes)), now
}

// afford is how long it takes until the budget of attempts has room for one more.
func (l *lane) afford() time.Duration {
	if l.BudgetBytes <= 0 {
		return 0
	}
	over := l.spent + float64(l.AttemptBytes) - float64(l.BudgetBytes)
	return time.Duration(over / float64(l.BudgetBytes) * float64(day))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
