package tmp102_test

import (
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/chip"
	"skerry/drivers/drivertest"
	"skerry/drivers/tmp102"
)

func air(time.Time) sim.Air { return sim.Air{Temperature: -7.5, Humidity: 62, Pressure: 900} }

func machine(d drivertest.Device) *drivertest.Machine { return drivertest.OnI2C(0x49, d) }

func setup() drivers.Setup { return drivers.Setup{Opts: &chip.Opts{}} }

func TestDriver(t *testing.T) {
	drivertest.Suite{Kind: tmp102.Kind, Setup: setup,
		Healthy: func() *drivertest.Machine { return machine(sim.NewTMP102(air)) },
		Other:   func() *drivertest.Machine { return machine(sim.NewMCP9808(air)) },
	}.Run(t)
}

// TestJustFed: the register holds 0 until the first measurement after the supply has come, 35 ms at most (section 6.5).
func TestJustFed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fed, d := time.Now(), sim.NewTMP102(air)
		m := &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x49, Answer: func(w, r []byte) error {
			err := d.Tx(w, r)
			if len(w) == 1 && w[0] == 0 && len(r) == 2 && time.Since(fed) < 35*time.Millisecond {
				r[0], r[1] = 0, 0
			}
			return err
		}}}
		x, err := tmp102.Kind.New(t.Context(), m, setup())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Sense(t.Context(), nil); err != nil || got[0].Number != -7.5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := drivertest.Sense(t, tmp102.Kind, machine(sim.NewTMP102(air)), setup())
		if err != nil {
			t.Fatal(err)
		}
		drivertest.Near(t, got, "temperature", -7.5, 0.0625)
	})
}
