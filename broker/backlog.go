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
	total *atomic.Int64 // the names that all sessions are owed
	mu    sync.Mutex
	owed  []owed
	count int
}

// backlogs is how many times all that is retained may be owed, to all sessions together.
const backlogs = 40

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
	count := 0
	for i := range l.owed {
		count += len(l.owed[i].names)
	}
	l.recount(count)
}

// recount notes how many names are owed.
func (l *backlog) recount(count int) {
	l.total.Add(int64(count - l.count))
	l.count = count
	l.waits.Store(count > 0)
}

// forget ends with the session.
func (l *backlog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidy(func(owed) bool { return false })
}

// room is how many more names may be owed. What is owed to a subscription with that filter is asked for once more, and is not
// owed any more then.
func (l *backlog) room(most int, asking string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	left, replaced := most, 0
	for i := range l.owed {
		sub, n := l.owed[i].sub, len(l.owed[i].names)
		if sub.gone.Load() || sub.filter == asking {
			replaced += n
		} else {
			left -= n
		}
	}
	return min(left, most*backlogs-int(l.total.Load())+replaced)
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
	if len(first.names) == 0 {
		l.owed = slices.Delete(l.owed, 0, 1)
	}
	l.recount(l.count - n)
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
	var judged *judgement
	if o.sub != nil && o.sub.behind != nil { // few at a time: those who publish retained messages wait
		judged = &judgement{b: b}
	}
	for i, name := range o.names {
		k, ok := b.retained.names.Get(name)
		// One that has to survive may have taken the place of what was owed; then it was routed to the session already.
		if !ok || o.sub.gone.Load() || !b.alive(k.message) || !o.sub.wanted(k) || o.sub.survives(k) && !o.late {
			continue
		}
		if !judged.passes(o.sub, k.message) {
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
