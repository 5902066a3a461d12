package modbus

import (
	"slices"
	"time"

	"skerry/drivers"
)

// ledger remembers, of one device on a serial line, which requests a reply may still come to: those without one, and those answered
// lately, as a line with repeaters or radio can bring a reply twice. A reply tells no more of its request than its shape. So a
// request is sent only when no other one can be answered by a reply of its shape.
type ledger struct {
	entries []entry
	late    drivers.Lateness
}

// entry is a request that was sent.
type entry struct {
	request  request
	sent     time.Time
	answered time.Time // zero: not yet
	until    time.Time // when it is forgotten: no reply is that late
}

const (
	// maxEntries bounds a ledger. When it is full nothing is sent.
	maxEntries = 60
	// echo is how long a second copy of a reply is looked out for on a line that never brought one, before a request that cannot be
	// given another shape.
	echo = 100 * time.Millisecond
	// again is how long a second copy is looked out for before the same question is asked anew, on a line that brings copies.
	again = 2 * time.Second
)

// trust is what is known of a line and a request when the ledger is asked.
type trust struct {
	clean bool // the line has brought no reply that nobody waited for
	solid bool // the request cannot be given another shape
}

// room tells how long a request must wait until a reply of its shape can be its own only.
func (l *ledger) room(r request, t trust, now time.Time) time.Duration {
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool { return !now.Before(e.until) })
	var wait time.Duration
	for _, e := range l.entries {
		if e.request.shape() == r.shape() {
			wait = max(wait, e.risk(r, t).Sub(now))
		}
	}
	if len(l.entries) >= maxEntries {
		wait = max(wait, l.entries[0].until.Sub(now))
	}
	return wait
}

// risk is until when a reply to the entry may be taken for one to r.
func (e entry) risk(r request, t trust) time.Time {
	switch {
	case e.answered.IsZero():
		return e.until
	case e.request == r && t.clean:
		return time.Time{} // the name of the value is right in any case
	case e.request == r: // its time would be wrong
		return e.answered.Add(again)
	case t.clean && t.solid:
		return e.answered.Add(echo)
	}
	return e.until
}

// send notes a request that nobody has answered yet.
func (l *ledger) send(r request, now, until time.Time) {
	l.entries = append(l.entries, entry{request: r, sent: now, until: until})
	l.late.Asked++
}

// answer notes that the request sent last was answered.
func (l *ledger) answer(now time.Time, late time.Duration) {
	last := len(l.entries) - 1
	e := l.entries[last]
	e.answered, e.until = now, now.Add(late)
	l.entries = slices.DeleteFunc(l.entries[:last], func(older entry) bool { return older.request == e.request && !older.answered.IsZero() })
	l.entries = append(l.entries, e)
}

// withdraw forgets the request noted last: it was not sent after all.
func (l *ledger) withdraw() {
	l.entries = l.entries[:len(l.entries)-1]
	l.late.Asked--
}

// explains takes a late reply for what it is: there is only one request without an answer that it fits, see room. False: it fits
// none, and comes from elsewhere or for a second time. blind: it may have come before now.
func (l *ledger) explains(p reply, now time.Time, late time.Duration, blind bool) bool {
	if p.exception != 0 {
		return l.owes(p.table, 0)
	}
	for i, e := range l.entries {
		if e.answered.IsZero() && p.answers(e.request) {
			l.entries[i].answered, l.entries[i].until = now, now.Add(late)
			addLate(&l.late, now.Sub(e.sent), blind)
			return true
		}
	}
	return false
}

// addLate counts an answer that was read so long after its request. blind: it may have come before that.
func addLate(l *drivers.Lateness, after time.Duration, blind bool) {
	if l.Late++; !blind {
		l.Slowest = max(l.Slowest, after)
	}
}

// begun tells whether b may be the first part of a reply to a request without an answer.
func (l *ledger) begun(b []byte) bool {
	return len(b) >= 3 && slices.ContainsFunc(l.entries, func(e entry) bool {
		size := e.request.bytes()
		return e.answered.IsZero() && b[1] == byte(e.request.table) && int(b[2]) == size && len(b) < size+replyOverhead
	})
}

// owes tells whether an exception may be that of a request to the table which nobody has answered; the newest ones are left out.
func (l *ledger) owes(t Table, newest int) bool {
	older := l.entries[:max(0, len(l.entries)-newest)]
	return slices.ContainsFunc(older, func(e entry) bool { return e.answered.IsZero() && e.request.table == t })
}
