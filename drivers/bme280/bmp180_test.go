package bme280_test

import (
	"math"
	"testing"
	"testing/synctest"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/bme280"
	chips "skerry/drivers/chip"
	"skerry/drivers/drivertest"
)

func machine180(d sim.Device) *drivertest.Machine {
	return &drivertest.Machine{Chip: &drivertest.Chip{Addr: 0x77, Answer: d.Tx}}
}

func TestBMP180(t *testing.T) {
	set := func() drivers.Setup { return drivers.Setup{Opts: &chips.Opts{}} }
	drivertest.Suite{Kind: bme280.BMP180, Setup: set,
		Healthy: func() *drivertest.Machine { return machine180(sim.NewBMP180()) },
		Other:   func() *drivertest.Machine { return &drivertest.Machine{Registers: chip(0x77)} },
	}.Run(t)
	synctest.Test(t, func(t *testing.T) {
		x, err := bme280.BMP180.New(t.Context(), machine180(sim.NewBMP180()), set())
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Sense(t.Context(), nil) // the example of the datasheet is without oversampling: the pressure differs a little
		if err != nil || got[0].Number != 15 || math.Abs(got[1].Number-699.64) > 0.5 {
			t.Errorf("%+v, %v; want 15 °C, 699.64 hPa", got, err)
		}
	})
}
