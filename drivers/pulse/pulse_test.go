package pulse_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/pulse"
)

func setup() drivers.Setup {
	o := pulse.Kind.Opts().(*pulse.Opts)
	o.Pin = "GPIO17"
	return drivers.Setup{Opts: o, Values: map[string]any{
		"total": &pulse.TotalOpts{PerPulse: 0.2794},
		"rate":  &pulse.RateOpts{Of: "total", Per: time.Hour, Over: 5 * time.Minute},
	}}
}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    pulse.Kind,
		Setup:   setup,
		Healthy: func() *drivertest.Machine { return &drivertest.Machine{Line: new(drivertest.Line)} },
	}.Run(t)
}

func mustOpen(t *testing.T, line *drivertest.Line) drivers.Sensor {
	t.Helper()
	x, err := pulse.Kind.New(t.Context(), &drivertest.Machine{Line: line}, setup())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// sense gives the numbers by value; NaN for a value that is bad.
func sense(t *testing.T, x drivers.Sensor) map[string]float64 {
	t.Helper()
	got, err := x.Sense(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]float64{}
	for _, r := range got {
		by[r.Value] = r.Number
	}
	return by
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestTotalCountsLostEdges(t *testing.T) {
	tests := []struct {
		name         string
		play         func(l *drivertest.Line)
		pulses, lost float64
	}{
		{"none", func(l *drivertest.Line) {}, 0, 0},
		{"each one", func(l *drivertest.Line) { l.Edge(7) }, 7, 0},
		{"lost in the middle", func(l *drivertest.Line) { l.Edge(2); l.Lose(3); l.Edge(2) }, 7, 3},
		{"the first ones lost", func(l *drivertest.Line) { l.Lose(5); l.Edge(1) }, 6, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				line := new(drivertest.Line)
				x := mustOpen(t, line)
				test.play(line)
				got := sense(t, x)
				if !near(got["total"], test.pulses*0.2794) || got["lost"] != test.lost {
					t.Errorf("total %v, lost %v; want %v pulses of 0.2794 and %v lost", got["total"], got["lost"], test.pulses, test.lost)
				}
			})
		})
	}
}

// After 2^32 edges the kernel's number goes over; no pulse is lost or invented there.
func TestNumbersWrapAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		line.Lose(math.MaxUint32 / 2)
		line.Edge(1)
		line.Lose(math.MaxUint32/2 - 5)
		line.Edge(20)
		got := sense(t, x)
		if want := float64(math.MaxUint32/2 + 1 + math.MaxUint32/2 - 5 + 20); !near(got["total"], want*0.2794) {
			t.Errorf("total %v, want %v", got["total"]/0.2794, want)
		}
	})
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		for range 29 { // one pulse every 10 s
			time.Sleep(10 * time.Second)
			line.Edge(1)
			if got := sense(t, x)["rate"]; !math.IsNaN(got) {
				t.Fatalf("a rate of %v before the window was watched once", got)
			}
		}
		for range 100 {
			time.Sleep(10 * time.Second)
			line.Edge(1)
			if got, want := sense(t, x)["rate"], 360*0.2794; math.Abs(got-want) > 1.5*12*0.2794 {
				t.Fatalf("rate %v, want %v within a pulse in the window", got, want)
			}
		}
		time.Sleep(5*time.Minute + time.Second)
		if got := sense(t, x)["rate"]; got != 0 {
			t.Errorf("rate %v five minutes after the last pulse, want 0", got)
		}
	})
}

func TestRateOfManyPulsesNeedsLittleMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		var rate float64
		for range 700 { // 100 pulses a second
			time.Sleep(time.Second)
			line.Edge(100)
			rate = sense(t, x)["rate"]
		}
		if want := 360000 * 0.2794; math.Abs(rate-want) > want*0.02 {
			t.Errorf("rate %v, want %v", rate, want)
		}
		if n := pulse.Marks(x); n > 65 {
			t.Errorf("%d marks are kept for a window of 60 parts", n)
		}
	})
}

func TestStateSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		line.Edge(10)
		line.Lose(2)
		line.Edge(1)
		sense(t, x)
		state := x.(drivers.Stateful).State()

		line = new(drivertest.Line)
		x = mustOpen(t, line)
		line.Edge(4)
		if err := x.(drivers.Stateful).Restore(state); err != nil {
			t.Fatal(err)
		}
		got := sense(t, x)
		if !near(got["total"], 17*0.2794) || got["lost"] != 2 {
			t.Errorf("total %v, lost %v; want 17 pulses, 2 lost", got["total"], got["lost"])
		}
	})
}

func TestRestoreDoesNotCountAsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := mustOpen(t, new(drivertest.Line))
		sense(t, x)
		state := pulse.State(1000000, 0)
		if err := x.(drivers.Stateful).Restore(state); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Minute)
		if got := sense(t, x)["rate"]; got != 0 {
			t.Errorf("rate %v without a pulse", got)
		}
	})
}

func TestDamagedStateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := pulse.State(5, 1)
		flipped := bytes.Clone(good)
		flipped[4] ^= 1
		tests := map[string][]byte{
			"empty": {}, "short": good[:10], "long": append(bytes.Clone(good), 0), "a bit changed": flipped, "another version": {9, 1, 2},
		}
		for name, state := range tests {
			x := mustOpen(t, new(drivertest.Line))
			if err := x.(drivers.Stateful).Restore(state); err == nil {
				t.Errorf("%s: restored", name)
			}
			if got := sense(t, x)["total"]; got != 0 {
				t.Errorf("%s: total %v afterwards", name, got)
			}
		}
	})
}

