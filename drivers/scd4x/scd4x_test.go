package scd4x_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/scd4x"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900, CO2: 525} }

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x62, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &scd4x.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: scd4x.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewSCD4x(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewSHT3x(air)) },
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, scd4x.Kind, machine(sim.NewSCD4x(air)), setup())
		if err != nil {
			t.Fatal(err)
		}
		if got["co2"].Quality != drivers.Suspect {
			t.Errorf("the first measurement: %+v", got["co2"])
		}
		drivertest.Near(t, got, "temperature", -7.5, 0.01)
		drivertest.Near(t, got, "humidity", 62, 0.01)
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
