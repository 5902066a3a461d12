package scd4x_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"

	"skerry/drivers/drivertest"
	"skerry/drivers/scd4x"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900} }

func machine(d sim.Device) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x62, Answer: d.Tx}}
}

func setup() drivers.Setup { return drivers.Setup{Opts: &scd4x.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: scd4x.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewSCD4x(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewSHT3x(air)) },
	}.Run(t)
}

func sense(t *testing.T, d sim.Device, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := scd4x.Kind.New(t.Context(), machine(d), s)
	if err != nil {
		return nil, err
	}
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func near(t *testing.T, got map[string]drivers.Reading, value string, want, within float64) {
	t.Helper()
	if r := got[value]; math.Abs(r.Number-want) > within || r.Quality != drivers.Good {
		t.Errorf("%s: %+v, want %v", value, r, want)
	}
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := sense(t, sim.NewSCD4x(air), setup())
		if err != nil {
			t.Fatal(err)
		}
		if got["co2"].Quality != drivers.Suspect {
			t.Errorf("the first measurement: %+v", got["co2"])
		}
		near(t, got, "temperature", -7.5, 0.01)
		near(t, got, "humidity", 62, 0.01)
		d := sim.NewSCD4x(air)
		for range 2 { // a restart of the program finds it measuring
			x, err := scd4x.Kind.New(t.Context(), machine(d), drivers.Setup{Opts: &scd4x.Opts{Altitude: 1200}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				began := time.Now()
				got, err := x.Sense(t.Context(), nil)
				if err != nil || got[0].Number != 525 || (got[0].Quality == drivers.Good) != (i > 0) || time.Since(began) > 6*time.Second {
					t.Errorf("%d: %+v, %v after %v", i, got, err, time.Since(began))
				}
			}
		}
	})
}
