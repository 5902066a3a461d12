package budget_test

import (
	"bytes"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/budget"
)

// run uses bytes per hour as the rung allows, minute by minute, and gives the rungs that were taken.
func run(a *budget.Account, c *clock, d time.Duration, perHour func(budget.Rung) float64) (rungs []budget.Rung) {
	rungs = append(rungs, a.Look())
	for range int(d / time.Minute) {
		c.after(time.Minute)
		a.Spend(budget.Live, int64(math.Round(perHour(a.Look())/60)))
		if r := a.Rung(); r != rungs[len(rungs)-1] {
			rungs = append(rungs, r)
		}
	}
	return rungs
}

func evenly(perHour float64) func(budget.Rung) float64 {
	return func(r budget.Rung) float64 {
		if r == budget.AlarmOnly {
			return 0
		}
		return perHour
	}
}

func TestNormalUseStaysNormal(t *testing.T) {
	c, d := at("2026-11-28 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(24 * 1000 * 10)})
	// 80 % of what may be used without the reserve, all day, for three days.
	if rungs := run(a, c, 72*time.Hour, evenly(7200)); len(rungs) != 1 || rungs[0] != budget.Normal {
		t.Errorf("rungs %v, want normal", rungs)
	}
}

// TestLadder: use that would be twice the allowance is cut down, step by step, until it fits.
func TestLadder(t *testing.T) {
	var log bytes.Buffer
	c, d := at("2026-11-28 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Link: "lte", Allowances: perDay(240_000), Log: slog.New(slog.NewTextHandler(&log, nil))})
	needs := map[budget.Rung]float64{budget.Normal: 12_000, budget.Linger: 10_000, budget.OnDemand: 9_000, budget.Reduced: 3_000, budget.AlarmOnly: 0}
	rungs := run(a, c, 24*time.Hour, func(r budget.Rung) float64 { return needs[r] })
	if slices.Contains(rungs, budget.AlarmOnly) || !slices.Contains(rungs, budget.Reduced) {
		t.Errorf("rungs %v: want reduced, and never alarms only", rungs)
	}
	if n := strings.Count(log.String(), "changes what is sent"); n != len(rungs)-1 {
		t.Errorf("%d changes, %d of them logged:\n%s", len(rungs)-1, n, log.String())
	}
	if len(rungs) > 20 {
		t.Errorf("%d changes in a day", len(rungs))
	}
	if s := a.Status(); s.Why == "" || s.Since.IsZero() {
		t.Errorf("status says nothing of it: %+v", s)
	}
}

// TestLadderWithoutEffect: what cannot be cut down is used until only the reserve is left.
func TestLadderWithoutEffect(t *testing.T) {
	c, d := at("2026-11-28 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(240_000)})
	rungs := run(a, c, 24*time.Hour-time.Minute, evenly(12_000))
	if rungs[len(rungs)-1] != budget.AlarmOnly {
		t.Errorf("rungs %v, want alarms only at the end", rungs)
	}
	if got := used(a); got < 216_000 || got > 216_200 {
		t.Errorf("%d used, want 216,000", got)
	}
	// A new day begins carefully, and not before it: what the last 24 hours have used just fits.
	rungs = run(a, c, 2*time.Minute, evenly(0))
	if !slices.Equal(rungs, []budget.Rung{budget.AlarmOnly, budget.OnDemand}) {
		t.Errorf("rungs %v at midnight", rungs)
	}
	// Quiet hours bring it back, one rung after the other.
	rungs = run(a, c, 20*time.Hour, evenly(0))
	if !slices.Equal(rungs, []budget.Rung{budget.OnDemand, budget.Linger, budget.Normal}) {
		t.Errorf("rungs %v of a quiet day", rungs)
	}
}

// TestLadderNewPeriod: after alarm-only a new period begins on the rung that its forecast asks for, and at least on demand.
func TestLadderNewPeriod(t *testing.T) {
	for name, c := range map[string]struct {
		alarms float64 // bytes in an hour, on any rung
		want   budget.Rung
	}{
		"it fits": {0, budget.OnDemand}, "it does not": {16_000, budget.Reduced},
	} {
		t.Run(name, func(t *testing.T) {
			clock, d := at("2026-11-28 00:00"), &disk{}
			a := open(t, clock, d, budget.Options{Allowances: perDay(240_000)})
			use := func(r budget.Rung) float64 { return evenly(12_000)(r) + c.alarms }
			if rungs := run(a, clock, 24*time.Hour-time.Minute, use); rungs[len(rungs)-1] != budget.AlarmOnly {
				t.Fatalf("rungs %v, want alarms only at the end", rungs)
			}
			if rungs := run(a, clock, 2*time.Minute, use); rungs[len(rungs)-1] != c.want {
				t.Errorf("rungs %v at midnight, want %v", rungs, c.want)
			}
		})
	}
}

// TestLadderDoesNotSwing: a pressure that wavers around the threshold does not change the rung each time.
func TestLadderDoesNotSwing(t *testing.T) {
	c, d := at("2026-11-28 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perDay(240_000)})
	n := 0
	rungs := run(a, c, 48*time.Hour, func(budget.Rung) float64 { // 9,000 fit exactly
		n++
		return 9000 + 2000*math.Sin(float64(n)/17)
	})
	if len(rungs) > 8 {
		t.Errorf("%d changes in two days: %v", len(rungs), rungs)
	}
}

func TestRungsLinger(t *testing.T) {
	last := time.Duration(0)
	for r := budget.Normal; r <= budget.AlarmOnly; r++ {
		if l := r.Linger(10 * time.Second); l < last {
			t.Errorf("%v waits %v, less than the rung before", r, l)
		} else {
			last = l
		}
	}
	if budget.Normal.Linger(time.Second) != time.Second {
		t.Error("normal is not normal")
	}
}

// TestBacklogIsNoRate: draining an old backlog neither raises the rung nor what is expected of the days to come.
func TestBacklogIsNoRate(t *testing.T) {
	c, d := at("2026-11-01 00:00"), &disk{}
	a := open(t, c, d, budget.Options{Allowances: perMonth(30 * budget.MB)})
	run(a, c, 72*time.Hour, evenly(20_000)) // 0.48 MB a day: half of it
	a.Backlog(8 * budget.MB)
	for range 100 {
		if !a.May(budget.Backfill) {
			t.Fatalf("the backlog may not, and there is room: %v", a.Status())
		}
		a.Spend(budget.Backfill, 80_000)
	}
	a.Backlog(0)
	if rungs := run(a, c, 48*time.Hour, evenly(20_000)); len(rungs) != 1 || rungs[0] != budget.Normal {
		t.Errorf("rungs %v, want normal", rungs)
	}
	f := a.Status().Forecasts[0]
	if want := int64(14.4*budget.MB + 8*budget.MB); f.Projected < want*97/100 || f.Projected > want*103/100 || !f.Exhausted.IsZero() {
		t.Errorf("expected %d B at the end, want %d: %+v", f.Projected, want, f)
	}
	// There is less room than another backlog of that size needs.
	n := 0
	for a.May(budget.Backfill) {
		n++
		a.Spend(budget.Backfill, 80_000)
	}
	if used := used(a); n == 0 || used+25*480_000 > 27*budget.MB+200_000 || !a.May(budget.Live) {
		t.Errorf("after %d more %d B are used: what live data need is gone", n, used)
	}
}
