package bh1750_test

import (
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

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x5C, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: bh1750.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewBH1750(light)) },
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, bh1750.Kind, machine(sim.NewBH1750(light)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "illuminance", 12345, 1)
		got, err = drivertest.Sense(t, bh1750.Kind, machine(sim.NewBH1750(func(time.Time) float64 { return 1e6 })), setup())
		if r := got["illuminance"]; err != nil || r.Quality != drivers.Suspect {
			t.Errorf("brighter than it can tell: %+v, %v", r, err)
		}
	})
}
