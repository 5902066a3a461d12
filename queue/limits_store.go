package queue

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"skerry/queue/slotlog"
)

// space is what the store knows of the room on the disk, guarded by its lock.
//
// Two slots are the reserve: while messages wait, none go into them, only what is small and has to be written so that a full store
// can be drained: acknowledgements, sessions, subscriptions, wills. While messages keep all other slots, the two of the reserve are
// filled in turn: when the second is begun, nothing in the first is needed any more once both checkpoints cover it.
type space struct {
	messages int64 // bytes of records that may still wait for the disk if they hold messages
	small    int64 // and if they do not

	scarce   bool            // the slot being written is half full, and after it there is nothing but the reserve
	stuck    bool            // drop-oldest has nothing to drop, or gains no room by it
	full     bool            // somebody was refused, or lost something, for want of room
	crowded  bool            // the same for the limit of messages; told once, like full
	pushed   bool            // that limit was reached since tend looked last
	starved  bool            // a publisher waits for room
	since    time.Time       // when the first publisher was told to wait since there was room last
	emptied  map[uint64]bool // segments that nobody is owed anything of any more, and that are not free yet
	owed     uint64          // deliveries, when they were counted last
	enqueued uint64          // and those that came since
}

// reserve is the number of slots that messages never go into.
const reserve = 2

// copies is how many slots more are kept from messages while shares hold some: those that are bound to a member are written once
// more. With a whole slot of copies the oldest slot of a share comes free, or, if others have messages there, that of the copies
// does when they are acknowledged; with less, a share that is all that keeps the store full could not be drained.
const copies = 1

// checkpointRoom is what the log leaves of a file system for the checkpoints in any case: without them no space comes
// back.
const checkpointRoom = 512 << 10

func (s *Store) slotSize() int64 { return 4 * int64(s.log.MaxRecord()) }

// waiting is how many bytes of records wait for the disk.
func (s *Store) waiting() int {
	if s.writing != nil {
		return s.pending.bytes + s.writing.bytes
	}
	return s.pending.bytes
}

// committed is called when a group is on the disk. A spare slot is asked for late, because a checkpoint may give one
// back.
func (s *Store) committed() {
	s.measure()
	if r := s.log.Room(); r.Spare == 0 && (r.Current < r.Slot/2 || r.Slots == 1) || r.Spare < reserve && r.Growth < few {
		signal(s.short)
	}
}

// spares is how many slots are to be ready: the reserve.
func (s *Store) spares() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.needsReserve()
}

// needsReserve is how many slots messages must not go into: while none wait, one less. There is nothing then that keeps the segment being
// written from being freed when the next has begun.
func (s *Store) needsReserve() int {
	for _, x := range s.sessions {
		x.mu.Lock()
		n := x.load.messages
		x.mu.Unlock()
		if n > 0 {
			return reserve
		}
	}
	return reserve - 1
}

// sharesHold tells whether messages wait in shares.
func (s *Store) sharesHold() bool {
	for _, x := range s.sessions {
		x.mu.Lock()
		holds := x.shared != nil && x.load.messages > 0
		x.mu.Unlock()
		if holds {
			return true
		}
	}
	return false
}

// measure finds out how much may be published. It is called, under the lock of the store, whenever the room has
// changed.
func (s *Store) measure() {
	r, sp := s.log.Room(), &s.space
	spare := int64(r.Spare + r.Growth)
	kept := int64(reserve)
	if spare <= reserve {
		kept = int64(s.needsReserve())
	}
	sp.small = r.Current + (spare-kept+1)*r.Slot - r.Slot/4
	if spare <= kept+copies && s.sharesHold() {
		kept += copies
	}
	sp.messages = 0
	if spare >= kept {
		sp.messages = r.Current + (spare-kept)*r.Slot
	}
	s.countEmptied()
	sp.scarce = s.o.Limits.WhenFull == DropOldest && r.Slots > 0 && r.Current < r.Slot/2 && spare+int64(len(sp.emptied)) <= max(kept, reserve)
	if sp.starved && sp.messages > 0 {
		sp.starved, sp.since = false, time.Time{}
		s.nudge()
	}
	if sp.full && spare > reserve+1 {
		sp.full, sp.stuck = false, false
		s.pressed.Store(false)
		s.o.Log.Info("store has room again", "slots", r.Slots)
	}
}

// nudge makes a group, so that those who wait for one try again.
func (s *Store) nudge() {
	if g := s.pending; g.due.IsZero() {
		g.due = time.Now()
	}
	s.work.kick()
}

