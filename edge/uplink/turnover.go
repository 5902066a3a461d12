package uplink

import (
	"sync"
	"time"

	"skerry/edge/uplink/budget"
	"skerry/queue"
)

const (
	// drainOver is over how long the pace is measured at which a backlog leaves, and fillOver that at which it grows.
	drainOver = 5 * time.Minute
	fillOver  = time.Hour
	// recordCost is what a message takes in the log beside its topic and payload, in bytes, roughly: the record, and its part of what
	// the log writes with it.
	recordCost = 64
)

// turnover measures how many messages come into the streams, and leave.
type turnover struct {
	mu    sync.Mutex
	list  []moment // one a minute, of an hour
	sent  uint64   // messages
	bytes uint64   // of these, as they were sent
}

type moment struct {
	at      time.Time
	left    uint64 // messages that need not be sent any more, so far
	waiting uint64
}

// wrote notes a message that was sent. One of 0 bytes was given up.
func (t *turnover) wrote(bytes int) {
	if bytes == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent++
	t.bytes += uint64(bytes)
}

// note takes the figures of now.
func (t *turnover) note(now time.Time, left, waiting uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, moment{now, left, waiting})
	for len(t.list) > 2 && now.Sub(t.list[1].at) >= fillOver {
		t.list = t.list[1:]
	}
}

// pace gives messages per second that have come and left lately; ok is false as long as nothing is known of so long.
func (t *turnover) pace(over time.Duration) (in, out float64, ok bool) {
	if len(t.list) == 0 {
		return 0, 0, false
	}
	last := t.list[len(t.list)-1]
	first := last
	for i := len(t.list) - 1; i >= 0 && last.at.Sub(first.at) < over; i-- {
		first = t.list[i]
	}
	d := last.at.Sub(first.at).Seconds()
	if d <= 0 {
		return 0, 0, false
	}
	out = float64(last.left-first.left) / d
	return max(out+(float64(last.waiting)-float64(first.waiting))/d, 0), out, true
}

// drain is how long what waits takes to leave at the pace of the last minutes; false if that is not known, or it grows.
func (t *turnover) drain(waiting uint64) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in, out, ok := t.pace(drainOver)
	if waiting > 0 && !ok {
		return 0, false
	}
	return budget.Drain(int64(waiting), out, in)
}

// offline is how long a store with this room, in bytes, takes in what comes at the pace of the last hour, while nothing leaves. q is what waits:
// by its messages their size is judged as long as none was sent.
func (t *turnover) offline(room int64, q queue.SessionStats) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in, _, ok := t.pace(fillOver)
	messages, bytes := t.sent, t.bytes
	if messages == 0 {
		messages, bytes = q.Messages, q.Bytes
	}
	if !ok || messages == 0 {
		return 0, false
	}
	return budget.Offline(room, in*(float64(bytes)/float64(messages)+recordCost))
}

// handled is how many messages need not be sent any more, so far.
func (u *Uplink) handled() uint64 {
	u.mu.Lock()
	n := u.status.Acknowledged + u.status.Superseded + u.status.Expired + u.status.Refused + u.status.Thinned
	u.mu.Unlock()
	for _, lost := range u.Queue().Dropped {
		n += lost
	}
	return n
}
