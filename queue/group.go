package queue

import (
	"sync"
	"time"
)

// group is what becomes durable with the next commit, in order of enqueueing. It is guarded by the lock of the
// store until it is committed.
type group struct {
	number  Receipt
	items   []*item
	bytes   int
	due     time.Time     // when it is to be looked at; zero: nothing waits for it
	forced  int           // items that somebody waits for
	written int           // in its records, once it is encoded
	since   time.Duration // when the first of its messages came that have settled; 0: none has
	begun   time.Time     // when its commit began
	waiters []Waker
	told    []told
}

// told is who is told that an item is durable, and has nothing hurried for it.
type told struct {
	it *item
	w  Waker
}

// wakers are all who are to be woken when the group is durable.
func (g *group) wakers() []Waker {
	all := g.waiters
	for _, t := range g.told {
		all = append(all, t.w)
	}
	return all
}

// item is one record to be written. There is one for each message that is owed to the disk: a test holds its size, with that of a
// target, to 128 bytes, a size class of the allocator.
type item struct {
	typ   byte
	fixed bool // of a batch: written in any case
	aside bool // settled
	size  int32
	came  time.Duration // since the store was opened; of what waits for a window

	// recMessage: encoded at commit, because by then some targets may be done.
	m  *Message
	to []logTarget
	by from

	*other // nil: it is a message
}

// other is what an item holds that is no message.
type other struct {
	body    []byte    // unless the type says otherwise
	run     runRecord // recReceived
	bytes   uint64    // of its messages
	what    byte      // likewise: receivedGone, ...
	batched []*item   // recBatch
}

// parts are the records of a batch.
func (it *item) parts() []*item {
	if it.other == nil {
		return nil
	}
	return it.batched
}

// messages yields the items that are messages, those in batches included.
func (g *group) messages(yield func(*item) bool) {
	for _, it := range g.items {
		if it.m != nil && !yield(it) {
			return
		}
		for _, part := range it.parts() {
			if part.m != nil && !yield(part) {
				return
			}
		}
	}
}

// add puts an item into the pending group, which is to be committed now: somebody waits for it.
func (s *Store) add(it *item, bytes int) Receipt {
	s.pending.take(it, bytes)
	return s.force()
}

// force has the pending group committed now.
func (s *Store) force() Receipt {
	g := s.pending
	s.forced++
	if g.forced++; g.forced == 1 {
		if now := time.Now(); g.due.IsZero() || g.due.After(now) {
			g.due = now
		}
	}
	if g.forced == 1 || g.forced == s.wanted {
		s.kickLater()
	}
	return g.number
}

func (g *group) take(it *item, bytes int) {
	it.size = int32(bytes)
	g.items = append(g.items, it)
	g.bytes += bytes
}

// addReceived adds to a run of PUBRECs where it can.
func (s *Store) addReceived(x *Session, e *entry) {
	what := receivedGone
	if e.m != nil {
		what = receivedKept
	}
	if n := len(s.pending.items); n > 0 {
		last := s.pending.items[n-1]
		if last.typ == recReceived && last.what == what && last.run.session == x.number && last.run.first+last.run.count == e.ordinal {
			last.run.count++
			last.bytes += uint64(e.weight)
			return
		}
	}
	s.add(&item{typ: recReceived, other: &other{run: runRecord{x.number, e.ordinal, 1}, bytes: uint64(e.weight), what: what}}, smallRecord)
}

// smallRecord is what a record without a body of the user's is charged with.
const smallRecord = 64

// work is what waits for the committer beside the pending group. Its lock is taken last, and nothing is done under
// it.
type work struct {
	mu      sync.Mutex
	dirty   []*Session
	acksDue time.Time // zero: no dirty session
	alarm   time.Time // when the committer wakes by itself; zero: never
	parked  []parked
	fills   []*Session
	wakeup  chan struct{} // for the committer
	fill    chan struct{} // for the reader
}

// parked is a session that waits for a receipt.
type parked struct {
	x *Session
	r Receipt
}

func (w *work) init() {
	w.wakeup, w.fill = make(chan struct{}, 1), make(chan struct{}, 1)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *work) kick() { signal(w.wakeup) }

func (w *work) addDirty(x *Session, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dirty = append(w.dirty, x)
	if !w.acksDue.IsZero() {
		return
	}
	w.acksDue = due
	if w.alarm.IsZero() || w.alarm.After(due) {
		signal(w.wakeup)
	}
}

// sleepUntil has the committer woken when something is due; zero: nothing is. An alarm that comes earlier stays: acknowledgements
// become due and are written with a group again and again, and it is cheaper to look in vain once in a while than to set it each time.
func (w *work) sleepUntil(timer *time.Timer, due time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !due.IsZero() && (w.alarm.IsZero() || w.alarm.After(due)) {
		w.alarm = due
		timer.Reset(time.Until(due))
	}
}

// dropAlarm says that the committer wakes by itself no more.
func (w *work) dropAlarm(timer *time.Timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarm = time.Time{}
	timer.Stop()
}

// acksDueBy tells whether acknowledgements are to be written by themselves.
func (w *work) acksDueBy(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.acksDue.IsZero() && !w.acksDue.After(now)
}

// hurry lets the waiting acknowledgements be committed now.
func (w *work) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acksDue = time.Now()
	signal(w.wakeup)
}

func (w *work) takeDirty() []*Session {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.dirty
	w.dirty, w.acksDue = nil, time.Time{}
	return d
}

// takeParked takes the sessions whose receipt is resolved.
func (w *work) takeParked(durable Receipt) (ready []*Session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.parked[:0]
	for _, p := range w.parked {
		if p.r <= durable {
			ready = append(ready, p.x)
		} else {
			kept = append(kept, p)
		}
	}
	clear(w.parked[len(kept):])
	w.parked = kept
	return ready
}

// park has the session woken when the receipt is resolved. It returns true if it already is.
func (s *Store) park(x *Session, r Receipt) bool {
	if !x.parked {
		x.parked = true
		s.work.mu.Lock()
		s.work.parked = append(s.work.parked, parked{x, r})
		s.work.mu.Unlock()
	}
	return s.resolved(r)
}

func (s *Store) resolved(r Receipt) bool { return uint64(r) <= s.durable.Load() }
