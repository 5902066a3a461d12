package simulate_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/pulse"
)

const gauge = `sensors: {x: {driver: pulse, pin: GPIO17, values: {total: {per_pulse: 0.2, unit: mm}, rate: {over: 10min, unit: mm/h}, frequency: {}}}}`

// counted lets a pulse counter count for a while, and gives what it reads then.
func counted(t *testing.T, scenario string, d, every time.Duration) (last map[string]drivers.Reading) {
	synctest.Test(t, func(t *testing.T) {
		cfg, s := load(t, gauge, scenario)
		b := open(t, cfg, s)
		x, err := pulse.Kind.New(t.Context(), b, cfg.Sensors[0].Setup)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		for range d / every {
			time.Sleep(every)
			got, err := x.Sense(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			last = map[string]drivers.Reading{}
			for _, r := range got {
				last[r.Value] = r
			}
		}
	})
	return last
}

// TestPulses: a pulse counter reads what the scenario says of its total, its rate, or its frequency, within one pulse.
func TestPulses(t *testing.T) {
	for _, test := range []struct {
		name, scenario, value string
		want, within          float64
	}{
		{"total", "sensors: {x: {total: {points: {0s: 0, 30min: 6, 2h: 6}}}}", "total", 6, 0.2},
		{"total of a rain", "sensors: {x: {total: {integral: {steps: {0s: 0, 10min: 24, 20min: 0}}}}}", "total", 4, 0.2},
		{"total, six times as fast", "speed: 6\nsensors: {x: {total: {points: {0s: 0, 3h: 18, 9h: 18}}}}", "total", 18, 0.2},
		{"rate", "sensors: {x: {rate: 12}}", "rate", 12, 1.2},
		{"rate, six times as fast", "speed: 6\nsensors: {x: {rate: 12}}", "rate", 12, 1.2},
		{"frequency", "sensors: {x: {frequency: 7.5}}", "frequency", 7.5, 1e-3},
		{"frequency, sixty times as fast", "speed: 60\nsensors: {x: {frequency: 7.5}}", "frequency", 7.5, 1e-3},
		{"no wind", "sensors: {x: {frequency: 0}}", "frequency", 0, 0},
		{"usual", "# nothing", "total", 0.2 * 3600 / 12, 0.2},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := counted(t, test.scenario, time.Hour, 30*time.Second)
			if r := got[test.value]; r.Quality != drivers.Good || math.Abs(r.Number-test.want) > test.within+1e-9 {
				t.Errorf("%+v, want %v within %v", r, test.want, test.within)
			}
			if lost := got["lost"]; lost.Number != 0 {
				t.Errorf("lost %+v", lost)
			}
		})
	}
}
