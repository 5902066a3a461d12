package simulate

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"skerry/drivers/all"
	"skerry/edge/config"
)

// signalOf compiles the signal that a scenario has for a temperature.
func signalOf(t *testing.T, text string) signal {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"skerry.yaml": "sensors: {x: {driver: mcp9808}}", "s.yaml": "sensors: {x: {temperature: " + text + "}}",
		"c.csv": "s,a,b\n10,1,\n20,2,5\n30,4,6\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(filepath.Join(dir, "skerry.yaml"), all.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadScenario(filepath.Join(dir, "s.yaml"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return compile(s.Sensors["x"]["temperature"], s.Seed)
}

// TestSignals: what each shape is at some moments of a scenario that starts at 06:00.
func TestSignals(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	for _, test := range []struct {
		text string
		at   []time.Duration // since the start
		want []float64
	}{
		{"21.5", []time.Duration{0, 99 * h}, []float64{21.5, 21.5}},
		{"[1, {value: 2}, -0.5]", []time.Duration{0}, []float64{2.5}},
		{"{ramp: 20..5, over: 3h}", []time.Duration{0, h, 3 * h, 9 * h}, []float64{20, 15, 5, 5}},
		{"{ramp: 0..10, over: 2h, repeat: true}", []time.Duration{h, 2 * h, 3 * h}, []float64{5, 0, 5}},
		{"{sine: -1..3, period: 4h}", []time.Duration{0, h, 3 * h, 4 * h}, []float64{1, 3, -1, 1}},
		{"{day: 8..20, peak: 15:00}", []time.Duration{9 * h, 21 * h, 3 * h, 33 * h}, []float64{20, 8, 14, 20}},
		{"{day: 8..20}", []time.Duration{8 * h}, []float64{20}},
		{"{steps: {07:00: 1, 12:00: 2}}", []time.Duration{0, h - s, h, 6 * h, 18 * h, 25 * h}, []float64{2, 2, 1, 2, 2, 1}},
		{"{steps: {1h: 1, 2h: 2}}", []time.Duration{0, h, 2 * h, 99 * h}, []float64{1, 1, 2, 2}},
		{"{points: {08:00: 0, 20:00: 12}}", []time.Duration{0, 2 * h, 8 * h, 14 * h, 20 * h}, []float64{2, 0, 6, 12, 6}},
		{"{points: {1h: 5, 2h: 10}}", []time.Duration{0, h + 30*m, 5 * h}, []float64{5, 7.5, 10}},
		{"{csv: c.csv}", []time.Duration{0, 9 * s, 10 * s, 20 * s, h}, []float64{1, 1, 2, 4, 4}},
		{"{csv: c.csv, column: b, smooth: true}", []time.Duration{0, 10 * s, 15 * s, h}, []float64{5, 5, 5.5, 6}},
		{"{csv: c.csv, repeat: true}", []time.Duration{25 * s, 30 * s, 40 * s}, []float64{4, 1, 2}},
		{"{integral: 3}", []time.Duration{0, h, 90 * m, 90 * m}, []float64{0, 3, 4.5, 4.5}},
		{"{integral: {points: {0s: 0, 2h: 6}}, per: 1min}", []time.Duration{2 * h}, []float64{360}},
		{"{value: 30, limit: 0..25}", []time.Duration{0}, []float64{25}},
	} {
		f := signalOf(t, test.text)
		var got []float64
		for _, since := range test.at {
			got = append(got, math.Round(f(instant{since: since, clock: 6*h + since})*1e6)/1e6)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.text, got, test.want)
		}
	}
}

// TestNoise: it has the deviation that is asked for, and the same seed makes the same.
func TestNoise(t *testing.T) {
	one, two := signalOf(t, "{value: 10, noise: 2}"), signalOf(t, "{value: 10, noise: 2}")
	const n = 10_000
	sum, squares := 0.0, 0.0
	for i := range uint64(n) {
		x := one(instant{tick: i})
		if y := two(instant{tick: i}); x != y {
			t.Fatalf("%v and %v of one seed", x, y)
		}
		sum, squares = sum+x, squares+(x-10)*(x-10)
	}
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean-10) > 0.1 || math.Abs(deviation-2) > 0.1 {
		t.Errorf("mean %v, deviation %v", mean, deviation)
	}
}

// TestTimeGoesFaster: the clock of a scenario goes as many times as fast as it says, from the time of day on that it says.
func TestTimeGoesFaster(t *testing.T) {
	start := config.TimeOfDay(23 * time.Hour)
	s := config.NewScenario()
	s.Speed, s.Start = 120, &start
	x, err := New(&config.Config{}, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	x.begin(now)
	if at := x.at(now.Add(time.Minute)); at.since != 2*time.Hour || at.ofDay() != time.Hour {
		t.Errorf("%+v", at)
	}
}
