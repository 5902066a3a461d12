package queue

import (
	"sync/atomic"
	"time"
)

// Stats are counted since Open.
type Stats struct {
	Groups    uint64 // groups made durable
	Records   uint64 // in them
	Messages  uint64 // of these
	Flushes   uint64 // fdatasync calls of the log
	Bytes     uint64 // written to the log, in whole blocks
	Elided    uint64 // messages not written because every receiver had acknowledged them
	Coalesced uint64 // retained messages not written because a newer one of their topic came before they had to be
	Dropped   uint64 // deliveries dropped because a ring was full: Drops[DroppedRing]
	Expired   uint64 // deliveries dropped because their message had expired: Drops[DroppedExpired]
	Drops     Drops  // deliveries dropped, by reason
	Moved     uint64 // groups that went to a new slot because a write failed
	Slots     int    // files of the log, spares included
	Segments  int    // of them in use
	Sessions  int    // durable ones
	Pending   int    // records waiting for the next commit

	Damaged     uint64 // ranges of the log that could not be read, those found by Open included
	LostRecords uint64 // in them, as far as known
	Quarantined uint64 // copies of damaged slots made
	Lied        bool   // Open found that the card had confirmed a flush that it had not done

	Checkpoints        uint64 // checkpoints written
	CheckpointBytes    uint64 // in them, in whole pages
	CheckpointFailures uint64 // those that could not be written
	Covered            uint64 // the last segment that both checkpoints cover; 0: none
	Freed              uint64 // segments freed

	Committing time.Duration // how long the commit under way has taken; much more than a second: the disk hangs
	Overdue    time.Duration // for how long a commit has been due that has not begun; longer than one takes: nobody commits
}

type counters struct {
	groups, records, messages, elided, coalesced atomic.Uint64
	drops                                        atomicDrops

	damaged, lostRecords, quarantined, checkpoints, checkpointBytes, checkpointFailures, covered, freed atomic.Uint64
	lied                                                                                                atomic.Bool
}

// Stats of the store since it was opened.
func (s *Store) Stats() Stats {
	l, drops := s.log.Stats(), s.drops.load()
	overdue := s.overdue()
	s.mu.Lock()
	defer s.mu.Unlock()
	var committing time.Duration
	if s.writing != nil {
		committing = time.Since(s.writing.begun)
	}
	return Stats{
		Groups: s.groups.Load(), Records: s.records.Load(), Messages: s.messages.Load(), Flushes: l.Flushes, Bytes: l.Bytes,
		Elided: s.elided.Load(), Coalesced: s.coalesced.Load(), Dropped: drops[DroppedRing], Expired: drops[DroppedExpired], Drops: drops, Moved: l.Moved,
		Slots: l.Slots, Segments: s.log.Segments(),
		Sessions: len(s.sessions), Pending: len(s.pending.items), Committing: committing, Overdue: overdue,
		Damaged: s.damaged.Load(), LostRecords: s.lostRecords.Load(), Quarantined: s.quarantined.Load(), Lied: s.lied.Load(),
		Checkpoints: s.checkpoints.Load(), CheckpointBytes: s.checkpointBytes.Load(), CheckpointFailures: s.checkpointFailures.Load(),
		Covered: s.covered.Load(), Freed: s.freed.Load(),
	}
}

// overdue is how long ago a commit had to begin that has not.
func (s *Store) overdue() time.Duration {
	due := s.due()
	if due.IsZero() {
		return 0
	}
	return max(time.Since(due), 0)
}
