package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// How logins are slowed down. The first failures are free, for those who mistype. Then each further failure doubles the time
// for which the next login is held up, to a bound; who has not failed for a while begins anew.
const (
	freeFailures   = 5                // of one user from one address
	freeOfAddress  = 20               // of one address, with all user names
	freeOfUser     = 20               // of one user, from all addresses
	firstWait      = time.Second      // of an address that is refused
	longestWait    = time.Minute      // ... and its bound
	firstDelay     = time.Second / 4  // of a user who is guessed at from many addresses
	longestDelay   = 2 * time.Second  // ... and its bound
	forgottenAfter = 10 * time.Minute // without a failure
	trustedFor     = 24 * time.Hour   // after a login that went well
	maxRecords     = 2048             // remembered, of about 130 bytes
)

// Throttle slows down those who guess passwords. It remembers failures by address, by user, and by both together:
//
//   - A user at one address who fails again and again is refused there for a growing time.
//   - So is an address that fails with many names. A user who has logged in from there in the last day still gets in: one
//     device with a wrong password does not shut out those behind the same router.
//   - A user whose name fails from many addresses is refused nowhere: a stranger could lock him out. Logins with his name
//     are only delayed, by two seconds at most, and not from where he has logged in in the last day.
//
// The zero Throttle is ready. Safe for concurrent use. An IPv6 address counts as its network of 64 bits.
type Throttle struct {
	mu      sync.Mutex
	seed    maphash.Seed
	records map[mark]*record
}

// mark is a hash of what is remembered: names are as long as a stranger likes.
type mark uint64

// record is what is remembered of an address, a user, or a user at an address.
type record struct {
	failures int
	last     time.Time // of them
	until    time.Time // no login before
	trusted  time.Time // when a login went well
}

// Ask tells what is to be done with a login before its password is looked at: refuse it, or let it wait.
func (t *Throttle) Ask(address, user string, now time.Time) (delay time.Duration, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, name, both := t.marks(address, user)
	own := t.get(both, now)
	switch {
	case now.Before(own.until):
		return 0, true
	case own.trusts(now):
		return 0, false
	case now.Before(t.get(at, now).until):
		return 0, true
	}
	if u := t.get(name, now); u.failures > freeOfUser {
		return grown(firstDelay, longestDelay, u.failures-freeOfUser), false
	}
	return 0, false
}

// Failed notes a login with a wrong name or password.
func (t *Throttle) Failed(address, user string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, name, both := t.marks(address, user)
	if t.fail(both, freeFailures, now) {
		return // one device that does not give up says nothing new about its address, nor about its user
	}
	t.fail(at, freeOfAddress, now)
	t.fail(name, freeOfUser, now)
}

// Succeeded notes a login that went well.
func (t *Throttle) Succeeded(address, user string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _, both := t.marks(address, user)
	*t.put(both, now) = record{trusted: now}
}

// marks are those of the address, the user, and both.
func (t *Throttle) marks(address, user string) (at, name, both mark) {
	if t.records == nil {
		t.records, t.seed = map[mark]*record{}, maphash.MakeSeed()
	}
	address = network(address)
	return t.mark("a", address, ""), t.mark("u", "", user), t.mark("b", address, user)
}

func (t *Throttle) mark(what, address, user string) mark {
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.WriteString(what)
	h.WriteString(address)
	h.WriteByte(0)
	h.WriteString(user)
	return mark(h.Sum64())
}

// network is what counts as one address: "192.0.2.1:40000" without its port. What is none stands for itself.
func network(address string) string {
	from, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := from.Addr().Unmap().WithZone("")
	if ip.Is6() {
		prefix, _ := ip.Prefix(64)
		return prefix.String()
	}
	return ip.String()
}

// get is what is known of a mark; what is old is not.
func (t *Throttle) get(m mark, now time.Time) record {
	r := t.records[m]
	if r == nil {
		return record{}
	}
	known := *r
	if now.Sub(known.last) > forgottenAfter {
		known.failures = 0
	}
	return known
}

func (r *record) trusts(now time.Time) bool {
	return !r.trusted.IsZero() && now.Sub(r.trusted) < trustedFor
}

// fail counts a failure, and holds up the next login when there were more than are free.
func (t *Throttle) fail(m mark, free int, now time.Time) (held bool) {
	known := t.get(m, now)
	known.failures++
	known.last = now
	more := known.failures - free
	if more > 0 {
		known.until = now.Add(grown(firstWait, longestWait, more))
	}
	*t.put(m, now) = known
	return more > 0
}

// grown is a time that doubles with each failure, from first to longest.
func grown(first, longest time.Duration, failures int) time.Duration {
	if failures > 16 {
		return longest
	}
	return min(first<<(failures-1), longest)
}

// put makes room for a mark and returns its record.
func (t *Throttle) put(m mark, now time.Time) *record {
	r := t.records[m]
	if r == nil {
		if len(t.records) >= maxRecords {
			t.forget(now)
		}
		r = new(record)
		t.records[m] = r
	}
	return r
}

// forget makes room: what is old goes, then what has failed, then anything. Somebody who has so many addresses to knock from
// that he fills the table is not stopped by counting.
func (t *Throttle) forget(now time.Time) {
	t.drop(0, func(r *record) bool { return now.Sub(r.last) > forgottenAfter && !r.trusts(now) })
	t.drop(maxRecords*3/4, func(r *record) bool { return !r.trusts(now) })
	t.drop(maxRecords*3/4, func(*record) bool { return true })
}

// drop removes records of which a condition holds, until no more than a number is left.
func (t *Throttle) drop(most int, when func(*record) bool) {
	for m, r := range t.records {
		if len(t.records) <= most {
			return
		}
		if when(r) {
			delete(t.records, m)
		}
	}
}
