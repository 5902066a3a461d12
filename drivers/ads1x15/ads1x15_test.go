package ads1x15_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/ads1x15"
	"skerry/drivers/drivertest"
)

func volts(time.Time) [4]float64 { return [4]float64{0.4, 3.3, 0, 5} }

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x49, d) }

func setup() drivers.Setup {
	return drivers.Setup{Opts: &ads1x15.Opts{}, Values: map[string]any{
		"low": &ads1x15.ValueOpts{Channel: "A0", Range: 0.5}, "high": &ads1x15.ValueOpts{Channel: "A1", Range: 4},
		"difference": &ads1x15.ValueOpts{Channel: "A0-A1", Range: 4},
	}}
}

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: ads1x15.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewADS1115(volts)) },
		Other: func() *drivertest.Machine {
			return machine(sim.NewMCP9808(func(time.Time) sim.Air { return sim.Air{} }))
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, ads1x15.Kind, machine(sim.NewADS1115(volts)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "low", 0.4, 0.0002)
		drivertest.Near(t, got, "high", 3.3, 0.0002)
		drivertest.Near(t, got, "difference", -2.9, 0.0002)
		d := sim.NewADS1115(volts) // its clock is 10 % slow
		x, err := ads1x15.Kind.New(t.Context(), machine(d), setup())
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			got, err := x.Sense(t.Context(), nil)
			if err != nil || len(got) != 3 || got[0].Number > 0 || got[1].Number < 3 || got[2].Number > 1 {
				t.Fatalf("a value of another input: %+v, %v", got, err)
			}
		}
		s := setup()
		s.Values = map[string]any{"over": &ads1x15.ValueOpts{Channel: "A1", Range: 2}}
		if got, err := drivertest.Sense(t, ads1x15.Kind, machine(d), s); err != nil || got["over"].Quality != drivers.Suspect {
			t.Errorf("beyond the range: %+v, %v", got, err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, o := range []ads1x15.ValueOpts{{Channel: "A4", Range: 1}, {Range: 1}, {Channel: "A0"}, {Channel: "A0", Range: 7}, {Channel: "A0", Range: math.NaN()}} {
		if err := ads1x15.Kind.Check(drivers.Setup{Opts: &ads1x15.Opts{}, Values: map[string]any{"x": &o}}); err == nil {
			t.Errorf("%+v passes", o)
		}
	}
	if err := ads1x15.Kind.Check(setup()); err != nil {
		t.Error(err)
	}
}
