package budget

import (
	"log/slog"
	"math"
	"time"
)

// entry is one period and what was used in it.
type entry struct {
	First Date
	Used  int64
}

// book keeps one allowance.
type book struct {
	Allowance
	page
	reserve  float64
	expected float64 // bytes that regular traffic is expected to use until the end of the period, when it was looked at last

	current entry
	before  entry // the period that came before it
	ahead   entry // a later one that was left for current, when a date had been wrong
	back    bool  // the date has been before current since backAt
	backAt  time.Duration
}

// open is what may be used without the reserve, in bytes.
func (b *book) open() int64 { return b.Bytes - int64(math.Ceil(float64(b.Bytes)*b.reserve)) }

// turn begins another period if the date says so. undated is how many bytes may have been used in it already.
func (b *book) turn(date time.Time, passed time.Duration, undated int64, log *slog.Logger) {
	label := b.label(date)
	if label == b.current.First {
		b.back = false
		return
	}
	switch {
	case b.current.First.IsZero():
		b.current.First = label
	case !b.valid(b.current.First):
		log.Info("the billing period of a link begins on another day now: what was used of the old one counts in it",
			"period", b.Period, "began", b.current.First, "begins", label, "used", b.current.Used)
		b.current, b.before, b.ahead, b.back = entry{label, b.current.Used}, entry{}, entry{}, false
	case b.current.First.Before(label):
		b.forward(label, min(undated, b.current.Used))
		log.Info("a period of a link's budget begins", "period", b.Period, "began", label, "used_before", b.before.Used)
	case !b.back:
		b.back, b.backAt = true, passed
	case passed-b.backAt >= settle:
		b.backward(label)
		log.Warn("the date was wrong: a period of a link's budget goes on that had been left, and what was used meanwhile counts in it",
			"period", b.Period, "began", label, "was", b.ahead.First, "used", b.current.Used)
	}
}

func (b *book) forward(label Date, used int64) {
	b.back = false
	b.before = b.current
	b.current = entry{label, used}
	if b.ahead.First == label {
		b.current.Used = plus(b.current.Used, b.ahead.Used)
	}
	if !label.Before(b.ahead.First) {
		b.ahead = entry{}
	}
}

// backward goes back to a period before the current one. Nothing is given back: what was used in the period that is left counts in
// both. If it is not known what had been used in the one that goes on, all but the reserve is taken to be.
func (b *book) backward(label Date) {
	b.back = false
	left, used := b.current, b.current.Used
	switch {
	case b.before.First == label:
		used = plus(used, b.before.Used)
		b.before = entry{}
	case b.before.First.IsZero(), label.Before(b.before.First):
		used = max(plus(used, b.before.Used), b.open())
		b.before = entry{}
	}
	b.ahead = left
	b.current = entry{label, used}
}

// plus adds bytes; they do not wrap.
func plus(a, b int64) int64 {
	if sum := a + b; sum >= a && sum >= b {
		return sum
	}
	return math.MaxInt64
}
