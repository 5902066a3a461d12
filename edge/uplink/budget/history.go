package budget

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

const (
	// keptDays is how many days of the past a forecast knows, the current one included.
	keptDays = 8
	// outlier is how many times the median a day may count: a day on which an old backlog went out as live data says little of the next.
	outlier = 3
	// scarce is how long something must have been measured before it says anything.
	scarce = time.Hour
)

// Usage is what was used on a day.
type Usage struct {
	Day   Date  `json:"d"`
	Bytes Tally `json:"b"`
}

// history is what forecasts are made from. It is lost without harm.
type history struct {
	Days []Usage `json:"days"` // the oldest first
	// Month is the billing month so far, by its first day.
	Month Usage `json:"month,omitzero"`

	hours [24]int64     // regular bytes of the hours that have passed in this run, a ring
	hour  int           // that is counted now
	begun time.Duration // since when there are hours
}

var errHistory = errors.New("the days of the history are out of order, or less than nothing was used")

func decodeHistory(text []byte) (history, error) {
	var h history
	if err := json.Unmarshal(text, &h); err != nil {
		return history{}, err
	}
	if slices.Min(h.Month.Bytes[:]) < 0 {
		return history{}, errHistory
	}
	last := Date{}
	for _, u := range h.Days {
		if slices.Min(u.Bytes[:]) < 0 || !last.Before(u.Day) {
			return history{}, errHistory
		}
		last = u.Day
	}
	h.Days = h.Days[max(0, len(h.Days)-keptDays):]
	return h, nil
}

// add counts bytes of a day; of the last one, if the date is not known. Days that come after it are those of a wrong date.
func (h *history) add(day Date, c Class, n int64, passed time.Duration) {
	h.look(passed)
	if c != Backfill {
		h.hours[h.hour%24] += n
	}
	for !day.IsZero() && len(h.Days) > 0 && day.Before(h.Days[len(h.Days)-1].Day) { // that was never
		h.Days = h.Days[:len(h.Days)-1]
	}
	if len(h.Days) == 0 || h.Days[len(h.Days)-1].Day.Before(day) {
		if day.IsZero() {
			return
		}
		h.Days = append(h.Days, Usage{Day: day})
		h.Days = h.Days[max(0, len(h.Days)-keptDays):]
	}
	h.Days[len(h.Days)-1].Bytes.add(c, n)
}

// inMonth counts bytes of a billing month.
func (h *history) inMonth(first Date, c Class, n int64) {
	if h.Month.Day != first {
		h.Month = Usage{Day: first}
	}
	h.Month.Bytes.add(c, n)
}

// of gives the bytes of a period by class, as far as they are known.
func (h *history) of(p Period, first Date) Tally {
	if p == Month && h.Month.Day == first {
		return h.Month.Bytes
	}
	if last := len(h.Days) - 1; p == Day && last >= 0 && h.Days[last].Day == first {
		return h.Days[last].Bytes
	}
	return Tally{}
}

// look goes on to the hour that it is.
func (h *history) look(passed time.Duration) {
	now := int((passed - h.begun) / time.Hour)
	for range min(now-h.hour, 24) {
		h.hour++
		h.hours[h.hour%24] = 0
	}
	h.hour = max(h.hour, now)
}

// perDay is the mean of regular bytes of the last complete days. A day of which nothing is known had none: the station was off.
func (h *history) perDay(today Date) (bytes float64, ok bool) {
	if len(h.Days) == 0 || today.IsZero() {
		return 0, false
	}
	var days []float64
	begun := h.Days[0].Day // likely began in the middle of it
	for d := today.add(-1); begun.Before(d) && len(days) < keptDays-1; d = d.add(-1) {
		n := 0.0
		if i := slices.IndexFunc(h.Days, func(u Usage) bool { return u.Day == d }); i >= 0 {
			n = float64(h.Days[i].Bytes.Regular())
		}
		days = append(days, n)
	}
	if len(days) == 0 {
		return 0, false
	}
	sum := 0.0
	slices.Sort(days)
	most := days[len(days)-1]
	if median := days[len(days)/2]; len(days) >= 3 && median > 0 {
		most = outlier * median
	}
	for _, n := range days {
		sum += min(n, most)
	}
	return sum / float64(len(days)), true
}

// lastDay is how many regular bytes a day has at the rate of the last 24 hours, as far as they were measured; for the rest the mean of the
// days before stands in.
func (h *history) lastDay(today Date, passed time.Duration) (bytes float64, ok bool) {
	h.look(passed)
	measured := passed - h.begun
	if measured >= 24*time.Hour { // the hours before the current one, and of that what is over
		measured = 23*time.Hour + (passed-h.begun)%time.Hour
	}
	sum := 0.0
	for _, n := range h.hours {
		sum += float64(n)
	}
	const day = float64(24 * time.Hour)
	if mean, known := h.perDay(today); known {
		return sum + mean*(1-float64(measured)/day), true
	}
	if measured < scarce {
		return 0, false
	}
	return sum * day / float64(measured), true
}
