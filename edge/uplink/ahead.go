package uplink

import (
	"hash/maphash"

	"skerry/broker"
)

// mostAhead is of how many topics is remembered what waits further back: some 40 bytes each.
const mostAhead = 1 << 16

// ahead is what stands in the backlog of a state stream behind what is held: of each topic the latest message, by a hash of its name.
type ahead struct {
	seed   maphash.Seed
	topics map[uint64]behind
	end    uint64 // the last ordinal that was looked at
}

// behind is the latest message of a topic.
type behind uint64

const (
	behindRetain behind = 1 << iota
	behindExpires
	behindShift = 2
)

// lookAhead goes through a backlog, until stop says so.
func lookAhead(session *broker.Session, stop func() bool) *ahead {
	a := &ahead{seed: maphash.MakeSeed(), topics: map[uint64]behind{}}
	session.Ahead(func(ordinal uint64, m *broker.Message, retain bool) bool {
		a.note(ordinal, m, retain)
		return !stop()
	})
	return a
}

func (a *ahead) note(ordinal uint64, m *broker.Message, retain bool) {
	a.end = max(a.end, ordinal)
	h := maphash.String(a.seed, m.TopicName)
	if _, known := a.topics[h]; !known && len(a.topics) >= mostAhead {
		return
	}
	b := behind(ordinal << behindShift)
	if retain {
		b |= behindRetain
	}
	if m.HasExpiry {
		b |= behindExpires
	}
	a.topics[h] = b
}

// supersedes tells whether a newer message of the same topic waits that promises no less. All of them are of QoS 1 or 2, as what is in the log.
func (a *ahead) supersedes(d *broker.Delivery) bool {
	if a == nil || d.Ordinal == 0 || d.Message == nil {
		return false
	}
	b, known := a.topics[maphash.String(a.seed, d.Message.TopicName)]
	return known && uint64(b>>behindShift) > d.Ordinal && (b&behindRetain != 0 || !d.Retain) && (d.Message.HasExpiry || b&behindExpires == 0)
}

// looks has the backlog of a lane looked through beside the writer, when more is waiting than can be held; true while that goes on.
func (l *link) looks(a *lane) bool {
	k := a.latest
	if k.looking != nil {
		select {
		case k.ahead = <-k.looking:
			k.looking = nil
			l.apply(a)
		default:
			return true
		}
	}
	if !k.full() || k.ahead != nil && k.last < k.ahead.end || k.tried == k.last {
		return false
	}
	k.tried = k.last
	session, done := a.session.Load(), make(chan *ahead, 1)
	k.looking = done
	l.looking.Go(func() {
		done <- lookAhead(session, func() bool { return l.conn.Err() != nil })
		l.Wake()
	})
	return true
}

// apply gives up what is held and was found to be needless.
func (l *link) apply(a *lane) {
	k := a.latest
	gone := 0
	for i := 0; i < len(k.list); {
		c := k.list[i]
		if c.pinned || !k.ahead.supersedes(&c.Delivery) {
			i++
			continue
		}
		k.forget(c)
		l.giveUp(a, &c.Delivery)
		gone++
	}
	l.supersede(gone)
}
