package budget

import (
	"math"
	"sync"
	"time"
)

const (
	// attemptShare of the bytes of a day may be used by attempts to connect that come to nothing.
	attemptShare = 0.02
	// leastAttempts a day are always allowed.
	leastAttempts = 12
	// attemptCost is what one is taken to cost as long as none was measured: TCP, and TLS 1.3 with a chain of two ECDSA certificates.
	attemptCost = 3_800
)

// Attempts limits what attempts to connect cost on a link, in bytes. It fills up evenly, in a day, and begins full. It may be used by several
// goroutines. Connections that last are to be left out. It is not kept over a restart.
type Attempts struct {
	share  float64 // bytes of a day; 0: no limit
	passed func() time.Duration

	mu   sync.Mutex
	cost float64 // of one attempt, in bytes: of the dearest lately
	room float64 // share of a day's budget that is left
	at   time.Duration
}

// NewAttempts makes the budget of a link. perDay is its allowance of a day, or a 30th of that of a month; 0: there is no limit.
// passed is a clock that nothing sets; nil: the time since now.
func NewAttempts(perDay int64, passed func() time.Duration) *Attempts {
	if passed == nil {
		begun := time.Now()
		passed = func() time.Duration { return time.Since(begun) }
	}
	return &Attempts{share: attemptShare * float64(max(perDay, 0)), passed: passed, cost: attemptCost, room: 1, at: passed()}
}

// AttemptsFor makes the budget of attempts that goes with allowances.
func AttemptsFor(allowances []Allowance, passed func() time.Duration) *Attempts {
	return NewAttempts(perDay(allowances), passed)
}

// AttemptBytes is how many bytes a day attempts may use, that cost so much each; 0: there is no limit.
func AttemptBytes(allowances []Allowance, each int64) int64 {
	day := perDay(allowances)
	if day == 0 {
		return 0
	}
	return max(int64(attemptShare*float64(day)), leastAttempts*each)
}

// perDay is the smallest of the allowances, for a day; 0 if there is none.
func perDay(allowances []Allowance) (bytes int64) {
	for _, a := range allowances {
		n := a.Bytes
		if a.Period == Month {
			n /= 30
		}
		if bytes == 0 || n < bytes {
			bytes = n
		}
	}
	return bytes
}

// full is what a day allows, in bytes: the share, and the least number of attempts whatever they cost.
func (a *Attempts) full() float64 { return max(a.share, leastAttempts*a.cost) }

func (a *Attempts) fill() {
	now := a.passed()
	a.room = min(a.room+float64(now-a.at)/float64(24*time.Hour), 1)
	a.at = now
}

// May tells whether another attempt is within the budget.
func (a *Attempts) May() bool { return a.Wait() == 0 }

// Wait is how long it takes until it is.
func (a *Attempts) Wait() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.share == 0 {
		return 0
	}
	a.fill()
	const exact = 1e-6 // twelve twelfths are not quite one
	if missing := a.cost/a.full() - a.room; missing > exact {
		return time.Duration(math.Ceil(missing * float64(24*time.Hour)))
	}
	return 0
}

// Spend counts an attempt that came to nothing, or to a connection that did not last. One that cost nothing, because there was no network,
// counts for nothing.
func (a *Attempts) Spend(bytes int64) {
	if bytes <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fill()
	a.cost = max(float64(bytes), a.cost+(float64(bytes)-a.cost)/4)
	a.room -= float64(bytes) / a.full()
}

// Left is how many attempts are within the budget now; -1: there is no limit.
func (a *Attempts) Left() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.share == 0 {
		return -1
	}
	a.fill()
	return max(int(a.room*a.full()/a.cost+1e-6), 0)
}
