package queue

import "context"

// A Receipt is a point in the order of publishing. It is resolved when Store.Durable() >= it; 0 is always resolved.
// Receipts do not outlive the Store.
type Receipt uint64

// A Waker is told that something may be ready. Wake is called without locks held; it must not block and touch no
// socket. Its type must be comparable.
type Waker interface{ Wake() }

// A Flusher is a Waker that can do what it waits for at once. The committer calls Flush instead of Wake if it has nobody else to wake:
// the next commit waits for it, so it must not block either.
type Flusher interface {
	Waker
	Flush()
}

// Durable is the highest resolved receipt.
func (s *Store) Durable() Receipt { return Receipt(s.durable.Load()) }

// Notify calls w.Wake once, when r is durable or the store is down; at once if it already is. Of several calls for
// one group with the same w, one wakes.
func (s *Store) Notify(r Receipt, w Waker) {
	if s.resolved(r) || !s.addWaiter(r, w) {
		w.Wake()
	}
}

// addWaiter returns false if there is nothing to wait for.
func (s *Store) addWaiter(r Receipt, w Waker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.resolved(r) {
		return false
	}
	s.hurryBurst()
	g := s.pending
	if s.writing != nil && r <= s.writing.number {
		g = s.writing
	}
	if n := len(g.waiters); n == 0 || g.waiters[n-1] != w {
		g.waiters = append(g.waiters, w)
		s.awaited()
	}
	return true
}

// Wait returns nil when r is durable, or the error that makes waiting useless.
func (s *Store) Wait(ctx context.Context, r Receipt) error {
	w := make(wakeChan, 1)
	s.Notify(r, &w)
	select {
	case <-w:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.resolved(r) {
		return nil
	}
	return s.Err()
}

type wakeChan chan struct{}

func (w *wakeChan) Wake() { signal(*w) }
