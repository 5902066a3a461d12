package queue

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// bursts lets a commit take all of what a publisher hands over in a row. Without it the commit begins with the first message,
// on another processor, and takes as many as have come until then: the rest needs a flush of its own, and publishers who
// wait for acknowledgements go on in two parts for ever.
type bursts struct {
	open  atomic.Int64
	late  atomic.Bool // the committer is to be woken when one ends
	clock atomic.Bool // it was read since the last one began or ended
}

// longestBurst is how long the committer waits for the end of one. It is far longer than a burst takes, unless the system
// has stopped the publisher in the middle.
const longestBurst = 2 * time.Millisecond

// knowTheTime tells whether the clock was read in the burst that is under way, and notes that it will be.
func (b *bursts) knowTheTime() bool { return b.open.Load() > 0 && b.clock.Swap(true) }

// BeginBurst says that several messages follow at once. No commit begins for them before EndBurst, which must come before
// the publisher waits for anything; who waits for a receipt all the same gets it a little later.
func (s *Store) BeginBurst() {
	s.bursts.open.Add(1)
	s.bursts.clock.Store(false)
}

// EndBurst ends what BeginBurst has begun. If a commit was put off until now the caller makes way for it, and goes on when the disk
// has it, or on another processor: what publishers wait for comes first. (Who has just been woken belongs to this processor, and another
// one takes it away only after some 50 us.)
func (s *Store) EndBurst() {
	s.bursts.open.Add(-1)
	s.bursts.clock.Store(false)
	if s.hurryBurst() {
		runtime.Gosched()
	}
}

// hurryBurst wakes the committer if that was put off.
func (s *Store) hurryBurst() (was bool) {
	if s.bursts.late.Load() && s.bursts.late.Swap(false) {
		s.work.kick()
		return true
	}
	return false
}

// kickLater wakes the committer, at the end of a burst if there is one.
func (s *Store) kickLater() {
	b := &s.bursts
	if b.open.Load() > 0 {
		b.late.Store(true)
		if b.open.Load() > 0 || !b.late.Swap(false) {
			return // whoever ends one has seen it
		}
	}
	s.work.kick()
}

// waitForBurst lets one burst end that is under way when a commit is due.
func (s *Store) waitForBurst(ctx context.Context) {
	b := &s.bursts
	if b.open.Load() == 0 {
		return
	}
	b.late.Store(true)
	if b.open.Load() == 0 {
		return
	}
	timer := time.NewTimer(longestBurst)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.work.wakeup:
	case <-timer.C:
	}
}
