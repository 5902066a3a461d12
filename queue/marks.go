package queue

import (
	"slices"
	"time"

	"skerry/queue/slotlog"
)

// mark is what one sealed segment of the log holds for one session.
type mark struct {
	segment         uint64
	lowest, highest uint64 // ordinals
	count           uint64 // messages of QoS 1 and 2
	bytes           uint64 // their topic names, properties and payloads
	first, last     Stamp  // of the first message there, and of the youngest
	longest         longest
}

// longest is the longest Message Expiry Interval of some messages, in seconds plus 1; 0: not all of them expire, or that is
// not known.
type longest uint64

func longestOf(expiry uint32, has bool) longest {
	if !has {
		return 0
	}
	return longest(expiry) + 1
}

// and takes in more messages.
func (l longest) and(more longest) longest {
	if l == 0 || more == 0 {
		return 0
	}
	return max(l, more)
}

// over tells whether all of them have expired, if the youngest is that old.
func (l longest) over(age time.Duration) bool {
	return l > 0 && age >= time.Duration(l-1)*time.Second
}

// note adds a message to the mark.
func (k *mark) note(ordinal, bytes uint64, at Stamp, expiry longest) {
	if k.count == 0 {
		k.lowest, k.first, k.longest = ordinal, at, expiry
	}
	k.longest = k.longest.and(expiry)
	k.lowest, k.highest = min(k.lowest, ordinal), max(k.highest, ordinal)
	k.count++
	k.bytes += bytes
	k.last = youngest(k.last, at) // a retained message may be old
}

func youngest(a, b Stamp) Stamp {
	if b.Boot > a.Boot || b.Boot == a.Boot && b.At > a.At {
		return b
	}
	return a
}

// cleared says which ordinals of a session need no message any more: all below, and some above.
type cleared struct {
	below uint64
	above spans
}

// needed tells whether some message of the segment is still needed.
func (k *mark) needed(c *cleared) bool {
	return len(c.above.gaps(max(k.lowest, c.below), k.highest+1)) > 0
}

// skipSegments moves the cursor over segments that hold nothing for the session, and returns where the next of those
// begins; the zero Position: not known.
func (x *Session) skipSegments() (until slotlog.Position) {
	log, marked := x.s.log, x.s.marked.Load()
	_, at := log.FirstOfSegment(x.cursor)
	if at == 0 || at > marked {
		return until
	}
	i := slices.IndexFunc(x.marks, func(k mark) bool { return k.segment >= at && k.highest >= x.want })
	if i < 0 {
		x.cursor, _ = log.FirstOf(marked + 1)
		return until
	}
	if next := x.marks[i].segment; next > at {
		x.cursor, _ = log.FirstOf(next)
	}
	for i+1 < len(x.marks) && x.marks[i+1].segment == x.marks[i].segment+1 {
		i++
	}
	if last := x.marks[i].segment; last < marked {
		until, _ = log.FirstOf(last + 1)
	}
	return until
}