// hold tells what becomes of a message by the limits of the store: it is taken (keep), or refused, or taken and its
// durable deliveries are dropped.
func (s *Store) hold(bytes, logged int) (keep bool, err error) {
	many := s.tooMany(logged)
	if s.space.scarce && logged > 0 { // not before: while nobody publishes nobody loses anything
		s.space.scarce = false
		s.relieve(1)
	}
	if !many && int64(s.waiting()+bytes) <= s.space.messages {
		s.space.enqueued += uint64(logged)
		return true, nil
	}
	if many {
		s.tellCrowded()
	} else {
		s.tellFull()
	}
	switch {
	case s.o.Limits.WhenFull == Reject && many:
		return false, &FullError{Limit: s.mostMessages()}
	case s.o.Limits.WhenFull == Reject:
		return false, &FullError{Limit: s.limit()}
	case s.o.Limits.WhenFull == DropNewest, many && !s.thinOut(logged):
		return false, nil
	case int64(s.waiting()+bytes) <= s.space.messages:
		s.space.enqueued += uint64(logged)
		return true, nil
	case s.makingRoom():
		return false, ErrBusy
	}
	s.tellStuck()
	return false, nil
}

// tooMany tells whether so many deliveries more would be beyond the limit. They are counted anew only when it seems so:
// acknowledgements do not touch the lock of the store.
func (s *Store) tooMany(more int) bool {
	most, sp := s.o.Limits.Messages, &s.space
	if most == 0 || more == 0 || sp.owed+sp.enqueued+uint64(more) <= most {
		return false
	}
	sp.owed, sp.enqueued = 0, 0
	for _, x := range s.sessions {
		x.mu.Lock()
		sp.owed += x.load.messages
		x.mu.Unlock()
	}
	return sp.owed+uint64(more) > most
}

// thinOut drops the oldest deliveries of the longest queues until so many more may come, and a few besides, because to
// look at all sessions takes time.
func (s *Store) thinOut(more int) bool {
	most, sp := s.o.Limits.Messages, &s.space
	for sp.owed+uint64(more) > most {
		x := s.longest()
		if x == nil {
			return false
		}
		x.mu.Lock()
		over := min(sp.owed+uint64(more)-most+most/1024, x.load.messages)
		for over > 0 && x.dropOldest(DroppedStore) {
			over--
			sp.owed--
		}
		x.mu.Unlock()
		if over > 0 {
			return sp.owed+uint64(more) <= most
		}
	}
	return true
}

func (s *Store) longest() (found *Session) {
	most := uint64(0)
	for _, x := range s.sessions {
		x.mu.Lock()
		n := x.load.messages
		x.mu.Unlock()
		if n > most {
			found, most = x, n
		}
	}
	return found
}

// patience is how long a publisher is held up while a segment is being emptied. If it takes longer, checkpoints cannot
// be written, or somebody who is connected holds everything.
const patience = 10 * time.Second

// makingRoom tells whether there will be room in a moment: the oldest messages are dropped now, if that was not done. What
// waits for the disk has to get there first, and what a segment holds is known when a checkpoint covers it.
func (s *Store) makingRoom() bool {
	sp, sealed := &s.space, s.log.Sealed()
	if len(sp.emptied) == 0 {
		s.relieve(1)
	}
	known := len(sealed) == 0 || sealed[len(sealed)-1].Segment <= s.marked.Load()
	if len(sp.emptied) == 0 && known && s.waiting() == 0 {
		return false
	}
	if sp.since.IsZero() {
		sp.since = time.Now()
	}
	sp.starved = time.Since(sp.since) < patience
	return sp.starved
}

// roomChanged is called when segments were freed, or a checkpoint has learned what is in them.
func (s *Store) roomChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measure()
}

// tellFull logs that the store has become full.
func (s *Store) tellFull() {
	if s.space.full {
		return
	}
	s.space.full = true
	s.pressed.Store(true)
	s.warnFull(s.limit())
}

// Prepare makes the first file of the log, if there is none: on a full disk the first commit would take the store down. An error says that there
// is no room, and nothing was promised yet; a store that has a file goes on with it, however full the disk is.
func (s *Store) Prepare() error {
	if s.log.Stats().Slots > 0 {
		return nil
	}
	err := s.log.Prepare(1)
	if errors.Is(err, slotlog.ErrFull) {
		err = syscall.ENOSPC
	}
	if err != nil {
		return fmt.Errorf("make the first %d MiB of the log: %w", s.slotSize()>>20, err)
	}
	s.roomChanged()
	return nil
}

// limit says what keeps the log from growing.
func (s *Store) limit() string {
	r, most := s.log.Room(), s.o.Limits.Bytes
	switch {
	case most > 0 && uint64(r.Slots+r.Growth+1)*uint64(s.slotSize()) > most:
		return fmt.Sprintf("%d MiB of disk", most>>20)
	case r.Err == nil || errors.Is(r.Err, slotlog.ErrFull):
		return sizeWords(max(s.o.KeepFree, checkpointRoom)) + " of the file system are left to others"
	case errors.Is(r.Err, syscall.ENOSPC):
		return "the disk is full"
	case errors.Is(r.Err, syscall.EDQUOT):
		return "the quota of the disk is used up"
	}
	return r.Err.Error()
}

