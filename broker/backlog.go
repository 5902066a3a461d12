package broker

import (
	"slices"
	"sync"
	"sync/atomic"

	"skerry/queue"
)

// backlog names the retained messages that a session is still to get. They are not pushed at once, because the ring is
// bounded and there may be thousands; and they are named, not held, so that what is delivered is what is retained at that
// moment, never an older message after a newer one.
type backlog struct {
	waits atomic.Bool
	gate  atomic.Uint64 // a receipt: not before it is resolved
	mu    sync.Mutex
	owed  []owed
	count int
}

// owed are the messages that one subscription is still to get.
type owed struct {
	sub   *subscription
	names []string
	late  bool // they have to survive, but there were too many to write them all before SUBACK
}

func (l *backlog) add(o owed) {
	if len(o.names) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owed = append(l.owed, o)
	l.tidy(func(o owed) bool { return !o.sub.gone.Load() })
}

// disconnected forgets what is owed to a connection only.
func (l *backlog) disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidy(func(o owed) bool { return o.late })
}

// tidy keeps what is wanted.
func (l *backlog) tidy(wanted func(owed) bool) {
	l.owed = slices.DeleteFunc(l.owed, func(o owed) bool { return len(o.names) == 0 || !wanted(o) })
	l.count = 0
	for i := range l.owed {
		l.count += len(l.owed[i].names)
	}
	l.waits.Store(l.count > 0)
}

// room tells whether so many more names may be owed, when what is owed to subscriptions of these filters is not any more.
func (l *backlog) room(names, most int, replaced map[string]bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.owed {
		if sub := l.owed[i].sub; !sub.gone.Load() && !replaced[sub.filter] {
			names += len(l.owed[i].names)
		}
	}
	return names <= most
}

// take removes up to n names of one subscription.
func (l *backlog) take(n int) owed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.owed) == 0 {
		return owed{}
	}
	first := &l.owed[0]
	taken := *first
	n = min(n, len(first.names))
	taken.names, first.names = first.names[:n:n], first.names[n:]
	l.count -= n
	if len(first.names) == 0 {
		l.owed = slices.Delete(l.owed, 0, 1)
	}
	l.waits.Store(l.count > 0)
	return taken
}

// feedAtOnce is how many retained messages are pushed when the ring has room: small beside the smallest ring (1024), so
// that live messages find room too.
const feedAtOnce = 128

// hungry tells whether there is something to feed, and room for it.
func (s *session) hungry() bool {
	l := &s.backlog
	return l.waits.Load() && s.queue.Queued() <= feedAtOnce && uint64(s.b.store.Durable()) >= l.gate.Load()
}

// feed pushes some of the backlog; false if there was nothing to push or no room. The gate is a receipt after which there
// is more to feed; 0 if that does not depend on the disk.
func (s *session) feed() (fed bool, gate queue.Receipt) {
	if !s.hungry() {
		return false, 0
	}
	b := s.b
	b.retained.mu.Lock()
	defer b.retained.mu.Unlock()
	o := s.backlog.take(feedAtOnce)
	for i, name := range o.names {
		k, ok := b.retained.names.Get(name)
		// One that has to survive may have taken the place of what was owed; then it was routed to the session already.
		if !ok || o.sub.gone.Load() || !b.alive(k.message) || !o.sub.wanted(k) || o.sub.survives(k) && !o.late {
			continue
		}
		r, err := b.deliverRetained(k, o.sub, queue.Client)
		if err != nil && b.store.Err() == nil { // busy: after the next group
			s.backlog.add(owed{o.sub, o.names[i:], o.late})
			gate = b.store.Durable() + 1
			break
		}
		gate = max(gate, r)
	}
	s.backlog.gate.Store(uint64(gate))
	return gate == 0, gate
}