// A line that failed is taken again: numbers start at 1, the total goes on.
func TestTotalGoesOnAfterTheLineFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &drivertest.Machine{Line: new(drivertest.Line)}
		x, err := pulse.Kind.New(t.Context(), m, setup())
		if err != nil {
			t.Fatal(err)
		}
		m.Line.Edge(5)
		sense(t, x)
		m.Line = nil
		if _, err := x.Sense(t.Context(), nil); !errors.Is(err, drivers.ErrUnplugged) {
			t.Errorf("without a line: %v", err)
		}
		m.Line = new(drivertest.Line)
		sense(t, x)
		m.Line.Edge(2)
		if got := sense(t, x); !near(got["total"], 7*0.2794) || got["lost"] != 0 {
			t.Errorf("total %v, lost %v; want 7 pulses", got["total"], got["lost"])
		}
	})
}

func TestCheck(t *testing.T) {
	tests := []struct {
		key    string
		change func(o *pulse.Opts, total *pulse.TotalOpts, rate *pulse.RateOpts)
	}{
		{"pin", func(o *pulse.Opts, _ *pulse.TotalOpts, _ *pulse.RateOpts) { o.Pin = "" }},
		{"debounce", func(o *pulse.Opts, _ *pulse.TotalOpts, _ *pulse.RateOpts) { o.Debounce = time.Hour }},
		{"values.total.per_pulse", func(_ *pulse.Opts, total *pulse.TotalOpts, _ *pulse.RateOpts) { total.PerPulse = 0 }},
		{"values.total.per_pulse", func(_ *pulse.Opts, total *pulse.TotalOpts, _ *pulse.RateOpts) { total.PerPulse = math.NaN() }},
		{"values.rate.of", func(_ *pulse.Opts, _ *pulse.TotalOpts, rate *pulse.RateOpts) { rate.Of = "rain" }},
		{"values.rate.per", func(_ *pulse.Opts, _ *pulse.TotalOpts, rate *pulse.RateOpts) { rate.Per = 0 }},
		{"values.rate.over", func(_ *pulse.Opts, _ *pulse.TotalOpts, rate *pulse.RateOpts) { rate.Over = time.Millisecond }},
	}
	for _, test := range tests {
		s := setup()
		test.change(s.Opts.(*pulse.Opts), s.Values["total"].(*pulse.TotalOpts), s.Values["rate"].(*pulse.RateOpts))
		var wrong *drivers.OptionError
		if err := pulse.Kind.Check(s); !errors.As(err, &wrong) || wrong.Key != test.key || wrong.Hint == "" {
			t.Errorf("%s: %v", test.key, err)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte{})
	f.Add(pulse.State(1, 0))
	f.Fuzz(func(t *testing.T, state []byte) {
		x, err := pulse.Kind.New(t.Context(), &drivertest.Machine{Line: new(drivertest.Line)}, setup())
		if err != nil {
			t.Fatal(err)
		}
		if x.(drivers.Stateful).Restore(state) == nil && !bytes.Equal(x.(drivers.Stateful).State(), state) {
			t.Errorf("%x was restored as %x", state, x.(drivers.Stateful).State())
		}
	})
}

// play makes pulses at a steady frequency for some time, reading now and then, and gives the last reading.
func play(t *testing.T, x drivers.Sensor, line *drivertest.Line, hz float64, d time.Duration) float64 {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Duration(float64(time.Second) / hz))
		line.Edge(1)
		if rand.IntN(7) == 0 {
			sense(t, x)
		}
	}
	return sense(t, x)["frequency"]
}

func TestFrequency(t *testing.T) {
	for _, hz := range []float64{0.11, 0.9, 1, 7.3, 50, 400} {
		synctest.Test(t, func(t *testing.T) {
			line := new(drivertest.Line)
			x := mustOpen(t, line)
			if got := sense(t, x)["frequency"]; !math.IsNaN(got) {
				t.Errorf("%v before anything was seen", got)
			}
			// The drivertest machine takes 0.3 ms to read.
			if got := play(t, x, line, hz, time.Minute); math.Abs(got/hz-1) > 0.03 {
				t.Errorf("%v Hz, want %v", got, hz)
			}
		})
	}
}

func TestFrequencyOfPulsesThatEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		play(t, x, line, 10, time.Minute)
		time.Sleep(2 * time.Second)
		if got := sense(t, x)["frequency"]; got > 0.51 || got < 0.49 {
			t.Errorf("%v Hz when the last pulse is 2 s old, want at most 0.5", got)
		}
		time.Sleep(8 * time.Second)
		if got := sense(t, x)["frequency"]; got != 0 {
			t.Errorf("%v Hz when the last pulse is 10 s old, want 0", got)
		}
		if got := play(t, x, line, 5, 20*time.Second); math.Abs(got-5) > 0.1 {
			t.Errorf("%v Hz when they come again, want 5", got)
		}
	})
}

func TestFrequencyWithLostEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := new(drivertest.Line)
		x := mustOpen(t, line)
		for range 20 { // 1000 pulses/s, of which one in 500 is kept
			time.Sleep(500 * time.Millisecond)
			line.Lose(499)
			line.Edge(1)
		}
		if got := sense(t, x)["frequency"]; math.Abs(got-1000) > 1 {
			t.Errorf("%v Hz, want 1000", got)
		}
	})
}

func TestNoPulseIsZeroHertz(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := mustOpen(t, new(drivertest.Line))
		time.Sleep(9 * time.Second)
		if got := sense(t, x)["frequency"]; !math.IsNaN(got) {
			t.Errorf("%v Hz after 9 s, which is less than the window", got)
		}
		time.Sleep(time.Second)
		if got := sense(t, x)["frequency"]; got != 0 {
			t.Errorf("%v Hz after 10 s without a pulse", got)
		}
	})
}
