package budget

import (
	"fmt"
	"log/slog"
	"time"
)

// Options of an Account. The zero Options count, and limit nothing.
type Options struct {
	Link       string         // for the log
	Allowances []Allowance    // one for a day, one for a month, or both; none: the link is only counted
	ResetDay   int            // day of the month on which a billing month begins, 1 to 31; 0: the first
	Zone       *time.Location // of the operator's calendar; nil: UTC
	Reserve    float64        // share of each allowance that only alarms may use; usual is DefaultReserve
	Price      Price
	Chunk      int64 // bytes charged ahead; 0: 64 KB, or a 32nd of the smallest allowance if that is less

	// Now is the date, and whether it is trusted. nil: the system's, which is.
	Now func() (date time.Time, trusted bool)
	// Passed is a clock that nothing sets. nil: the time since New.
	Passed func() time.Duration

	// Fact and History are what Keep and KeepHistory wrote last. nil: nothing is known.
	Fact, History []byte
	// Keep writes the fact, and has kept called once, when it is on the disk; not at all, if that fails. Facts are to become durable in the order
	// in which they are given. It must not block, nor call the account, except by kept. nil: nothing is kept.
	Keep func(fact []byte, kept func()) error
	// KeepHistory writes what forecasts are made from. To lose it does no harm. nil: it is not kept.
	KeepHistory func([]byte) error
	// Hurry asks for what was given to Keep to be written now. nil: it will be soon.
	Hurry func()
	// Patience is how long a write to a connection waits for the disk; 0: 2 s.
	Patience time.Duration

	Log *slog.Logger // nil: discard
}

// DefaultReserve is a tenth.
const DefaultReserve = 0.1

const (
	defaultChunk    = 64 * KB
	leastChunk      = 1 * KB
	chunks          = 32 // how many of them an allowance has at least
	defaultPatience = 2 * time.Second
)

// complete checks the options and fills in what is not given.
func (o Options) complete() (Options, error) {
	seen := map[Period]bool{}
	smallest := int64(0)
	for _, a := range o.Allowances {
		switch {
		case a.Period != Day && a.Period != Month:
			return o, fmt.Errorf("an allowance is for a period of kind %d (hint: a day or a month)", a.Period)
		case seen[a.Period]:
			return o, fmt.Errorf("two allowances for a %s (hint: one for a day and one for a month at most)", a.Period)
		case a.Bytes <= 0:
			return o, fmt.Errorf("an allowance of %d bytes (hint: leave it out, or give at least 1 kB)", a.Bytes)
		}
		seen[a.Period] = true
		if smallest == 0 || a.Bytes < smallest {
			smallest = a.Bytes
		}
	}
	if o.ResetDay < 0 || o.ResetDay > 31 {
		return o, fmt.Errorf("a billing month begins on day %d (hint: 1 to 31; in shorter months it is their last day)", o.ResetDay)
	}
	if !(o.Reserve >= 0 && o.Reserve < 1) {
		return o, fmt.Errorf("a reserve of %.0f %% (hint: 10%%; at least 0%%, and less than all)", 100*o.Reserve)
	}
	if o.Chunk <= 0 {
		o.Chunk = defaultChunk
		if smallest > 0 {
			o.Chunk = max(min(o.Chunk, smallest/chunks), leastChunk)
		}
	}
	return o.defaults(), nil
}

func (o Options) defaults() Options {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = func() (time.Time, bool) { return time.Now(), true }
	}
	if o.Passed == nil {
		begun := time.Now()
		o.Passed = func() time.Duration { return time.Since(begun) }
	}
	if o.Keep == nil {
		o.Keep = func(_ []byte, kept func()) error { kept(); return nil }
	}
	if o.KeepHistory == nil {
		o.KeepHistory = func([]byte) error { return nil }
	}
	if o.Hurry == nil {
		o.Hurry = func() {}
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
