package budget

import "time"

// calendar says where periods begin. They begin at local midnight; where a clock is put forward at midnight, at the first moment of the
// day, and where it is put back there, at the first of two midnights. So each moment belongs to one period, and a later moment never to an earlier one.
type calendar struct {
	period Period
	reset  int // day of the month, 1 to 31; in a month that has no such day, its last
	zone   *time.Location
}

// label is the first day of the period that a moment belongs to.
func (c calendar) label(t time.Time) Date {
	// The local date is a good guess: putting a clock forward or back moves midnight by hours at most.
	first := c.labelOf(dateOf(t.In(c.zone)))
	if t.Before(c.begin(first)) {
		return c.labelOf(first.add(-1))
	}
	if next := c.next(first); !t.Before(c.begin(next)) {
		return next
	}
	return first
}

// labelOf is the first day of the period that a day belongs to.
func (c calendar) labelOf(d Date) Date {
	if c.period == Day {
		return d
	}
	first := c.inMonth(d.Year, d.Month)
	if d.Before(first) {
		return c.inMonth(d.Year, d.Month-1)
	}
	return first
}

// next is the first day of the period that follows.
func (c calendar) next(first Date) Date {
	if c.period == Day {
		return first.add(1)
	}
	return c.inMonth(first.Year, first.Month+1)
}

// inMonth is the day of reset of a month, which may be the 0th or the 13th of a year.
func (c calendar) inMonth(year int, month time.Month) Date {
	last := time.Date(year, month+1, 0, 12, 0, 0, 0, time.UTC)
	return Date{last.Year(), last.Month(), min(max(c.reset, 1), last.Day())}
}

// begin is the first moment of a day.
func (c calendar) begin(d Date) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, c.zone)
	if got := dateOf(t); got.Before(d) { // there is no midnight, and this is the evening before: the day begins where the offset changes
		_, end := t.ZoneBounds()
		return end
	} else if h, m, s := t.Clock(); got != d || h != 0 || m != 0 || s != 0 { // likewise, taken from the other side
		start, _ := t.ZoneBounds()
		return start
	}
	// Of two midnights, Go may give either.
	if start, _ := t.ZoneBounds(); !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		_, after := t.Zone()
		if back := time.Duration(before-after) * time.Second; back > 0 {
			if first := t.Add(-back); first.Before(start) && dateOf(first.In(c.zone)) == d {
				return first
			}
		}
	}
	return t
}

// valid tells whether a period begins on a day.
func (c calendar) valid(first Date) bool { return c.labelOf(first) == first }

// page is a calendar that is open at the period of the last question.
type page struct {
	calendar
	first      Date
	begin, end time.Time
}

// label is that of the calendar.
func (p *page) label(t time.Time) Date {
	if t.Before(p.begin) || !t.Before(p.end) || p.first.IsZero() {
		p.first = p.calendar.label(t)
		p.begin, p.end = p.calendar.begin(p.first), p.calendar.begin(p.next(p.first))
	}
	return p.first
}
