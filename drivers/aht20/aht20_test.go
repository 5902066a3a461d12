package aht20_test

import (
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

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x38, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: aht20.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewAHT20(air)) },
		Other: func() *drivertest.Machine {
			return machine(&sim.Words{Read: func(byte) (uint16, bool) { return 0xFFFF, true }})
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, aht20.Kind, machine(sim.NewAHT20(air)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "temperature", -7.5, 0.01)
		drivertest.Near(t, got, "humidity", 62, 0.01)
		busy := sim.NewAHT20(air)
		busy.Wedge()
		if got, err := drivertest.Sense(t, aht20.Kind, machine(busy), setup()); err == nil {
			t.Errorf("a chip that does not end: %+v", got)
		}
	})
}
