package queue

import (
	"cmp"
	"slices"
	"time"
)

// What the gateway itself publishes waits for a window: many readings share a commit, and a reading that all its
// receivers acknowledge meanwhile is never written. There are three windows:
//
//   - The patient one is for a QoS 1 message whose receivers are all connected: it is as long as their acknowledgements
//     take.
//   - A retained message that everybody has acknowledged is settled: only the next start needs it. It may wait longer, and
//     one of its topic that settles later takes its place.
//   - What cannot be spared by waiting has Options.CommitWindow: facts, QoS 2, what is owed to a receiver who is away,
//     a retained message that nobody else has.
//
// What a Client was promised ends every wait, and takes all along that was published before. Facts, settled messages and
// acknowledgements do not: they are written aside, before what may still be spared.

// SetCommitWindow changes how long an own message may wait whose receivers are there to acknowledge it, and one to be
// retained that they have acknowledged: after a loss of power its topic has the value before. That holds for what is
// waiting now too. All else waits for Options.CommitWindow, and nothing for less.
func (s *Store) SetCommitWindow(patient, settled time.Duration) {
	patient, settled = max(patient, s.o.CommitWindow), max(settled, s.o.CommitWindow)
	s.mu.Lock()
	defer s.mu.Unlock()
	shorter := patient < s.window || settled < s.settled
	s.window, s.settled = patient, settled
	if shorter {
		s.reconsider()
	}
}

// CommitWindow is how long an own message may wait now.
func (s *Store) CommitWindow() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window
}

// Hurry ends the wait of all that waits for a window now.
func (s *Store) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && len(s.pending.items) > 0 {
		s.force()
	}
}

// reconsider has the committer look at what waits.
func (s *Store) reconsider() {
	if g := s.pending; !g.due.IsZero() && g.forced == 0 {
		if now := time.Now(); g.due.After(now) { // one that is due already stays as late as it is
			g.due = now
		}
		s.work.kick()
	}
}

// addMessage puts a message into the pending group: one of a Client is committed now if somebody was promised that.
func (s *Store) addMessage(it *item, bytes int) Receipt {
	if it.by.session != 0 || it.m.Origin == Client && (len(it.to) > 0 || it.m.QoS > 0) {
		return s.add(it, bytes)
	}
	return s.addWaiting(it, bytes)
}

// addWaiting puts an item into the pending group that may wait. Much of it may not: what Clients publish needs room.
func (s *Store) addWaiting(it *item, bytes int) Receipt {
	g := s.pending
	if g.bytes+bytes > s.o.PendingBytes/4 {
		return s.add(it, bytes)
	}
	it.came, it.aside = s.clock.elapsed(), it.facts()
	g.take(it, bytes)
	if due := s.clock.start.Add(it.came + s.windowOf(it)); g.due.IsZero() || due.Before(g.due) {
		g.due = due
		s.work.kick()
	}
	return g.number
}

// windowOf is how long an item may wait as things are.
func (s *Store) windowOf(it *item) time.Duration {
	if it.mayElide() && s.stretched() {
		return s.window
	}
	return s.o.CommitWindow
}

// mayElide tells whether waiting can spare the record of an item.
func (it *item) mayElide() bool {
	if it.m == nil || it.fixed || it.m.Origin != Gateway || len(it.to) == 0 {
		return false
	}
	for i := range it.to {
		if t := &it.to[i]; !t.done() && (t.qos != 1 || !t.x.hasConnection()) {
			return false
		}
	}
	return true
}

// facts tells whether an item holds nothing but facts.
func (it *item) facts() bool {
	for _, part := range it.parts() {
		if part.typ != recPut && part.typ != recDelete {
			return false
		}
	}
	return it.typ == recPut || it.typ == recDelete || it.typ == recBatch
}

func (x *Session) hasConnection() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.connected
}

// settled tells whether an item is needed by nobody but the next start.
func (it *item) settled() bool { return it.mayElide() && !it.owed() }

// A turn is what the committer has to do.
type turn byte

const (
	nothing turn = iota
	side         // to write what goes aside, and acknowledgements; the rest may still be spared
	all
)

// review looks at what waits when something is due. What is owed to nobody any more leaves, and the rest is due again
// when its first is: a station whose readings are acknowledged in time writes none of them.
func (s *Store) review() turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, now := s.pending, time.Now()
	if g.forced > 0 || s.err != nil {
		return all
	}
	acks := s.work.acksDueBy(now)
	if !acks && (g.due.IsZero() || g.due.After(now)) {
		return nothing
	}
	if s.spare(g); len(g.items) == 0 {
		return side // resolves the receipts; but what comes just now is not to be taken along
	}
	found := s.schedule(g, now)
	switch {
	case found == nothing && !acks:
		return nothing
	case found == all || !s.patient(g):
		return all
	}
	return side
}