// dropLogged counts the deliveries of a message that durable sessions do not get, and returns the other targets.
func dropLogged(to []Target) []Target {
	others := make([]Target, 0, len(to))
	for i := range to {
		if x := to[i].Session; to[i].logged() {
			x.mu.Lock()
			x.drop(DroppedStore, 1)
			x.markDirty()
			x.mu.Unlock()
		} else {
			others = append(others, to[i])
		}
	}
	return others
}

// admitSmall tells whether the log takes a batch. One that ends a session and makes none, or only deletes things, makes room, and is
// always taken: that can happen as often as there are sessions. Who ended and made one for ever would fill the last slot.
func (s *Store) admitSmall(b *Batch) error {
	if err := s.admit(b.bytes); err != nil {
		return err
	}
	if int64(s.waiting()+b.bytes) <= s.space.small || b.removes() {
		return nil
	}
	s.tellFull()
	if s.o.Limits.WhenFull == DropOldest && s.makingRoom() {
		return ErrBusy
	}
	return &FullError{Limit: s.limit()}
}

func (b *Batch) removes() bool {
	for i := range b.changes {
		if b.changes[i].typ != recDelete {
			return len(b.ended) > 0 && len(b.created) == 0
		}
	}
	return true
}

// countEmptied forgets the segments that have been freed.
func (s *Store) countEmptied() {
	if len(s.space.emptied) == 0 {
		return
	}
	left := map[uint64]bool{}
	for _, e := range s.log.Sealed() {
		if s.space.emptied[e.Segment] {
			left[e.Segment] = true
		}
	}
	s.space.emptied = left
}

// relieve drops what is owed of the oldest n segments that can be freed by that. The acknowledgements and the
// checkpoint that free them follow at once; as long as none can be written, nothing is dropped.
func (s *Store) relieve(n int) {
	if s.checkpointer.failing.Load() { // it would give no space back
		return
	}
	marked := s.marked.Load()
	for _, e := range s.log.Sealed() {
		if n == 0 || e.Segment > marked {
			break
		}
		if s.space.emptied[e.Segment] || !s.mayEmpty(e.Segment) {
			continue
		}
		s.tellFull()
		for _, x := range s.sessions {
			x.mu.Lock()
			if k, ok := x.markOf(e.Segment); ok {
				x.dropRange(k.lowest, k.highest+1, DroppedStore)
			}
			x.mu.Unlock()
		}
		if s.space.emptied == nil {
			s.space.emptied = map[uint64]bool{}
		}
		s.space.emptied[e.Segment] = true
		n--
	}
	if len(s.space.emptied) > 0 {
		s.work.hurry()
		signal(s.checkpointer.kick)
	}
}

// mayEmpty tells whether nothing of a segment is in flight on a connection.
func (s *Store) mayEmpty(segment uint64) bool {
	for _, x := range s.sessions {
		x.mu.Lock()
		k, ok := x.markOf(segment)
		held := ok && x.connected && x.flies(k.lowest, k.highest+1)
		x.mu.Unlock()
		if held {
			return false
		}
	}
	return true
}

// tend looks after the room on the disk and the ages of what waits. Run does it every now and then; Commit, when Run
// does not run.
func (s *Store) tend() {
	if s.Err() != nil {
		return
	}
	s.wakeStarved()
	if r := s.log.Room(); s.running.Load() || r.Err != nil || r.Slots > 0 && r.Spare < reserve && r.Growth < few {
		_ = s.log.Prepare(s.spares()) // Room says why not
	}
	s.time() // the machine may have slept, or the date become trustworthy
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropAged()
	s.dropAllExpired()
	s.tellSessions()
	s.tellUncrowded()
	if s.space.starved { // who waits for room is told at least that there is still none
		s.space.starved = false
		s.nudge()
	}
	if over := s.over(); over > len(s.space.emptied) && s.o.Limits.WhenFull == DropOldest {
		s.relieve(over - len(s.space.emptied)) // the limit is lower than it was
	}
	s.measure()
	if s.space.full { // a checkpoint that could not be written may be possible now
		signal(s.checkpointer.kick)
	}
}

// few slots are left: it is time to have the reserve ready.
const few = 4

// over is how many slots there are too many.
func (s *Store) over() int {
	if s.o.Limits.Bytes == 0 {
		return 0
	}
	return max(0, s.log.Room().Slots-int(s.o.Limits.Bytes/uint64(s.slotSize())))
}

// tendEvery is how often Run looks after room and ages.
const tendEvery = 10 * time.Second

// tendFor keeps one slot ready, so that no commit has to wait for 4 MiB of zeros, and does what else tend does. After a
// segment was sealed a checkpoint may give back a slot: only if that takes too long is a new one made.
func (s *Store) tendFor(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		s.tend()
		select {
		case <-ctx.Done():
			return
		case <-s.short:
		case <-tick.C:
		}
	}
}
