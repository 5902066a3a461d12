package modbus_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// inverter has a common model, one that nobody asks for, and an inverter's. It refuses what is behind them.
func inverter(root, number uint16) *modbustest.Device {
	d := &modbustest.Device{Holding: map[uint16]uint16{root: 0x5375, root + 1: 0x6E53}}
	at := root + 2
	add := func(number, length uint16) (start uint16) {
		start = at
		for i := range length + 2 {
			d.Holding[start+i] = 0
		}
		d.Holding[start], d.Holding[start+1] = number, length
		at += length + 2
		return start
	}
	add(1, 66)
	add(11, 13)
	m := add(number, 60)
	for offset, n := range map[uint16]uint16{2: 432, 3: 144, 4: 144, 5: 0xFFFF, 6: 0xFFFE, 10: 2315, 13: 0xFFFF, 14: 2998, 15: 0,
		24: 0x0001, 25: 0x86A0, 26: 1, 33: 412, 34: 0x8000, 37: 0xFFFF, 38: 4} {
		d.Holding[m+offset] = n
	}
	d.Holding[at], d.Holding[at+1] = 0xFFFF, 0
	return d
}

func onModels(t *testing.T, d *modbustest.Device) (drivers.Sensor, *modbustest.Slave) {
	s := withProfile("sunspec-inverter")
	s.Opts.(*modbus.Opts).UnitID = 1
	return onLine(t, s, d)
}

func TestModelsAreLookedUp(t *testing.T) {
	for _, root := range []uint16{40000, 50000, 0} {
		synctest.Test(t, func(t *testing.T) {
			x, line := onModels(t, inverter(root, 103))
			got := mustSense(t, x)
			for name, want := range map[string]float64{"current": 4.32, "current_l1": 1.44, "voltage_l1": 231.5, "power": 2998, "energy": 1e6, "temperature": 41.2, "state": 4} {
				if r := got[name]; r.Quality != drivers.Good || r.Number < want-1e-9 || r.Number > want+1e-9 {
					t.Errorf("root %d: %s: %+v, want %v", root, name, r, want)
				}
			}
			for _, name := range []string{"current_l3", "heat_sink_temperature"} {
				if r := got[name]; r.Quality != drivers.Bad {
					t.Errorf("%s: %+v", name, r)
				}
			}
			before := line.Asked()
			mustSense(t, x)
			if n := line.Asked() - before; n > 2 {
				t.Errorf("%d requests in the second round", n)
			}
		})
	}
}

// A model that moves, as after an update, is found again, and nothing is read from where it was.
func TestModelThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, line := onModels(t, inverter(40000, 103))
		mustSense(t, x)
		line.Set(1, inverter(0, 101))
		moved := false
		for range 5 {
			time.Sleep(15 * time.Second)
			got, err := sense(t, x)
			if err != nil {
				moved = true
				for name, r := range got {
					if r.Quality == drivers.Good {
						t.Errorf("%s: %+v", name, r)
					}
				}
			}
		}
		if !moved {
			t.Error("nothing was noticed")
		}
		if r := mustSense(t, x)["power"]; r.Number != 2998 {
			t.Errorf("%+v", r)
		}
	})
}

func TestWithoutTheModel(t *testing.T) {
	tests := []struct {
		name   string
		device *modbustest.Device
		want   string
	}{
		{"another model", inverter(40000, 113), "the device has no SunSpec model 101..103, which value apparent_power needs; it has 1, 11, 113"},
		{"no SunSpec", holding(0xFFFF), "the device has no SunSpec models at 40000, 50000 or 0"},
		{"nothing there", holding(3), "the device has no SunSpec models at 40000, 50000 or 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, _ := onModels(t, test.device)
				if got, err := sense(t, x); err == nil || !strings.Contains(err.Error(), test.want) || len(got) != 0 {
					t.Errorf("%d values and %v", len(got), err)
				}
			})
		})
	}
}

// A scale that would lie behind the last register is not looked for at its beginning.
func TestScaleBehindTheLastRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inverter(40000, 103)
		d.Fill = func(byte, uint16) (uint16, bool) { return 1, true }
		s := setup(map[string]modbus.ValueOpts{"x": {Table: modbus.Holding, Model: text[modbus.Models](t, "103"), Address: at(2), Scale: at(60000), Type: modbus.Uint16}})
		x, _ := onLine(t, s, d)
		if got, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "the scale of value x would be behind the last register") {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
