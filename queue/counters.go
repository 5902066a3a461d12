package queue

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// A Reason is why a delivery was dropped.
type Reason uint8

// The numbers are on people's disks.
const (
	DroppedRing     Reason = iota // a ring was full: QoS 0 to any session, any QoS to a volatile one
	DroppedExpired                // its message had expired
	DroppedMessages               // a limit on the number of messages
	DroppedBytes                  // a limit on bytes
	DroppedAge                    // a limit on age
	DroppedStore                  // a limit of the whole store, or the disk is full
	DroppedRejected               // refused before it was published
	DroppedPurged                 // by hand
	DroppedEnded                  // what a shared subscription held when its last member left; counted for the store only

	reasons = iota
)

// Drops counts dropped deliveries by Reason.
type Drops [reasons]uint64

var reasonNames = [reasons]string{"ring", "expired", "messages", "bytes", "age", "store", "rejected", "purged", "ended"}

// String is the reason in one word.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// Total of all reasons.
func (d *Drops) Total() (n uint64) {
	for _, c := range d {
		n += c
	}
	return n
}

// Lost is Total without what has expired or was removed by hand: what fell to a limit.
func (d *Drops) Lost() uint64 { return d.Total() - d[DroppedExpired] - d[DroppedPurged] }

// atomicDrops are Drops that many sessions count in.
type atomicDrops [reasons]atomic.Uint64

func (d *atomicDrops) load() (all Drops) {
	for i := range d {
		all[i] = d[i].Load()
	}
	return all
}

// SessionStats is what a session holds, and what it has dropped since it was made.
type SessionStats struct {
	Messages uint64        // deliveries whose message is owed: not acknowledged; of QoS 2, PUBREC has not come, or it is kept until PUBCOMP
	Bytes    uint64        // topic names, properties and payloads of those
	Oldest   time.Duration // proven age of the oldest of them, a lower bound
	InFlight int           // sent and not complete
	Dropped  Drops
}

// Stats of the session.
func (x *Session) Stats() SessionStats {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.passHoles()
	st := SessionStats{Messages: x.load.messages, Bytes: x.load.bytes, Dropped: x.dropped()}
	for i := range x.flight.len() {
		if x.underway(x.flight.at(i)) {
			st.InFlight++
		}
	}
	if !x.durable {
		st.Messages, st.Bytes = x.inMemory()
	}
	if at, ok := x.oldest(); ok && st.Messages > 0 {
		st.Oldest = x.s.Since(at)
	}
	return st
}

// underway tells whether an entry in flight is with a receiver. Of a share, others have come back and wait for the next one.
func (x *Session) underway(e *entry) bool {
	if x.shared != nil {
		return e.counted && e.state == waiting
	}
	return e.state != done
}

// inMemory counts the deliveries of QoS 1 and 2 in memory.
func (x *Session) inMemory() (messages, bytes uint64) {
	for _, r := range []*ring{&x.flight, &x.ring} {
		for i := range r.len() {
			if e := r.at(i); e.m != nil && e.qos > 0 && !e.lent {
				messages++
				bytes += e.m.weight()
			}
		}
	}
	return messages, bytes
}

// oldest is the stamp of what has waited longest.
func (x *Session) oldest() (Stamp, bool) {
	for _, r := range []*ring{&x.flight, &x.ring} {
		for i := range r.len() {
			if e := r.at(i); e.m != nil && e.qos > 0 && !e.lent {
				return e.m.Stamp, true
			}
		}
	}
	if !x.spilled {
		return Stamp{}, false
	}
	i := slices.IndexFunc(x.marks, func(k mark) bool { return k.highest >= x.want })
	if i < 0 {
		return Stamp{}, false
	}
	return x.marks[i].first, true
}

// load is what a durable session is owed: deliveries of QoS 1 and 2 whose message is still needed.
type load struct{ messages, bytes uint64 }

func (l *load) add(bytes uint64) { l.messages, l.bytes = l.messages+1, l.bytes+bytes }

// sub never goes below zero: after damage what was lost is not known exactly.
func (l *load) sub(o load) {
	l.messages -= min(l.messages, o.messages)
	l.bytes -= min(l.bytes, o.bytes)
}

// weight of a message is the bytes that limits count.
func (m *Message) weight() uint64 {
	return uint64(len(m.TopicName)) + uint64(len(m.Properties)) + uint64(len(m.Payload))
}

// owe counts a message that was put into the pending group for a durable session.
func (x *Session) owe(m *Message) {
	w := m.weight()
	x.load.add(w)
	x.logged.add(w)
}

// unowe counts a message as not needed any more. If it never got into the log, it is as if it had never been owed:
// what lies in the log for a session, less what it has acknowledged, is what it is owed after a restart.
func (x *Session) unowe(m *Message, written bool) {
	one := load{1, m.weight()}
	x.load.sub(one)
	if !written {
		x.logged.sub(one)
	}
}

// drop counts dropped deliveries, under the lock of the session. Those of a durable session are written with its next
// acknowledgements.
func (x *Session) drop(why Reason, n uint64) {
	if x.drops == nil {
		x.drops = &Drops{}
	}
	x.drops[why] += n
	x.s.drops[why].Add(n)
}

// dropped is what drop has counted.
func (x *Session) dropped() Drops {
	if x.drops == nil {
		return Drops{}
	}
	return *x.drops
}
