package uplink

import (
	"sync"
	"time"

	"skerry/broker"
	"skerry/queue"
)

// ackTimeFades is how long it takes until an acknowledgement that was slow once is forgotten.
const ackTimeFades = 5 * time.Minute

// Acknowledged is how long a reading of the gateway's own should be given to be acknowledged by the Server: the longest
// that one took lately, and four round trips. 0: the uplink is offline, or carries no readings at QoS 1, or none was
// acknowledged yet.
//
// How long messages are held back to leave together is in it, because it is measured from when they were published.
func (u *Uplink) Acknowledged() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.status.Online || u.status.AckTime == 0 {
		return 0
	}
	return u.status.AckTime + 4*u.status.RoundTrip
}

// answers are the readings of the gateway's own that are on their way, by Packet Identifier. Only those of QoS 1 count
// that were published while the link stood: of the others the log has a record, whatever comes.
type answers struct {
	mu  sync.Mutex
	out map[uint16]sent
}

type sent struct {
	age time.Duration // when it was sent
	at  time.Time
}

// sent notes that a message is on its way.
func (l *link) sent(d *broker.Delivery, id uint16) {
	if d.Message.Origin != queue.Gateway || d.QoS != 1 || id == 0 {
		return
	}
	now := sent{l.u.broker.Age(d.Message), time.Now()}
	a := &l.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.out, id)
	if now.age > now.at.Sub(l.born) {
		return
	}
	if a.out == nil {
		a.out = map[uint16]sent{}
	}
	a.out[id] = now
}

// add notes that a block is on its way: the reading in it that has waited longest counts.
func (s *answers) add(l *link, parts []piece, id uint16) {
	for i := range parts {
		if d := &parts[i].Delivery; d.Message.Origin == queue.Gateway && d.QoS == 1 {
			l.sent(d, id)
			return
		}
	}
}

// answered notes that the Server has acknowledged one.
func (l *link) answered(id uint16) {
	a := &l.answers
	a.mu.Lock()
	s, ok := a.out[id]
	delete(a.out, id)
	a.mu.Unlock()
	if ok {
		took := time.Since(s.at)
		l.u.took(s.age+took, took)
	}
}

// took notes how long an acknowledgement took, from the publishing and from the sending. The longest counts, and fades.
func (u *Uplink) took(age, trip time.Duration) {
	u.mu.Lock()
	s, now := &u.status, time.Now()
	before := s.AckTime
	faded := before - time.Duration(float64(before)*min(1, float64(now.Sub(u.tookAt))/float64(ackTimeFades)))
	s.AckTime, u.tookAt = max(age, faded), now
	if s.RoundTrip == 0 {
		s.RoundTrip = trip
	}
	s.RoundTrip += (trip - s.RoundTrip) / 8
	longer := s.AckTime > before
	u.mu.Unlock()
	if longer {
		u.changed()
	}
}
