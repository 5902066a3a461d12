package queue

import (
	"context"
	"sync/atomic"
	"time"
)

// Stats are counted since Open.
type Stats struct {
	Groups    uint64 // groups made durable
	Records   uint64 // in them
	Flushes   uint64 // fdatasync calls of the log
	Bytes     uint64 // written to the log, in whole blocks
	Elided    uint64 // messages not written because every receiver had acknowledged them
	Coalesced uint64 // retained messages not written because a newer one of their topic was in the same group
	Dropped   uint64 // deliveries dropped because a ring was full: QoS 0 to any session, any QoS to a volatile one
	Expired   uint64 // deliveries dropped because their message had expired
	Moved     uint64 // groups that went to a new slot because a write failed
	Slots     int    // files of the log, spares included
	Segments  int    // of them in use
	Sessions  int    // durable ones
	Pending   int    // records waiting for the next commit

	Committing time.Duration // how long the commit under way has taken; much more than a second: the disk hangs
}

type counters struct {
	groups, records, elided, coalesced, dropped, expirations atomic.Uint64
}

// Stats of the store since it was opened.
func (s *Store) Stats() Stats {
	l := s.log.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	var committing time.Duration
	if s.writing != nil {
		committing = time.Since(s.writing.begun)
	}
	return Stats{
		Groups: s.groups.Load(), Records: s.records.Load(), Flushes: l.Flushes, Bytes: l.Bytes,
		Elided: s.elided.Load(), Coalesced: s.coalesced.Load(), Dropped: s.dropped.Load(), Expired: s.expirations.Load(), Moved: l.Moved,
		Slots: l.Slots, Segments: s.log.Segments(),
		Sessions: len(s.sessions), Pending: len(s.pending.items), Committing: committing,
	}
}

// prepare keeps one spare slot ready, so that no commit has to wait for 4 MiB of zeros.
func (s *Store) prepare(ctx context.Context) {
	const every = 10 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.log.Prepare(); err != nil {
			s.o.Log.Warn("no spare log slot could be made; is the disk full?", "error", err)
			return // the committer will meet it, and say so
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
