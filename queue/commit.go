package queue

import (
	"errors"
	"fmt"
	"time"

	"skerry/queue/slotlog"
)

// timeEvery is how often a commit proves how long this boot has lasted.
const timeEvery = time.Minute

// Commit makes durable what is pending, in the caller's goroutine. Run does this by itself; while it does not run,
// Commit also reads on for the sessions whose ring overflowed. After an error the store is down.
func (s *Store) Commit() error {
	err := s.commit()
	if err == nil && !s.running.Load() {
		s.fillAll()
	}
	return err
}

func (s *Store) commit() error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	g, sessions, err := s.begin()
	if g == nil {
		return err
	}
	acks := s.encode(g, sessions)
	if s.group.Len() > 0 {
		s.addTime()
		if err := s.log.Commit(&s.group); err != nil {
			return s.fail(fmt.Errorf("commit: %w", err))
		}
		s.booted = true
	}
	s.finish(g, acks)
	return nil
}

// begin takes what is pending. What is published from now on goes into the next group.
func (s *Store) begin() (*group, []*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, nil, s.err
	}
	dirty := s.work.takeDirty()
	if len(s.pending.items) == 0 && len(dirty) == 0 {
		return nil, nil, nil
	}
	g := s.pending
	g.begun = time.Now()
	s.writing, s.pending = g, &group{number: g.number + 1}
	return g, dirty, nil
}

// encode fills the group buffer. The record of this boot comes first of all; acknowledgements come last, which
// saves those of the messages in this very group: their targets are left out.
func (s *Store) encode(g *group, dirty []*Session) []acked {
	s.group.Reset()
	if !s.booted {
		s.group.Append(recBoot, s.bootRecord())
	}
	mark := s.group.Len()
	newest := newestRetained(g)
	for i, it := range g.items {
		s.encodeItem(it, it.m == nil || !it.m.Retain || newest[it.m.TopicName] <= i)
	}
	acks := make([]acked, 0, len(dirty))
	for _, x := range dirty {
		x.mu.Lock()
		r, a := x.snapshot()
		x.dirty = false
		ended := x.ended
		x.mu.Unlock()
		if !ended {
			s.group.Append(recAcked, r.append(s.body[:0]))
			acks = append(acks, a)
		}
	}
	if s.group.Len() == mark {
		s.group.Reset() // everything was elided: the record of the boot can wait too
	}
	return acks
}

// newestRetained gives the index of the last message to be retained, by topic.
func newestRetained(g *group) map[string]int {
	var newest map[string]int
	for i, it := range g.items {
		if it.m != nil && it.m.Retain {
			if newest == nil {
				newest = map[string]int{}
			}
			newest[it.m.TopicName] = i
		}
	}
	return newest
}

// encodeItem adds the record of an item, unless it is a message that nobody is owed any more.
func (s *Store) encodeItem(it *item, newest bool) {
	switch {
	case it.m != nil:
		fixed := it.encoded.Swap(true) // of a batch: written in any case
		if !fixed && it.by.session == 0 && !it.owed() && !(it.m.Retain && newest) {
			if it.m.Retain {
				s.coalesced.Add(1)
			} else {
				s.elided.Add(1)
			}
			return
		}
	case it.typ == recBatch:
		s.body = s.body[:0]
		var body []byte
		for _, part := range it.batched {
			s.body = part.encode(s.body[:0], s.boot)
			body = slotlog.AppendRecord(body, part.typ, s.body)
		}
		s.group.Append(recBatch, body)
		return
	}
	s.body = it.encode(s.body[:0], s.boot)
	s.group.Append(it.typ, s.body)
}

// owed tells whether some target has not acknowledged the message yet. The order matters: encoded is set before
// done is read, and Ack sets done before it reads encoded, so that one of the two knows.
func (it *item) owed() bool {
	for i := range it.to {
		if !it.to[i].done.Load() {
			return true
		}
	}
	return false
}

func (it *item) encode(dst []byte, boot uint32) []byte {
	switch it.typ {
	case recMessage:
		return appendMessage(dst, it.m, it.by, it.to, boot)
	case recReceived:
		return it.run.append(dst)
	}
	return append(dst, it.body...)
}

func (s *Store) bootRecord() []byte {
	r := bootRecord{number: s.boot, wall: time.Now().UnixMilli(), at: s.opened, id: s.o.Boot.ID}
	if s.skipped {
		r.flags, r.skip = bootPowerLost, skipOrdinals
	}
	return r.append(nil)
}

// addTime lets a group that is written anyway prove how long this boot has lasted.
func (s *Store) addTime() {
	s.clock.sync()
	now := s.clock.now()
	if now-s.proven < timeEvery {
		return
	}
	s.proven = now
	r := timeRecord{at: now, wall: time.Now().UnixMilli()}
	s.group.Append(recTime, r.append(s.body[:0]))
}

// finish publishes that the group is durable, and wakes each of those who wait for it once.
func (s *Store) finish(g *group, acks []acked) {
	s.groups.Add(1)
	s.records.Add(uint64(s.group.Len()))
	s.mu.Lock()
	s.durable.Store(uint64(g.number))
	s.writing = nil
	s.mu.Unlock()
	for i := range acks {
		if acks[i].durable() {
			acks[i].x.wake()
		}
	}
	for _, x := range s.work.takeParked(g.number) {
		x.mu.Lock()
		x.parked = false
		x.mu.Unlock()
		x.wake()
	}
	wakeEach(g.waiters)
}

func wakeEach(waiters []Waker) {
	woken := make(map[Waker]struct{}, len(waiters))
	for _, w := range waiters {
		if _, again := woken[w]; !again {
			woken[w] = struct{}{}
			w.Wake()
		}
	}
}

// fail takes the store down: no receipt resolves any more, what was pending is let go of, and everyone who waits is
// woken to see it.
func (s *Store) fail(err error) error {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = err
	}
	err = s.err
	var waiters []Waker
	for _, g := range []*group{s.writing, s.pending} {
		if g != nil {
			waiters = append(waiters, g.waiters...)
		}
	}
	s.writing, s.pending = nil, &group{number: s.pending.number + 1}
	s.mu.Unlock()
	if first && !errors.Is(err, ErrClosed) {
		s.o.Log.Error("store is down: nothing is made durable any more", "error", err)
	}
	wakeEach(waiters)
	for _, x := range s.work.takeParked(^Receipt(0)) {
		x.wake()
	}
	return err
}
