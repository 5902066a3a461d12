package uplink

import (
	"maps"
	"sync"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// A Server may refuse a message because this client may not publish it, or without saying why. That may be so of one topic, for good, or of
// all of them until somebody has given the station its rights: then to drop what is refused would be to drop the backlog. So nothing of a stream is given
// up before the Server has taken something else at the same time, and has refused it again after that.
const (
	// denials is how often in a row everything that was sent of a stream has to be refused, and denialTime how long that has to take at least,
	// until what the Server takes of other streams counts as well.
	denials    = 3
	denialTime = 3 * time.Minute
	// askedAnew is how many messages are sent each time to see whether they are taken now.
	askedAnew = 8
	// mostUnwelcome is how many topics of a stream are remembered of which a message was given up.
	mostUnwelcome = 1024
)

// denial is what the Server has refused of a stream, and what it took meanwhile. How often it has, and how long is waited, goes on over connections: on one
// that is made on demand it is asked once.
type denial struct {
	ids     map[uint16]bool // refused, since all of it was sent
	others  bool            // something else was taken since the first of them
	before  map[uint16]bool // refused while others were taken, and sent once more since: rights may have been granted in between
	since   time.Time       // of the first time; zero: it refuses nothing
	times   int             // in a row that nothing else was taken
	known   map[uint16]bool // on their way, and of a topic of which a message was given up before
	err     error           // the reason of one of them
	text    string          // what the Server said of it
	condemn map[uint16]bool // the writer's: to be given up when they come again
}

// askedFirst is the hold that a lane begins with.
func (s *stream) askedFirst() hold {
	s.denial.again()
	s.denial.condemn = nil
	return hold{asking: s.halt.reason() != ""}
}

// standstill is what a stream waits for, for its status and the log.
type standstill struct {
	mu    sync.Mutex
	why   string    // "": nothing
	until time.Time // it is not asked before
}

// set notes why it waits, and tells whether that is new.
func (s *standstill) set(why string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = s.why != why
	if s.why = why; why == "" {
		s.until = time.Time{}
	}
	return news
}

// rest notes when it is asked again.
func (s *standstill) rest(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = until
}

// rests tells whether that is not yet: what waits is no reason for a session.
func (s *standstill) rests(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.until)
}

func (s *standstill) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// deniable tells whether a Reason Code may be about who publishes, or about the Server, and not about the message.
func deniable(code packet.ReasonCode) bool {
	return code == packet.NotAuthorized || code == packet.UnspecifiedError || code == packet.ImplementationSpecificError
}

// denied notes that the Server has refused a message; false if that is to be given up at once.
func (a *lane) denied(k *packet.Ack) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := &a.denial
	if d.known[k.PacketID] {
		delete(d.known, k.PacketID)
		return false
	}
	if d.ids == nil {
		d.ids = map[uint16]bool{}
	}
	reason, _ := k.Properties.ReasonString()
	d.err, d.text = k.ReasonCode, string(reason)
	if d.ids[k.PacketID] = true; d.since.IsZero() {
		d.since = time.Now()
	}
	a.hold.on, a.hold.until = true, time.Time{}
	a.shuffled.Store(true)
	return true
}

// rest has the stream wait, of which nothing was taken: the log says so once, and the status as long. mu is held.
func (a *lane) rest() {
	a.halt.rest(a.hold.until)
	if a.halt.set("the server refuses it: " + a.denial.err.Error()) {
		a.link.u.log.Error("the server refuses what a stream publishes, and takes nothing else of it; nothing is dropped, it is asked again now and then",
			"stream", a.name, "err", a.denial.err, "reason", a.denial.text, "hint", "check what the server allows this client to publish")
	}
}

// pause is how long nothing is sent after a time that was not the first: each costs what it sends, or a session.
func (d *denial) pause() time.Duration {
	most := min(askFloor<<min(d.times, 10), askCap)
	return between(most/2, most)
}

// proven tells whether what was refused is refused for itself, when all answers have come. mu is held.
func (d *denial) proven(l *link) bool {
	if len(d.ids) == 0 {
		return false
	}
	took := l.tookLast.Load() // by other streams, or this one would be done
	return d.others || took > 0 && d.times >= denials && time.Since(d.since) >= denialTime && l.born.Add(time.Duration(took)).After(d.since)
}

// sentence ends a hold: what was refused is given up when it comes again, if it was refused twice. mu is held.
func (a *lane) sentence() {
	d := &a.denial
	a.hold = hold{}
	if d.others && d.before == nil {
		*d = denial{before: d.ids, others: true}
		return
	}
	if d.others {
		maps.DeleteFunc(d.ids, func(id uint16, _ bool) bool { return !d.before[id] })
	}
	*d = denial{condemn: d.ids}
	a.halt.set("")
}

// again begins anew with what was refused. mu is held.
func (d *denial) again() {
	if len(d.ids) > 0 {
		d.times++
	}
	d.ids, d.known, d.others, d.before = nil, nil, false, nil
}

// noteUnwelcome is told what is about to be sent, of which topic a message may have been given up.
func (a *lane) noteUnwelcome(d *broker.Delivery) {
	if d.QoS == 0 || d.Release || !a.shunned[d.Message.TopicName] {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.denial.known == nil {
		a.denial.known = map[uint16]bool{}
	}
	a.denial.known[d.PacketID] = true
}

// condemned gives up a message that the Server has refused while it took others; false if it is another one.
func (l *link) condemned(a *lane, d *broker.Delivery) bool {
	if a.denial.condemn == nil || d.QoS == 0 || d.Release {
		return false
	}
	if !d.Dup { // all that was sent has come again
		a.denial.condemn = nil
		return false
	}
	if !a.denial.condemn[d.PacketID] {
		return false
	}
	delete(a.denial.condemn, d.PacketID)
	name := d.Message.TopicName
	if !a.shunned[name] {
		if len(a.shunned) >= mostUnwelcome {
			clear(a.shunned)
		}
		if a.shunned == nil {
			a.shunned = map[string]bool{}
		}
		a.shunned[name] = true
		l.u.once(a.name+": denied", func() {
			l.u.log.Error("the server refuses messages of a topic for good, and takes others of the stream; they are dropped, and further ones of this topic or others are only counted",
				"stream", a.name, "topic", name, "hint", "check what the server allows this client to publish")
		})
	}
	l.u.count(func(s *Status) { s.Refused++ })
	l.u.missed(a.stream, plain(name))
	l.giveUp(a, d)
	return true
}
