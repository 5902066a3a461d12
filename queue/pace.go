package queue

import (
	"context"
	"sync/atomic"
	"time"
)

// pace lets the committer wait a moment for publishers who are about to come back. When a commit ends, those it
// acknowledges publish again within the time of a round trip; those who published while it ran wait already. Without
// waiting they take turns for ever, half of them in each group, and each flush serves half of those it could.
//
// So the next commit waits until as many wait as were acknowledged and left behind by the last one, but at most a
// quarter of the time that a flush takes, counted from the end of the last one. A single publisher never waits: it is
// the one who was acknowledged. A wait pays if more come in it than in any time of that length; where it does not,
// because those who publish are far away or come when they like, waits become rare.
type pace struct {
	flush atomic.Int64 // how long one takes, smoothed; nanoseconds

	// The committer's:
	ended     time.Time // the last commit
	want      [2]int    // who was acknowledged or left behind by the last two
	committed uint64    // forced items so far
	rate      float64   // of them; in a nanosecond, smoothed
	came      float64   // in a wait, smoothed
	waited    float64   // nanoseconds, smoothed
	poor      int       // how rare waits are
	skip      int       // waits to be left out
}

const (
	// shortestWait: timers are not finer than a millisecond on an idle machine, and a flush that is faster than a few of
	// them is over sooner than publishers come back.
	shortestWait = 500 * time.Microsecond
	longestWait  = 10 * time.Millisecond
	mostPoor     = 6 // then one of 65 waits is tried
)

// commitDue commits what is due, if it is still needed.
func (s *Store) commitDue(ctx context.Context) error {
	t := s.review()
	if t == nothing {
		return nil
	}
	if t == all {
		s.waitForBurst(ctx)
		s.gather(ctx)
	}
	g, err := s.commitGroup(t)
	s.mu.Lock()
	s.pace.end(s.forced, s.pending.forced) // first: who is woken and comes back at once would count twice
	s.mu.Unlock()
	if g != nil {
		wakeEach(g.wakers())
	}
	return err
}

// end notes the end of a commit: how many forced items there were so far, and how many of them are pending.
func (p *pace) end(total uint64, pending int) {
	now := time.Now()
	n := total - uint64(pending) - p.committed
	p.rate += (float64(n)/max(1, float64(now.Sub(p.ended))) - p.rate) / 4
	p.committed, p.ended = p.committed+n, now
	p.want[0], p.want[1] = p.want[1], int(n)+pending
}

// gather is the short wait.
func (s *Store) gather(ctx context.Context) {
	p, began := &s.pace, time.Now()
	most := min(time.Duration(p.flush.Load()/4), longestWait)
	left := most - began.Sub(p.ended)
	want := min(p.want[0], p.want[1]) // what happens once is no habit
	if most < shortestWait || left <= 0 || want < 2 {
		return
	}
	before := s.waitFor(want)
	defer s.waitFor(0)
	if before == 0 || before >= want {
		return
	}
	if p.skip > 0 {
		p.skip--
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	after := before
	for over := false; after < want && !over; after = s.waitFor(want) {
		select {
		case <-ctx.Done():
			over = true
		case <-timer.C:
			over = true
		case <-s.work.wakeup:
		}
	}
	p.judge(after-before, time.Since(began))
}

// waitFor has the committer woken when so many forced items are pending, and returns how many there are.
func (s *Store) waitFor(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = n
	return s.pending.forced
}

// judge looks whether waits pay.
func (p *pace) judge(came int, waited time.Duration) {
	p.came += (float64(came) - p.came) / 4
	p.waited += (float64(waited) - p.waited) / 4
	if p.came > 2*p.rate*p.waited {
		p.poor = max(p.poor-1, 0)
		return
	}
	p.poor = min(p.poor+1, mostPoor)
	p.skip = 1 << p.poor // even: publishers in two groups of unlike size are tried both ways
}

// took notes the time of a flush. One that is far out of the usual counts less.
func (p *pace) took(d time.Duration) {
	was := p.flush.Load()
	if was == 0 {
		was = int64(d)
	}
	p.flush.Store(was + (min(int64(d), 4*was)-was)/8)
}
