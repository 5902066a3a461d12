package hdc302x_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
	"skerry/drivers/hdc302x"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900} }

func machine(d sim.Device) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x46, Answer: d.Tx}}
}

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: hdc302x.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewHDC302x(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewSHT3x(air)) },
	}.Run(t)
}

func sense(t *testing.T, d sim.Device, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := hdc302x.Kind.New(t.Context(), machine(d), s)
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
		got, err := sense(t, sim.NewHDC302x(air), setup())
		if err != nil {
			t.Fatal(err)
		}
		near(t, got, "temperature", -7.5, 0.01)
		near(t, got, "humidity", 62, 0.01)
	})
}
