package budget_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/budget"
)

func near(got, want, part float64) bool { return math.Abs(got-want) <= part*math.Abs(want) }

func TestForecast(t *testing.T) {
	c, d := at("2026-11-01 00:00"), &disk{}
	o := budget.Options{Allowances: perMonth(20 * budget.MB), Price: budget.Price{Amount: 0.10, Currency: "EUR", Per: budget.MB}, Reserve: -1}
	a := open(t, c, d, o)
	if f := a.Status().Forecasts[0]; f.Known || f.Projected != 0 || !f.Exhausted.IsZero() {
		t.Errorf("before anything was measured: %+v", f)
	}
	run(a, c, 5*24*time.Hour, evenly(40_000)) // 0.96 MB a day
	check := func(when string) {
		t.Helper()
		f := a.Status().Forecasts[0]
		if !f.Known || !near(f.PerDay, 960_000, 0.03) || !near(float64(f.Projected), 28.8*budget.MB, 0.03) {
			t.Errorf("%s: %.0f B per day, %d at the end: %+v", when, f.PerDay, f.Projected, f)
		}
		if want := at("2026-11-21 20:00").date; f.Exhausted.Sub(want).Abs() > 16*time.Hour {
			t.Errorf("%s: used up at %v, want %v", when, f.Exhausted, want)
		}
		if !near(f.Cost, 0.48, 0.03) || !near(f.ProjectedCost, 2.88, 0.03) {
			t.Errorf("%s: costs %.3f and %.3f", when, f.Cost, f.ProjectedCost)
		}
	}
	check("after five days")
	a.Close()
	a = open(t, c, d, o)
	check("after a restart")
	if text := a.Status().String(); !strings.Contains(text, "MB of 20.00 MB per month") || !strings.Contains(text, "EUR") {
		t.Error(text)
	}
	if days := a.Status().Days; len(days) < 5 || !near(float64(days[1].Bytes[budget.Live]), 960_000, 0.03) {
		t.Errorf("days %v", days)
	}
}

