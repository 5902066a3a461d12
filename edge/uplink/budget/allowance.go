package budget

import (
	"fmt"
	"time"
)

// Units of bytes, as they are written in configurations and on bills.
const (
	KB  = 1_000
	MB  = 1_000_000
	KiB = 1 << 10
	MiB = 1 << 20
)

// Period is how long an allowance lasts.
type Period uint8

// The periods.
const (
	Day Period = iota
	Month
)

func (p Period) String() string {
	if p == Month {
		return "month"
	}
	return "day"
}

// Allowance is how many bytes may be used in a period. The zero Allowance allows anything.
type Allowance struct {
	Bytes  int64
	Period Period
}

// String is the allowance with the largest unit that divides it, in which providers sell: 50MB/month.
func (a Allowance) String() string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GB", 1000 * MB}, {"MB", MB}, {"kB", KB}} {
		if a.Bytes%u.bytes == 0 {
			return fmt.Sprintf("%d%s/%s", a.Bytes/u.bytes, u.name, a.Period)
		}
	}
	return fmt.Sprintf("%dB/%s", a.Bytes, a.Period)
}

// Price is what a number of bytes costs. The zero Price costs nothing.
type Price struct {
	Amount   float64
	Currency string // "EUR"
	Per      int64  // bytes
}

// Cost of bytes, in the currency of the price.
func (p Price) Cost(bytes int64) float64 {
	if p.Per <= 0 {
		return 0
	}
	return p.Amount * float64(bytes) / float64(p.Per)
}

// Date is a day of the calendar, without a time zone. It is written 2026-11-30.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// IsZero tells whether the date is not known.
func (d Date) IsZero() bool { return d == Date{} }

// Before tells whether d is earlier than e.
func (d Date) Before(e Date) bool {
	if d.Year != e.Year {
		return d.Year < e.Year
	}
	if d.Month != e.Month {
		return d.Month < e.Month
	}
	return d.Day < e.Day
}

func (d Date) add(days int) Date {
	return dateOf(time.Date(d.Year, d.Month, d.Day+days, 12, 0, 0, 0, time.UTC))
}

// MarshalText writes the date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a date that exists, of the years 1970 to 9999.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("date %.20q: want the form 2026-11-30", text)
	}
	if t.Year() < 1970 {
		return fmt.Errorf("date %q is before 1970", text)
	}
	*d = dateOf(t)
	return nil
}
