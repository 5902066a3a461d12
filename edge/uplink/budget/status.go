package budget

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Status is what an account knows.
type Status struct {
	Link      string
	Rung      Rung
	Why       string    // the rung is this; "" as long as it has not changed
	Since     time.Time // likewise
	Forecasts []Forecast
	Currency  string

	Bytes     Tally   // of this run, by class
	Days      []Usage // by class, the last days, the oldest first
	Backlog   int64   // bytes that the old backlog is expected to cost
	Held      Tally   // messages that wait because of the budget, counted once each, in this run
	Dropped   Tally   // messages not sent because of the budget
	Over      int64   // bytes by which an allowance is exceeded
	Date      time.Time
	DateKnown bool
	Charged   int64 // bytes on the disk ahead of what is used; below 0: a power cut now would lose as many
	Failing   bool  // what is used cannot be written
}

// Status gives a copy.
func (a *Account) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.date()
	s := Status{
		Link: a.options.Link, Rung: a.ladder.rung, Why: a.why, Since: a.turned, Currency: a.options.Price.Currency,
		Bytes: a.tally, Backlog: a.backlog, Held: a.held, Dropped: a.dropped, Over: a.overdrawn(),
		Charged: a.charge.covered(a.spent), Failing: a.charge.failing(),
	}
	s.Date, _ = a.dating.read(time.Time{}, false, a.options.Passed())
	s.DateKnown = !s.Date.IsZero()
	for _, b := range a.books {
		s.Forecasts = append(s.Forecasts, a.forecast(b))
	}
	s.Days = slices.Clone(a.history.Days)
	return s
}

func (c *charge) failing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// String is one line for each allowance, and what is held back.
func (s Status) String() string {
	var lines []string
	for _, f := range s.Forecasts {
		lines = append(lines, f.line(s.Currency))
	}
	if len(lines) == 0 {
		lines = append(lines, "no budget")
	}
	rung := s.Rung.String()
	if s.Why != "" {
		rung += " (" + s.Why + ")"
	}
	lines = append(lines, rung)
	if s.Over > 0 {
		lines = append(lines, "over by "+size(s.Over))
	}
	if n := s.Held.Sum() + s.Dropped.Sum(); n > 0 {
		lines = append(lines, fmt.Sprintf("held %d, dropped %d", s.Held.Sum(), s.Dropped.Sum()))
	}
	if !s.DateKnown {
		lines = append(lines, "the date is not known: the period goes on")
	}
	if s.Failing {
		lines = append(lines, "cannot be written")
	}
	return strings.Join(lines, "; ")
}

func (f Forecast) line(currency string) string {
	text := fmt.Sprintf("%s of %s per %s (%.0f %%)", size(f.Used), size(f.Bytes), f.Period, 100*float64(f.Used)/float64(f.Bytes))
	if f.Known {
		text += fmt.Sprintf(", %s expected", size(f.Projected))
	}
	if !f.Exhausted.IsZero() {
		text += ", used up at " + f.Exhausted.In(f.End.Location()).Format("2006-01-02 15:04")
	}
	if currency != "" {
		text += fmt.Sprintf(", %.2f %s", f.ProjectedCost, currency)
	}
	return text
}

// size is a number of bytes as bills have it: MB is 10^6.
func size(bytes int64) string {
	n := math.Abs(float64(bytes))
	switch {
	case n >= 1000*MB:
		return fmt.Sprintf("%.2f GB", float64(bytes)/1000/MB)
	case n >= MB:
		return fmt.Sprintf("%.2f MB", float64(bytes)/MB)
	case n >= KB:
		return fmt.Sprintf("%.1f kB", float64(bytes)/KB)
	}
	return fmt.Sprintf("%d B", bytes)
}
