package budget

import (
	"testing"
	"time"
	_ "time/tzdata" // the same on each machine
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestPeriods(t *testing.T) {
	for _, test := range []struct {
		zone       string
		period     Period
		reset      int
		now        string // local
		begin, end string // UTC
	}{
		{"UTC", Month, 1, "2026-11-30 23:59:59", "2026-11-01 00:00", "2026-12-01 00:00"},
		{"UTC", Month, 0, "2026-11-30 12:00:00", "2026-11-01 00:00", "2026-12-01 00:00"},
		{"UTC", Month, 15, "2026-01-14 23:59:59", "2025-12-15 00:00", "2026-01-15 00:00"},
		{"UTC", Month, 31, "2026-02-27 12:00:00", "2026-01-31 00:00", "2026-02-28 00:00"},
		{"UTC", Month, 31, "2026-02-28 00:00:00", "2026-02-28 00:00", "2026-03-31 00:00"},
		{"UTC", Month, 31, "2028-02-28 12:00:00", "2028-01-31 00:00", "2028-02-29 00:00"},
		{"UTC", Month, 30, "2028-02-29 12:00:00", "2028-02-29 00:00", "2028-03-30 00:00"},
		{"UTC", Month, 31, "2026-04-30 12:00:00", "2026-04-30 00:00", "2026-05-31 00:00"},
		{"UTC", Day, 1, "2028-02-29 12:00:00", "2028-02-29 00:00", "2028-03-01 00:00"},
		{"Europe/Berlin", Day, 1, "2026-03-29 12:00:00", "2026-03-28 23:00", "2026-03-29 22:00"}, // 23 hours
		{"Europe/Berlin", Day, 1, "2026-10-25 12:00:00", "2026-10-24 22:00", "2026-10-25 23:00"}, // 25
		{"Europe/Berlin", Month, 1, "2026-03-31 23:30:00", "2026-02-28 23:00", "2026-03-31 22:00"},
		{"Asia/Kathmandu", Month, 1, "2026-03-01 00:10:00", "2026-02-28 18:15", "2026-03-31 18:15"},
		{"America/Santiago", Day, 1, "2026-09-06 12:00:00", "2026-09-06 04:00", "2026-09-07 03:00"}, // no midnight
		{"America/Santiago", Day, 1, "2026-04-04 23:30:00", "2026-04-04 03:00", "2026-04-05 04:00"}, // 23:00 twice
		{"America/Havana", Day, 1, "2026-11-01 12:00:00", "2026-11-01 04:00", "2026-11-02 05:00"},   // midnight twice
	} {
		c := calendar{test.period, test.reset, zone(t, test.zone)}
		now, err := time.ParseInLocation(time.DateTime, test.now, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		first := c.label(now)
		begin, end := c.begin(first).UTC().Format("2006-01-02 15:04"), c.begin(c.next(first)).UTC().Format("2006-01-02 15:04")
		if begin != test.begin || end != test.end {
			t.Errorf("%s in %s, %v from day %d: %s to %s, want %s to %s", test.now, test.zone, test.period, test.reset, begin, end, test.begin, test.end)
		}
	}
}

// TestPeriodsFollowEachOther: each moment belongs to one period, and a later one never to an earlier period, whatever clocks do.
func TestPeriodsFollowEachOther(t *testing.T) {
	zones := []string{
		"UTC", "Europe/Berlin", "America/Santiago", "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Sao_Paulo", "Australia/Lord_Howe",
		"Asia/Tehran", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns", "Asia/Gaza", "Atlantic/Azores", "Asia/Amman", "America/Scoresbysund",
	}
	for _, name := range zones {
		for _, c := range []calendar{{Day, 1, zone(t, name)}, {Month, 31, zone(t, name)}} {
			last := Date{}
			for now := time.Date(2010, 12, 1, 0, 0, 0, 0, time.UTC); now.Year() < 2012; now = now.Add(53 * time.Minute) {
				first := c.label(now)
				if now.Before(c.begin(first)) || !now.Before(c.begin(c.next(first))) && name != "Pacific/Apia" {
					t.Fatalf("%s, %v from %d: %v lies outside its period from %v", name, c.period, c.reset, now, first)
				}
				if first.Before(last) || !c.valid(first) {
					t.Fatalf("%s, %v from %d: %v belongs to %v, after %v", name, c.period, c.reset, now, first, last)
				}
				last = first
			}
		}
	}
}
