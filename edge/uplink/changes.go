package uplink

import (
	"slices"
	"time"

	"skerry/edge/change"
	"skerry/queue"
)

const (
	// doubtBefore is how long before the last word of a Server what was sent with QoS 0 is not believed to have arrived.
	doubtBefore = time.Minute
	// lookForDrops is how often the writer looks whether something was dropped from a queue.
	lookForDrops = time.Minute
)

// losses are what is known of messages that did not leave after they had passed for streams that carry changes only: what such a stream has lost
// must not count as known upstream. It belongs to the goroutine of the session, and the writer.
type losses struct {
	proven  time.Time // the last word of the Server on the connection before; zero: there was none
	looked  time.Time
	dropped map[string]uint64 // by stream
}

// changes are the memories of what has left of a stream that carries changes only. Of a pair one of the two has it.
func (u *Uplink) changes(s *stream) (all []*change.Detector) {
	other, _ := u.pairs.of(s)
	for _, name := range []string{s.name, other} {
		f, _ := u.broker.Filter(contentFilter(name))
		if c, ok := f.Condition.(content); ok && c.change != nil {
			all = append(all, c.change)
		}
	}
	return all
}

// missed notes that a message of a stream will not arrive.
func (u *Uplink) missed(s *stream, topic string) {
	for _, d := range u.changes(s) {
		d.Forget(topic)
	}
}

// missedSome notes that something of a stream will not arrive, and nobody knows what.
func (u *Uplink) missedSome(s *stream) {
	for _, d := range u.changes(s) {
		d.ForgetAll()
	}
}

// doubt notes, when a connection stands, that what was published with QoS 0 since the last word on the one before may be lost.
func (u *Uplink) doubt() {
	for _, s := range u.streams {
		u.doubtSince(s, u.losses.proven.Add(-doubtBefore))
	}
	u.losses.looked = time.Time{}
}

func (u *Uplink) doubtSince(s *stream, since time.Time) {
	for _, d := range u.changes(s) {
		d.ForgetUnsure(since)
	}
}

// leftOff notes when a connection ends what is proven. Nothing is of a stream that the link did not carry.
func (u *Uplink) leftOff(l *link) {
	u.losses.proven = l.born.Add(time.Duration(l.taken.Load()))
	if slices.ContainsFunc(l.lanes, func(a *lane) bool { return a.asleep }) {
		u.losses.proven = time.Time{}
	}
}

// lookForLosses notes, now and then, what queues have dropped.
func (u *Uplink) lookForLosses() {
	if time.Since(u.losses.looked) < lookForDrops {
		return
	}
	u.losses.looked = time.Now()
	for _, s := range u.streams {
		session := s.session.Load()
		if session == nil || len(u.changes(s)) == 0 {
			continue
		}
		drops := session.Stats().Dropped
		if now := drops.Total() - drops[queue.DroppedRejected]; now != u.losses.dropped[s.name] { // who was refused says it again
			u.losses.dropped[s.name] = now
			u.missedSome(s)
		}
	}
}
