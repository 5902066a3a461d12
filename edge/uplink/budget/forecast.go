package budget

import (
	"math"
	"time"
)

// Forecast is how an allowance is used, and how far it will reach.
type Forecast struct {
	Allowance
	Begin, End time.Time // of the period; zero while the date is not known
	Used       int64     // bytes, those included that are charged after a power cut and may not have been used
	ByClass    Tally     // Used by class, as far as it is known
	Unknown    int64     // bytes of Used whose class is not: charged ahead of a power cut, or forgotten in one
	Open       int64     // bytes of the allowance that need no reserve
	Before     int64     // bytes used in the period before, if that is known

	Known     bool    // whether there is a rate
	PerDay    float64 // regular bytes per day: all but the backlog
	Projected int64   // bytes at the end of the period, the backlog included as far as it fits
	Pressure  float64 // what regular traffic is expected to use until then, as a share of what is left without the reserve
	// Exhausted is when Open is used up at this rate; zero if not in this period. If it is used up it is now.
	Exhausted time.Time

	Cost, ProjectedCost float64 // at Price
}

// end of the period; zero while it is not known.
func (b *book) end() time.Time {
	if b.current.First.IsZero() {
		return time.Time{}
	}
	return b.calendar.begin(b.next(b.current.First))
}

// pressure is the highest of the allowances, and which that is. There must be one.
func (a *Account) pressure() (pressure float64, tightest *book) {
	for _, b := range a.books {
		if p := b.pressure(); tightest == nil || p > pressure {
			pressure, tightest = p, b
		}
	}
	return pressure, tightest
}

func (b *book) pressure() float64 {
	left := b.open() - b.current.Used
	if left <= 0 {
		return math.Inf(1)
	}
	return b.expected / float64(left)
}

// daysLeft is how long the period lasts, in days of 24 hours. Nothing is expected of a period whose end is not known.
func (b *book) daysLeft(date time.Time) float64 {
	if date.IsZero() {
		return 0
	}
	return max(b.end().Sub(date).Hours()/24, 0)
}

// perDay is the rate that counts for a period: of the last 24 hours for a day, of the last days for a month.
func (a *Account) perDay(p Period) (bytes float64, ok bool) {
	if p == Month {
		if bytes, ok = a.history.perDay(a.today); ok {
			return bytes, true
		}
	}
	return a.history.lastDay(a.today, a.options.Passed())
}

func (a *Account) forecast(b *book) Forecast {
	date, _ := a.dating.read(time.Time{}, false, a.options.Passed())
	f := Forecast{Allowance: b.Allowance, Used: b.current.Used, Open: b.open(), Before: b.before.Used, End: b.end()}
	f.ByClass = a.history.of(b.Period, b.current.First)
	f.Unknown = max(f.Used-f.ByClass.Sum(), 0)
	if !b.current.First.IsZero() {
		f.Begin = b.calendar.begin(b.current.First)
	}
	f.PerDay, f.Known = a.perDay(b.Period)
	f.Pressure = b.pressure()
	regular := f.PerDay * b.daysLeft(date)
	f.Projected = plus(f.Used, bounded(regular))
	if room := f.Open - f.Projected; room > 0 { // the backlog may have what is left
		f.Projected += min(a.backlog, room)
	}
	left := f.Open - f.Used
	switch {
	case left <= 0:
		f.Exhausted = date
	case regular >= float64(left):
		f.Exhausted = date.Add(time.Duration(float64(left) / f.PerDay * float64(24*time.Hour)))
	}
	f.Cost, f.ProjectedCost = a.options.Price.Cost(f.Used), a.options.Price.Cost(f.Projected)
	return f
}

// bounded makes bytes of a rate.
func bounded(bytes float64) int64 {
	if bytes >= math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return int64(math.Round(bytes))
}

// Drain is how long a backlog takes to be empty, when it leaves and grows at these rates, in bytes per second. ok is false if it never is.
func Drain(backlog int64, out, in float64) (d time.Duration, ok bool) {
	if backlog <= 0 {
		return 0, true
	}
	seconds := float64(backlog) / (out - in)
	if !(out > in) || seconds > math.MaxInt64/float64(time.Second)/2 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// Offline is how long a store with this room, in bytes, takes what comes in at this rate, in bytes per second, while nothing leaves. ok is
// false if nothing comes in.
func Offline(room int64, in float64) (d time.Duration, ok bool) {
	if !(in > 0) {
		return 0, false
	}
	seconds := max(float64(room), 0) / in
	return time.Duration(min(seconds, math.MaxInt64/float64(time.Second)/2) * float64(time.Second)), true
}