// spare takes out of a group what needs no record any more, and marks what has settled. Of the retained messages of a
// topic the last one settles, unless an earlier one is still owed: that must not come after it in the log.
func (s *Store) spare(g *group) {
	settled, last := settledItems(g.items)
	kept := g.items[:0]
	for i, it := range g.items {
		switch {
		case !settled[i]:
		case !it.m.Retain:
			s.countSpared(it)
			g.bytes -= int(it.size)
			continue
		default:
			newest, some := last[it.m.TopicName]
			if some && i <= newest {
				g.since = cmp.Or(g.since, it.came)
			}
			if some && i < newest {
				s.coalesced.Add(1)
				g.bytes -= int(it.size)
				continue
			}
			it.aside = some && i == newest
		}
		kept = append(kept, it)
	}
	clear(g.items[len(kept):])
	g.items = kept
}

// settledItems tells which items have settled, and of the retained ones the last that may, by topic. Receivers acknowledge
// meanwhile, so each is asked once.
func settledItems(items []*item) (settled []bool, last map[string]int) {
	settled, last = make([]bool, len(items)), map[string]int{}
	owed := map[string]bool{}
	for i, it := range items {
		settled[i] = it.settled()
		if it.m == nil || !it.m.Retain {
			continue
		}
		if name := it.m.TopicName; !settled[i] {
			owed[name] = true
		} else if !owed[name] {
			last[name] = i
		}
	}
	return settled, last
}

// schedule sets when a group is due, and tells what of it is due now.
func (s *Store) schedule(g *group, now time.Time) turn {
	found := nothing
	g.due = time.Time{}
	for _, it := range g.items {
		due, what := s.dueOf(g, it)
		if !due.After(now) {
			found = max(found, what)
		}
		if g.due.IsZero() || due.Before(g.due) {
			g.due = due
		}
	}
	if soon := now.Add(reviewEvery + time.Duration(len(g.items))*reviewEach); found == nothing && g.due.Before(soon) {
		g.due = soon
	}
	return found
}

// How often a group is looked at in vain: never for a notable part of the time.
const (
	reviewEvery = 10 * time.Millisecond
	reviewEach  = 50 * time.Microsecond
)

func (s *Store) dueOf(g *group, it *item) (time.Time, turn) {
	switch {
	case it.aside && it.m == nil:
		return s.clock.start.Add(it.came + s.o.CommitWindow), side
	case it.aside && s.stretched():
		return s.clock.start.Add(g.since + s.settled), side
	}
	return s.clock.start.Add(it.came + s.windowOf(it)), all
}

// stretched tells whether waiting longer than Options.CommitWindow makes sense. It does not if somebody waits for the
// receipt, which only the whole group resolves.
func (s *Store) stretched() bool {
	return max(s.window, s.settled) > s.o.CommitWindow && len(s.pending.waiters) == 0
}

// awaited is called when somebody has begun to wait for the pending group.
func (s *Store) awaited() {
	if len(s.pending.waiters) == 1 && max(s.window, s.settled) > s.o.CommitWindow {
		s.reconsider()
	}
}

// patient tells whether all of a group that does not go aside may still be spared by waiting.
func (s *Store) patient(g *group) bool {
	return s.stretched() && !slices.ContainsFunc(g.items, func(it *item) bool { return !it.aside && !it.mayElide() })
}

// cut takes what is to be committed. What goes aside is a group of its own, which is before the pending one and resolves
// nothing; if that leaves nothing, it is the whole group. It returns nil if there is nothing to commit.
func (s *Store) cut(t turn, acks bool) *group {
	g := s.pending
	if t != side || g.forced > 0 || !slices.ContainsFunc(g.items, func(it *item) bool { return !it.aside }) {
		if len(g.items) == 0 && g.due.IsZero() && !acks {
			return nil
		}
		s.pending = &group{number: g.number + 1, items: s.items}
		s.items = nil
		return g
	}
	taken := &group{number: g.number - 1}
	g.items = slices.DeleteFunc(g.items, func(it *item) bool {
		if it.aside {
			taken.take(it, int(it.size))
			g.bytes -= int(it.size)
		}
		return it.aside
	})
	g.told = slices.DeleteFunc(g.told, func(t told) bool {
		if t.it.aside {
			taken.told = append(taken.told, t)
		}
		return t.it.aside
	})
	g.since = 0
	s.schedule(g, time.Now())
	if len(taken.items) == 0 && !acks {
		return nil
	}
	return taken
}

// suspended is called when a session has lost its connection: what it is owed cannot be spared any more.
func (s *Store) suspended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stretched() {
		s.reconsider()
	}
}
