package uplink

import (
	"slices"
	"time"

	"skerry/broker"
)

const (
	// readAtOnce is how many messages of a backlog a state stream takes in before the others are asked again.
	readAtOnce = 256
	// mostLatest is how many bytes of messages are held at most: the local session has no more memory than twice that.
	mostLatest = 192 << 10
	// patience with the disk, from which the rest of a backlog is read.
	readPatience = time.Second
)

// latest is what a lane of class state holds: of each topic the newest message, in the order in which they were published. It reads on
// through the backlog, and acknowledges locally what something newer makes needless.
type latest struct {
	list  []*current
	topic map[string][]*current // the same, but what is pinned
	bytes int
	owed  int       // of the list, those of QoS 1 and 2
	read  time.Time // when there was something last
	last  uint64    // the ordinal of that

	ahead   *ahead      // what is behind it all; nil: not looked at
	looking chan *ahead // gives that; nil: nobody looks
	tried   uint64      // last, when it was looked at

	counted bool // all that the Server may hold was read
}

// current is a message that is held.
type current struct {
	broker.Delivery
	pinned bool // the Server may hold it, or is to hear PUBREL: it is not given up any more
	alone  bool // it has made no other needless
}

func newLatest() *latest { return &latest{topic: map[string][]*current{}, read: time.Now()} }

func (d *current) size() int {
	if d.Message == nil {
		return 0
	}
	return len(d.Message.TopicName) + len(d.Message.Properties) + len(d.Message.Payload)
}

// needless tells whether a message says nothing any more beside a newer one of its topic. It does if it was promised more: to arrive, to
// be retained, not to expire.
func needless(old, newer *broker.Delivery) bool {
	a, b := old.Message, newer.Message
	return (newer.QoS > 0 || old.QoS == 0) && (newer.Retain || !old.Retain) && (a.HasExpiry || !b.HasExpiry)
}

// add takes a message in and gives those that it makes needless.
func (k *latest) add(d *broker.Delivery, pinned bool) (gone []*current) {
	c := &current{Delivery: *d, pinned: pinned, alone: true}
	k.list = append(k.list, c)
	k.bytes += c.size()
	if k.read = time.Now(); c.QoS > 0 || c.Release {
		k.last = c.Ordinal
		k.owed++
	}
	if c.Release {
		return nil
	}
	name := c.Message.TopicName
	kept := k.topic[name][:0:0]
	for _, old := range k.topic[name] {
		if needless(&old.Delivery, d) {
			gone = append(gone, old)
		} else {
			kept = append(kept, old)
		}
	}
	for _, old := range gone {
		k.drop(old)
		c.alone = false
	}
	if !pinned {
		kept = append(kept, c)
	}
	k.topic[name] = kept
	return gone
}

// drop takes a message out of the list.
func (k *latest) drop(c *current) {
	if i := slices.Index(k.list, c); i >= 0 {
		k.list = slices.Delete(k.list, i, i+1)
		if k.bytes -= c.size(); c.QoS > 0 || c.Release {
			k.owed--
		}
	}
}

// sent takes the first message out.
func (k *latest) sent() { k.forget(k.list[0]) }

// forget takes a message out that is not superseded by one that is held.
func (k *latest) forget(c *current) {
	k.drop(c)
	if c.Message == nil {
		return
	}
	name := c.Message.TopicName
	rest := slices.DeleteFunc(k.topic[name], func(o *current) bool { return o == c })
	if k.topic[name] = rest; len(rest) == 0 {
		delete(k.topic, name)
	}
}

// full tells whether nothing more is read before something has been sent.
func (k *latest) full() bool {
	i := slices.IndexFunc(k.list, func(c *current) bool { return c.Ordinal > 0 })
	return len(k.list) > 0 && k.bytes >= mostLatest || i >= 0 && k.last-k.list[i].Ordinal+1 >= mostInFlight
}

// pinned tells whether something is held that the Server may hold.
func (k *latest) pinned() bool {
	return slices.ContainsFunc(k.list, func(c *current) bool { return c.pinned })
}

// catchUp reads on, and tells whether there is more to read at once.
func (l *link) catchUp(a *lane) (more bool) {
	if l.looks(a) || a.latest.full() {
		return false
	}
	a.left = a.session.Load().Next(a.left[:0], readAtOnce)
	for i := range a.left {
		l.keep(a, &a.left[i])
	}
	more = len(a.left) == readAtOnce
	clear(a.left)
	a.left = a.left[:0]
	return !l.looks(a) && more
}

// keep takes one message in. What the Server may hold of it from an earlier connection is sent once more as it is: its Packet Identifier
// has to become free.
func (l *link) keep(a *lane, d *broker.Delivery) {
	pinned := d.Release || !a.resumed && d.Dup && d.QoS == 2
	switch {
	case a.resumed || d.QoS == 0:
	case !d.Dup && !d.Release:
		l.recount(a) // what is behind it was not sent either
	case !pinned:
		a.before.sent(true)
		l.doubt()
	}
	if !pinned && a.latest.ahead.supersedes(d) {
		a.latest.last = d.Ordinal
		l.giveUp(a, d)
		l.supersede(1)
		return
	}
	gone := a.latest.add(d, pinned)
	for _, old := range gone {
		l.giveUp(a, &old.Delivery)
	}
	l.supersede(len(gone))
}

// supersede counts messages that a newer one has made needless.
func (l *link) supersede(n int) {
	if n > 0 {
		l.u.count(func(s *Status) { s.Superseded += uint64(n) })
	}
}

// newest is the message that a lane of class state sends next, nil if none is to go now. While there is more to read it waits: what it
// would send may be superseded by that.
func (l *link) newest(a *lane) *broker.Delivery {
	k := a.latest
	if k.looking != nil {
		return nil
	}
	behind := a.session.Load().Unfinished() > uint64(k.owed+l.onItsWay(a)+a.gathered())
	if !a.resumed && !behind {
		l.recount(a)
	}
	a.resumed = a.resumed || !k.pinned() && a.before.left() <= 0
	if len(k.list) == 0 {
		return nil
	}
	c := k.list[0]
	switch {
	case !a.resumed && k.pinned():
	case !behind || k.full():
	case time.Since(k.read) < readPatience:
		l.lookAgain()
		return nil
	}
	if c.QoS == 2 && (!c.alone || k.ahead != nil) && !a.session.Load().Settled() {
		return nil
	}
	return &c.Delivery
}
