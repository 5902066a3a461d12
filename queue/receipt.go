package queue

import "context"

// A Receipt is a point in the order of publishing. It is resolved when Store.Durable() >= it; 0 is always resolved.
type Receipt uint64

// A Waker is told that something may be ready. Wake is called without locks held; it must not block and touch no socket. Its type must be comparable.
type Waker interface{ Wake() }

// Durable is the highest resolved receipt.
func (s *Store) Durable() Receipt { return 0 }

// Notify calls w.Wake once, when r is durable or the store is down; at once if it already is.
func (s *Store) Notify(r Receipt, w Waker) {}

// Wait returns nil when r is durable, or the error that makes waiting useless.
func (s *Store) Wait(ctx context.Context, r Receipt) error { return errNotBuilt }
