package hdc302x_test

import (
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

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x46, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: hdc302x.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewHDC302x(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewSHT3x(air)) },
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, hdc302x.Kind, machine(sim.NewHDC302x(air)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "temperature", -7.5, 0.01)
		drivertest.Near(t, got, "humidity", 62, 0.01)
	})
}
