package ina219_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/ina219"
)

func volts(time.Time) float64 { return 24.4 }
func shunt(time.Time) float64 { return -50 } // mV

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x40, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &ina219.Opts{Shunt: 0.1}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: ina219.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewINA219(volts, shunt)) },
		Other: func() *drivertest.Machine {
			return machine(sim.NewTMP102(func(time.Time) sim.Air { return sim.Air{} }))
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, ina219.Kind, machine(sim.NewINA219(volts, shunt)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "voltage", 24.4, 0.004)
		drivertest.Near(t, got, "current", -0.5, 0.0001)
		drivertest.Near(t, got, "power", -12.2, 0.01)
		s := setup()
		s.Opts.(*ina219.Opts).Shunt = 0.01
		got, err = drivertest.Sense(t, ina219.Kind, machine(sim.NewINA219(volts, func(time.Time) float64 { return 320 })), s)
		if r := got["current"]; err != nil || r.Quality != drivers.Suspect || got["voltage"].Quality != drivers.Good {
			t.Errorf("more than the shunt can tell: %+v, %v", got, err)
		}
		d := sim.NewINA219(volts, shunt)
		x, err := ina219.Kind.New(t.Context(), machine(d), setup())
		if err != nil {
			t.Fatal(err)
		}
		d.Tx([]byte{0, 0x39, 0x9F}, nil) // what loss of supply leaves
		if got, err := x.Sense(t.Context(), nil); err == nil || len(got) > 0 {
			t.Errorf("a chip that has lost its settings: %+v, %v", got, err)
		}
		if got, err := x.Sense(t.Context(), nil); err != nil || got[0].Number < 24 {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, o := range []ina219.Opts{{Shunt: 0}, {Shunt: -1}, {Shunt: math.NaN()}, {Shunt: 0.1, Address: 0x39}} {
		if err := ina219.Kind.Check(drivers.Setup{Opts: &o}); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
	if err := ina219.Kind.Check(setup()); err != nil {
		t.Error(err)
	}
}
