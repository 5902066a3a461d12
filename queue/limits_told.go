package queue

import (
	"errors"
	"fmt"
)

// mostMessages is the limit of messages in words.
func (s *Store) mostMessages() string { return fmt.Sprintf("%d messages", s.o.Limits.Messages) }

// countRefused counts a message that its publisher is told of, for want of room in the whole store, at each session that would have
// got it; one that nobody would have got, at the store. A session that is full has counted its own.
func (s *Store) countRefused(err error, to []Target) {
	if full, ok := errors.AsType[*FullError](err); !ok || full.Session != 0 {
		return
	}
	if loggedTargets(to) == 0 {
		s.CountRefused()
	}
	for i := range to {
		if x := to[i].Session; to[i].logged() {
			x.mu.Lock()
			x.drop(DroppedRejected, 1)
			x.byStore++
			x.markDirty()
			x.mu.Unlock()
		}
	}
}

// CountRefused counts a message that was refused to its publisher for want of room that is not the store's: the broker's, for retained
// messages.
func (s *Store) CountRefused() { s.drops[DroppedRejected].Add(1) }

// tellStuck logs, once, that drop-oldest drops what comes: all that is old is in flight, or checkpoints cannot be written.
func (s *Store) tellStuck() {
	if sp := &s.space; !sp.stuck {
		sp.stuck = true
		s.o.Log.Warn("no room can be made in the store: new messages are dropped until there is some", "limit", s.limit())
	}
}

// tellCrowded logs that the limit of messages is reached: once, however many come then.
func (s *Store) tellCrowded() {
	sp := &s.space
	if sp.pushed = true; sp.crowded {
		return
	}
	sp.crowded = true
	s.warnFull(s.mostMessages())
}

// tellUncrowded logs that it has not been reached since the last look, and is not now.
func (s *Store) tellUncrowded() {
	sp := &s.space
	if sp.crowded && !sp.pushed && !s.tooMany(1) {
		sp.crowded = false
		s.o.Log.Info("store has room again", "limit", s.mostMessages())
	}
	sp.pushed = false
}

// sizeWords is a size as people read it, rounded down.
func sizeWords(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// gives is what gives way when the whole store is full.
var gives = map[Policy]string{
	DropOldest: "the oldest messages are dropped", DropNewest: "new messages are dropped", Reject: "new messages are refused",
}

func (s *Store) warnFull(limit string) {
	s.o.Log.Warn("store is full: "+gives[s.o.Limits.WhenFull], "limit", limit)
}

// Full says in words what becomes of messages that last, and which limit of the whole store it is; "": there is room, or nobody has asked for
// more than there was. It begins and ends with the lines of the log.
func (s *Store) Full() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sp := &s.space
	switch {
	case sp.full && sp.stuck:
		return gives[DropNewest] + ": " + s.limit()
	case sp.full:
		return gives[s.o.Limits.WhenFull] + ": " + s.limit()
	case sp.crowded:
		return gives[s.o.Limits.WhenFull] + ": " + s.mostMessages()
	}
	return ""
}
