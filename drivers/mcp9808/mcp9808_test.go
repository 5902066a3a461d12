package mcp9808_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
	"skerry/drivers/mcp9808"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900} }

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x1F, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: mcp9808.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewMCP9808(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewTMP102(air)) },
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, mcp9808.Kind, machine(sim.NewMCP9808(air)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "temperature", -7.5, 0.0625)
	})
}
