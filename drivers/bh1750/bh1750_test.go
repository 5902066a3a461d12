package bh1750_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/bh1750"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
)

func light(time.Time) float64 { return 12345 }

func machine(d sim.Device) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x5C, Answer: d.Tx}}
}

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: bh1750.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewBH1750(light)) },
	}.Run(t)
}

func sense(t *testing.T, d sim.Device, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := bh1750.Kind.New(t.Context(), machine(d), s)
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
		got, err := sense(t, sim.NewBH1750(light), setup())
		if err != nil {
			t.Fatal(err)
		}
		near(t, got, "illuminance", 12345, 1)
		got, err = sense(t, sim.NewBH1750(func(time.Time) float64 { return 1e6 }), setup())
		if r := got["illuminance"]; err != nil || r.Quality != drivers.Suspect {
			t.Errorf("brighter than it can tell: %+v, %v", r, err)
		}
	})
}
