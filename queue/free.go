package queue

import (
	"slices"

	"skerry/queue/slotlog"
)

// ending is a session that was ended by a batch. Until that is durable, a restart may bring it back.
type ending struct {
	x *Session
	r Receipt
}

// known finds a session that a restart may bring back.
func (s *Store) known(number uint64) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.sessions[number]; x != nil {
		return x
	}
	for _, e := range s.ending {
		if e.x.number == number {
			return e.x
		}
	}
	return nil
}

// pin keeps all segments from being freed until unpin.
func (s *Store) pin() { s.pins.RLock() }

// unpin has what has come free meanwhile given back.
func (s *Store) unpin() {
	s.pins.RUnlock()
	signal(s.checkpointer.kick)
}

// free gives the segments back that both checkpoints cover and that hold nothing for anybody.
func (c *checkpointer) free() {
	s := c.s
	covered := c.covered()
	s.covered.Store(covered)
	if covered == 0 || !s.pins.TryLock() {
		return
	}
	defer s.pins.Unlock()
	free := c.unneeded(s.log.Sealed(), covered)
	if len(free) == 0 {
		return
	}
	err := s.log.Free(c.keep(), free...)
	s.roomChanged()
	s.freed.Add(uint64(len(free)))
	if err != nil {
		s.o.Log.Warn("space of the store could not be given back", "error", err)
	}
}

// keep is how many spares stay. The second one goes only after a backlog that was worth it: to make it anew costs a whole slot of writing,
// and a store through which messages just pass owes none at one moment and some at the next.
func (c *checkpointer) keep() int {
	const large = 6 // slots
	if c.s.log.Stats().Slots >= large {
		c.backlog, c.drained = true, false
	}
	switch owed := c.s.spares() == reserve; {
	case c.backlog && !owed:
		c.drained = true
		return reserve - 1
	case owed && c.drained: // it is over, and something else has come
		c.backlog, c.drained = false, false
	}
	return reserve
}

// frees is how many segments would be free if the file that covers least covered all of them.
func (c *checkpointer) frees(sealed []slotlog.Extent, covered uint64) int {
	free := c.unneeded(sealed, sealed[len(sealed)-1].Segment)
	return len(slices.DeleteFunc(free, func(n uint64) bool { return n <= covered }))
}

// unneeded lists the segments up to one that hold no message that a session may still need. What is not marked yet
// counts as needed.
func (c *checkpointer) unneeded(sealed []slotlog.Extent, upTo uint64) (free []uint64) {
	needed := c.s.needed()
	upTo = min(upTo, c.s.marked.Load())
	for _, e := range sealed {
		if e.Segment <= upTo && !needed[e.Segment] {
			free = append(free, e.Segment)
		}
	}
	return free
}

// needed collects the segments that some session has a mark in, as far as the disk knows.
func (s *Store) needed() map[uint64]bool {
	s.mu.Lock()
	all := make([]*Session, 0, len(s.sessions)+len(s.ending))
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.ending = slices.DeleteFunc(s.ending, func(e ending) bool { return s.resolved(e.r) })
	for _, e := range s.ending {
		all = append(all, e.x)
	}
	s.mu.Unlock()
	segments := map[uint64]bool{}
	for _, x := range all {
		x.mu.Lock()
		x.marks = slices.DeleteFunc(x.marks, func(k mark) bool { return !k.needed(&x.cleared) })
		for i := range x.marks {
			segments[x.marks[i].segment] = true
		}
		x.mu.Unlock()
	}
	return segments
}

// setMark adds a mark, or replaces the one of its segment.
func (x *Session) setMark(k mark) {
	i, found := slices.BinarySearchFunc(x.marks, k.segment, func(k mark, n uint64) int {
		switch {
		case k.segment < n:
			return -1
		case k.segment > n:
			return 1
		}
		return 0
	})
	if found {
		x.marks[i] = k
		return
	}
	x.marks = slices.Insert(x.marks, i, k)
}

// passMarks forgets the marks below everything that is owed, and tells whether there were any.
func (x *Session) passMarks() bool {
	i := 0
	for i < len(x.marks) && x.marks[i].highest < x.cleared.below {
		i++
	}
	x.marks = slices.Delete(x.marks, 0, i)
	return i > 0
}
