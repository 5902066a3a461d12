package budget_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"skerry/edge/uplink/budget"
)

// spendFor uses bytes and lets time pass.
func spendFor(a *budget.Account, c *clock, hours int, bytesPerHour int64) {
	for range hours {
		c.after(time.Hour)
		a.Spend(budget.Live, bytesPerHour)
	}
}

func expect(t *testing.T, a *budget.Account, period string, want int64) {
	t.Helper()
	a.Look()
	f := a.Status().Forecasts[0]
	begin := "unknown"
	if !f.Begin.IsZero() {
		begin = f.Begin.Format(time.DateOnly)
	}
	if begin != period || f.Used != want {
		t.Fatalf("%d B in the period from %s, want %d in that from %s", f.Used, begin, want, period)
	}
}

func TestPeriodsBegin(t *testing.T) {
	c, d := at("2026-11-30 10:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB)})
	spendFor(a, c, 13, 100)
	expect(t, a, "2026-11-30", 1300)
	spendFor(a, c, 1, 100)
	expect(t, a, "2026-12-01", 100)
	c.after(72 * time.Hour)
	expect(t, a, "2026-12-04", 0)
	if before := a.Status().Forecasts[0].Before; before != 100 {
		t.Errorf("%d B used in the period before, want 100", before)
	}
}

func TestPeriodGoesOnWithoutDate(t *testing.T) {
	c, d := at("2026-11-30 10:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB)})
	spendFor(a, c, 2, 100)
	a.Close()
	// Three days without power, and a board that begins in 1970.
	c = at("1970-01-01 00:00")
	c.trusted = false
	a = open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB)})
	spendFor(a, c, 40, 100)
	expect(t, a, "2026-11-30", 4200)
	if a.Status().DateKnown {
		t.Error("a date is known")
	}
	// The date comes: when the 4000 were used is not known, so they count here too.
	c.set("2026-12-05 01:00").trusted = true
	expect(t, a, "2026-12-05", 4000)
	// And is lost again, which is no harm: time has passed.
	c.trusted = false
	c.set("2001-01-01 00:00")
	spendFor(a, c, 22, 100)
	expect(t, a, "2026-12-05", 4000+2200)
	c.after(time.Hour)
	expect(t, a, "2026-12-05", 4000+2200) // the crystal may be fast
	c.after(10 * time.Second)             // but not that wrong
	expect(t, a, "2026-12-06", 0)
}

func TestFirstStartWithoutDate(t *testing.T) {
	c, d := at("1970-01-01 00:00"), &disk{}
	c.trusted = false
	a := open(t, c, d, budget.Options{Allowances: perDay(1000)})
	spendFor(a, c, 5, 100)
	expect(t, a, "unknown", 500)
	spendFor(a, c, 5, 100)
	if a.May(budget.Live) {
		t.Error("more than the allowance, without a date")
	}
	c.set("2026-11-30 12:00").trusted = true
	expect(t, a, "2026-11-30", 1000)
}