// TestForecastMindsOneWildDayLittle: a backlog that went out as live data.
func TestForecastMindsOneWildDayLittle(t *testing.T) {
	c, d := at("2026-11-01 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perMonth(200 * budget.MB)})
	run(a, c, 4*24*time.Hour, evenly(10_000))
	a.Spend(budget.Live, 40*budget.MB)
	run(a, c, 2*24*time.Hour, evenly(10_000))
	if f := a.Status().Forecasts[0]; f.PerDay > 2*240_000 {
		t.Errorf("%.0f B per day expected, of 240,000 on all days but one", f.PerDay)
	}
}

// TestForecastOfFirstHours: a day's allowance has a forecast after an hour.
func TestForecastOfFirstHours(t *testing.T) {
	c, d := at("2026-11-01 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(10 * budget.MB)})
	run(a, c, 2*time.Hour, evenly(10_000))
	if f := a.Status().Forecasts[0]; !f.Known || !near(f.PerDay, 240_000, 0.05) {
		t.Errorf("%+v", f)
	}
}

// TestStationThatSleeps: a station without power at night is expected to use what it uses, not what it would if it were on.
func TestStationThatSleeps(t *testing.T) {
	c, d := at("2026-11-01 08:00"), &disk{}
	o := budget.Options{Allowances: perMonth(20 * budget.MB), Chunk: 1000}
	var a *budget.Account
	for range 8 {
		a = open(t, c, d, o)
		run(a, c, 8*time.Hour, evenly(30_000))
		a.Close()
		c = &clock{date: c.date.Add(16 * time.Hour), trusted: true}
	}
	a = open(t, c, d, o)
	if f := a.Status().Forecasts[0]; !near(f.PerDay, 240_000, 0.05) {
		t.Errorf("%.0f B per day expected, want 240,000", f.PerDay)
	}
}

// TestPeriodByClass: what a period was used for is known after a restart; after a power cut most of it.
func TestPeriodByClass(t *testing.T) {
	c, d := at("2026-11-15 08:00"), &disk{}
	o := budget.Options{Allowances: append(perDay(10*budget.MB), perMonth(100*budget.MB)...), ResetDay: 15, Chunk: 10_000}
	a := open(t, c, d, o)
	for range 38 {
		a.Spend(budget.Alarm, 100)
		a.Spend(budget.Live, 3000)
		a.Spend(budget.Overhead, 200)
		c.after(time.Hour)
	}
	check := func(a *budget.Account, exactly bool) {
		t.Helper()
		day, month := a.Status().Forecasts[0], a.Status().Forecasts[1]
		for _, f := range []budget.Forecast{day, month} {
			if f.ByClass.Sum()+f.Unknown != f.Used || exactly && f.Unknown != 0 || f.Unknown > 60_000 {
				t.Errorf("per %v: %v and %d unknown of %d", f.Period, f.ByClass, f.Unknown, f.Used)
			}
		}
		if exactly && (month.ByClass != budget.Tally{budget.Alarm: 3800, budget.Live: 114_000, budget.Overhead: 7600} || day.ByClass[budget.Live] != 22*3000) {
			t.Errorf("day %v, month %v", day.ByClass, month.ByClass)
		}
	}
	check(a, true)
	check(open(t, c, d, o), false)
	a.Close()
	check(open(t, c, d, o), true)
}

func TestDrainAndOffline(t *testing.T) {
	if d, ok := budget.Drain(100_000, 200, 100); !ok || d != 1000*time.Second {
		t.Errorf("drained in %v, %v", d, ok)
	}
	if d, ok := budget.Drain(0, 0, 100); !ok || d != 0 {
		t.Errorf("nothing is drained in %v, %v", d, ok)
	}
	for _, never := range [][2]float64{{100, 100}, {0, 0}, {1e-300, 0}, {math.NaN(), 0}} {
		if d, ok := budget.Drain(100_000, never[0], never[1]); ok {
			t.Errorf("out %v, in %v: drained in %v", never[0], never[1], d)
		}
	}
	if d, ok := budget.Offline(36_000_000, 1000); !ok || d != 10*time.Hour {
		t.Errorf("offline for %v, %v", d, ok)
	}
	if d, ok := budget.Offline(math.MaxInt64, 1e-9); !ok || d <= 0 {
		t.Errorf("offline for %v, %v", d, ok)
	}
	if _, ok := budget.Offline(1000, 0); ok {
		t.Error("a store is filled by nothing")
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		unit   string
		bytes  int64
		lasted time.Duration
		want   int64
	}{
		{"", 123, 0, 123},
		{"bytes", 123, time.Hour, 123},
		{"aws", 60, 0, 5120},
		{"aws", 5120, 0, 5120},
		{"aws", 5121, 0, 10240},
		{"sbd", 0, 0, 50},
		{"sbd", 50, 0, 50},
		{"sbd", 340, 0, 350},
		{"certus", 300, time.Second, 5000},
		{"certus", 9000, 300 * time.Second, 9000},
		{"certus", 9000, 301 * time.Second, 90_300},
		{"certus", 9000, time.Hour, 1_080_000},
		{"certus", 2_000_000, time.Hour, 2_000_000},
		{"sbd", math.MaxInt64, 0, math.MaxInt64},
	} {
		u, ok := budget.UnitOf(test.unit)
		if got := u.Billed(test.bytes, test.lasted); !ok || got != test.want {
			t.Errorf("%s: %d B in %v are billed as %d, want %d", test.unit, test.bytes, test.lasted, got, test.want)
		}
	}
	if _, ok := budget.UnitOf("barrels"); ok {
		t.Error("a unit that is not known")
	}
}

func TestPrice(t *testing.T) {
	if got := (budget.Price{Amount: 0.10, Per: budget.MB}).Cost(23 * budget.MB); !near(got, 2.30, 1e-9) {
		t.Errorf("23 MB cost %v", got)
	}
	if got := (budget.Price{}).Cost(5); got != 0 {
		t.Errorf("nothing costs %v", got)
	}
}

func TestAttempts(t *testing.T) {
	if got := budget.AttemptBytes(perMonth(300*budget.MB), 3800); got != 200_000 {
		t.Errorf("%d B a day for attempts, want 200,000", got)
	}
	if got := budget.AttemptBytes(perDay(budget.MB), 3800); got != 12*3800 {
		t.Errorf("%d B a day for attempts, want those of twelve", got)
	}
	for perDayBytes, want := range map[int64]int64{200_000: 50_000, 20_000: 11_200, 600_000: 12 * 11_200, 10 * budget.MB: 200_000} {
		if got := budget.AttemptBytes(perDay(perDayBytes), 11_200); got != want {
			t.Errorf("of %d B a day attempts may use %d, want %d", perDayBytes, got, want)
		}
	}
	if got := budget.AttemptBytes(nil, 3800); got != 0 {
		t.Errorf("%d B a day for attempts of a link without a budget", got)
	}
}
