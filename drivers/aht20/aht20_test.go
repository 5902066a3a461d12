package aht20_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/aht20"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900} }

func machine(d sim.Device) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x38, Answer: d.Tx}}
}

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: aht20.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewAHT20(air)) },
		Other: func() *drivertest.Machine {
			return machine(&sim.Words{Read: func(byte) (uint16, bool) { return 0xFFFF, true }})
		},
	}.Run(t)
}

func sense(t *testing.T, d sim.Device, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := aht20.Kind.New(t.Context(), machine(d), s)
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
		got, err := sense(t, sim.NewAHT20(air), setup())
		if err != nil {
			t.Fatal(err)
		}
		near(t, got, "temperature", -7.5, 0.01)
		near(t, got, "humidity", 62, 0.01)
		busy := sim.NewAHT20(air)
		busy.Wedge()
		if got, err := sense(t, busy, setup()); err == nil {
			t.Errorf("a chip that does not end: %+v", got)
		}
	})
}
