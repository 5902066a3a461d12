package queue

import (
	"encoding/binary"
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
		s.tend()
		s.checkpointer.poll()
	}
	return err
}

func (s *Store) commit() error {
	g, err := s.commitGroup(all)
	if g != nil {
		wakeEach(g.wakers())
	}
	return err
}

// commitGroup makes what is pending durable and returns it, for those who wait for it; nil: it is not, or there was nothing.
func (s *Store) commitGroup(t turn) (*group, error) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	g, sessions, err := s.begin(t)
	if g == nil {
		return nil, err
	}
	acks := s.encode(g, sessions)
	if s.group.Len() > 0 {
		s.addTime()
		if err := s.flush(); err != nil {
			return nil, s.fail(fmt.Errorf("commit: %w", err))
		}
		s.booted = true
	}
	s.finish(g, acks)
	return g, nil
}

// begin takes what is pending. What is published from now on goes into the next group.
func (s *Store) begin(t turn) (*group, []*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, nil, s.err
	}
	dirty := s.work.takeDirty()
	g := s.cut(t, len(dirty) > 0)
	if g != nil {
		g.begun = time.Now()
		s.writing = g
	}
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
		g.written += s.encodeItem(it, it.m == nil || !it.m.Retain || newest[it.m.TopicName] <= i)
	}
	acks := make([]acked, 0, len(dirty))
	for _, x := range dirty {
		x.mu.Lock()
		r, a := x.snapshot(g.number)
		x.dirty = false
		if x.gave > g.number { // to be said once more, when the record of that is durable
			x.markDirty()
		}
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

// encodeItem adds the record of an item, unless it is a message that nobody is owed any more, and tells how many messages are in it.
func (s *Store) encodeItem(it *item, newest bool) (messages int) {
	switch {
	case it.m != nil:
		if !it.fixed && it.by.session == 0 && !it.owed() && !(it.m.Retain && newest) {
			s.countSpared(it)
			return 0
		}
		messages = 1
	case it.typ == recBatch:
		s.body = s.body[:0]
		var body []byte
		for _, part := range it.batched {
			s.body = part.encode(s.body[:0], s.boot)
			body = slotlog.AppendRecord(body, part.typ, s.body)
			if part.m != nil {
				messages++
			}
		}
		s.group.Append(recBatch, body)
		return messages
	}
	s.body = it.encode(s.body[:0], s.boot)
	s.group.Append(it.typ, s.body)
	return messages
}

// countSpared counts a message that is not written. What was dropped before is counted as that.
func (s *Store) countSpared(it *item) {
	if it.m.Retain {
		s.coalesced.Add(1)
		return
	}
	for i := range it.to {
		if it.to[i].fate.Load() != elided {
			return
		}
	}
	s.elided.Add(1)
}

// owed tells whether some target has not acknowledged the message yet.
func (it *item) owed() bool {
	for i := range it.to {
		if !it.to[i].done() {
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
		dst = binary.AppendUvarint(it.run.append(dst), it.bytes)
		if it.what == receivedGone {
			return dst
		}
		return append(dst, it.what)
	}
	return append(dst, it.body...)
}

func (s *Store) bootRecord() []byte {
	wall, _ := s.o.Boot.Wall()
	r := bootRecord{number: s.boot, wall: wall, at: s.opened, id: s.o.Boot.ID}
	if s.skipped {
		r.flags, r.skip = bootPowerLost, skipOrdinals
	}
	return r.append(nil)
}

// addTime lets a group that is written anyway prove how long this boot has lasted.
func (s *Store) addTime() {
	s.clock.sync()
	if s.clock.now()-s.proven < timeEvery && s.dates.Load() != nil {
		return
	}
	r, fresh := s.time()
	if r.at-s.proven < timeEvery && !fresh {
		return
	}
	s.proven = r.at
	s.group.Append(recTime, r.append(s.body[:0]))
}

// finish publishes that the group is durable, and wakes the sessions that wait for that.
func (s *Store) finish(g *group, acks []acked) {
	if s.group.Len() > 0 { // else nothing was written
		s.groups.Add(1)
	}
	s.records.Add(uint64(s.group.Len()))
	s.messages.Add(uint64(g.written))
	s.mu.Lock()
	s.durable.Store(uint64(g.number))
	s.writing = nil
	s.keepRoom(g)
	if len(s.ending) > 0 { // what the ended sessions needed may be free now
		signal(s.checkpointer.kick)
	}
	s.committed()
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
}

// keepRoom takes the room of the items of a group that is over for the next one, unless it is unusually large.
func (s *Store) keepRoom(g *group) {
	const most = 1024
	if clear(g.items); cap(g.items) <= most {
		s.items = g.items[:0]
	}
	g.items = nil
}

// wakeEach wakes each of them once. One alone may do at once what it waits for, which spares a switch to another goroutine; of many,
// the last ones would wait for the first.
func wakeEach(waiters []Waker) {
	if f, ok := alone(waiters).(Flusher); ok {
		f.Flush()
		return
	}
	woken := make(map[Waker]struct{}, len(waiters))
	for _, w := range waiters {
		if _, again := woken[w]; !again {
			woken[w] = struct{}{}
			w.Wake()
		}
	}
}

// alone is the only one among them, or nil.
func alone(waiters []Waker) Waker {
	for _, w := range waiters {
		if w != waiters[0] {
			return nil
		}
	}
	if len(waiters) == 0 {
		return nil
	}
	return waiters[0]
}

// fail takes the store down: no receipt resolves any more, what was pending is let go of, and everyone who waits is
// woken to see it.
func (s *Store) fail(err error) error {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	err = s.err
	var waiters []Waker
	for _, g := range []*group{s.writing, s.pending} {
		if g != nil {
			waiters = append(waiters, g.wakers()...)
		}
	}
	s.writing, s.pending = nil, &group{number: s.pending.number + 1}
	s.mu.Unlock()
	wakeEach(waiters)
	for _, x := range s.work.takeParked(^Receipt(0)) {
		x.wake()
	}
	return err
}