// TestPowerCutAtTheEndOfAPeriod: what was charged ahead may have been used after midnight.
func TestPowerCutAtTheEndOfAPeriod(t *testing.T) {
	c, d := at("2026-11-30 23:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB), Chunk: 10_000})
	a.Spend(budget.Live, 1000) // 10,000 ahead of it
	c.after(2 * time.Hour)
	a.Spend(budget.Live, 500) // on the next day, nothing is written
	a = open(t, c.after(time.Hour), d, budget.Options{Allowances: perDay(10 * budget.MB), Chunk: 10_000})
	if got := used(a); got < 500 || got > 10_000 {
		t.Errorf("%d B on the new day, want 500 to 10,000", got)
	}
	expect(t, a, "2026-12-01", 10_000)
}

func TestClockGoesBack(t *testing.T) {
	c, d := at("2026-11-30 22:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB)})
	spendFor(a, c, 2, 100)
	expect(t, a, "2026-12-01", 100)
	c.set("2026-11-30 23:59") // corrected by a minute
	expect(t, a, "2026-12-01", 100)
	spendFor(a, c, 1, 100)
	expect(t, a, "2026-12-01", 200)

	// By days, and it stays there: the day goes on that was left, with all that has been used since.
	c.set("2026-11-30 05:00")
	spendFor(a, c, 1, 100)
	expect(t, a, "2026-12-01", 300)
	spendFor(a, c, 1, 100)
	c.after(2 * time.Hour)
	a.Look()
	c.after(2 * time.Hour)
	expect(t, a, "2026-11-30", 100+400)
	// And when the day comes again it has not been forgotten what was used of it.
	c.after(15 * time.Hour)
	expect(t, a, "2026-12-01", 400)
	c.after(24 * time.Hour)
	expect(t, a, "2026-12-02", 0)
}

func TestClockLeapsAhead(t *testing.T) {
	c, d := at("2026-11-10 12:00"), &disk{}
	o := budget.Options{Allowances: perMonth(10 * budget.MB)}
	a := open(t, c, d, o)
	spendFor(a, c, 10, 1000)
	c.set("2030-05-01 00:00")
	spendFor(a, c, 1, 1000) // not believed yet
	expect(t, a, "2026-11-01", 11_000)
	c.set("2026-11-10 23:00") // and rightly
	c.after(2 * time.Hour)
	expect(t, a, "2026-11-01", 11_000)

	c.set("2030-05-01 00:00")
	spendFor(a, c, 5, 1000) // believed: of some bytes it is not known when they were used
	a.Look()
	if f := a.Status().Forecasts[0]; f.Begin.Year() != 2030 || f.Used < 1000 {
		t.Fatalf("%v, %d used", f.Begin, f.Used)
	}
	in2030 := used(a)
	a.Close()
	c = at("2026-11-12 00:00") // after a start: right again
	a = open(t, c, d, o)
	spendFor(a, c, 3, 1000)
	a.Look()
	f := a.Status().Forecasts[0]
	if f.Begin.Format(time.DateOnly) != "2026-11-01" || f.Used < 11_000+5000+3000-1000 {
		t.Fatalf("from %v %d B used: what was used in 2030 does not count", f.Begin, f.Used)
	}
	// The year 2030 is given once.
	c.set("2030-05-02 00:00")
	c.after(time.Minute)
	a.Look()
	c.after(2 * time.Hour)
	a.Look()
	if f := a.Status().Forecasts[0]; f.Begin.Year() != 2030 || f.Used < in2030 {
		t.Fatalf("from %v %d B used, want at least the %d B of the first time", f.Begin, f.Used, in2030)
	}
}

// TestUnknownEarlierPeriod: of a period of which nothing is known all may have been used, but for the reserve.
func TestUnknownEarlierPeriod(t *testing.T) {
	c, d := at("2026-11-10 12:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perMonth(10 * budget.MB)})
	a.Spend(budget.Live, 1000)
	a.Close()
	c = at("2026-10-31 12:00")
	a = open(t, c, d, budget.Options{Allowances: perMonth(10 * budget.MB)})
	c.after(2 * time.Hour)
	expect(t, a, "2026-10-01", 9*budget.MB)
	if a.May(budget.Live) || !a.May(budget.Alarm) {
		t.Error("want alarms only")
	}
	a.Correct(budget.Month, 3*budget.MB)
	if !a.May(budget.Live) || used(a) != 3*budget.MB {
		t.Error("the operator's figure does not count")
	}
}

func TestBillingDayChanges(t *testing.T) {
	c, d := at("2026-11-20 12:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perMonth(10 * budget.MB)})
	a.Spend(budget.Live, 5000)
	a.Close()
	a = open(t, c, d, budget.Options{Allowances: perMonth(10 * budget.MB), ResetDay: 15})
	expect(t, a, "2026-11-15", 5000)
	c.after(25 * 24 * time.Hour)
	expect(t, a, "2026-12-15", 0)
}

// TestNoClockGivesBytesBack: a clock that changes between two periods, is lost, is reset by restarts and cuts, does not give more than
// the two allowances, and what is charged too much in the worst case.
func TestNoClockGivesBytesBack(t *testing.T) {
	const allowance = 100_000
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		o := budget.Options{Allowances: perMonth(allowance), Reserve: -1, Chunk: 1000}
		dates := []string{"2026-11-05 00:00", "2026-12-05 00:00"}
		c, d := at(dates[0]), &disk{}
		a := open(t, c, d, o)
		sent := int64(0)
		for range 300 {
			switch r.IntN(8) {
			case 0:
				c.set(dates[r.IntN(2)])
			case 1:
				c.trusted = r.IntN(3) > 0
			case 2:
				if r.IntN(2) == 0 {
					a.Close()
				}
				a = open(t, c, d, o)
			case 3:
				c.set(dates[r.IntN(2)])
				c.trusted = true
				for range 4 { // believed in the end
					c.after(time.Hour)
					a.Look()
				}
			default:
				c.after(time.Duration(r.IntN(40)) * time.Minute)
				for range r.IntN(20) {
					if n := r.Int64N(2000); a.May(budget.Live) {
						a.Cover(n)
						a.Spend(budget.Live, n)
						sent += n
					}
				}
			}
		}
		if sent > 2*allowance+2*2000 {
			t.Fatalf("seed %d: %d B sent in two periods of %d B", seed, sent, allowance)
		}
		if sent < allowance/2 {
			t.Fatalf("seed %d: only %d B sent in two periods of %d B", seed, sent, allowance)
		}
	}
}
