package bme280_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/bme280"
	"skerry/drivers/drivertest"
)

// The calibration and raw values of the worked example in Bosch's datasheets (BST-BMP280-DS001, section 3.12), and a humidity part as found
// on real chips.
var (
	calT = []int{27504, 26435, -1000}
	calP = []int{36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000}
)

const (
	rawT, rawP, rawH       = 519888, 415148, 30000
	h1, h2, h3, h4, h5, h6 = 75, 361, 0, 324, 50, 30
	exampleTFine           = 128422
)

// chip is a BME280 at addr that measures the example.
func chip(addr uint16) *drivertest.Registers {
	r := &drivertest.Registers{Addr: addr}
	r.Mem[0xD0] = 0x60
	at := 0x88
	for _, c := range append(append([]int{}, calT...), calP...) {
		binary.LittleEndian.PutUint16(r.Mem[at:], uint16(c))
		at += 2
	}
	r.Mem[0xA1] = h1
	binary.LittleEndian.PutUint16(r.Mem[0xE1:], h2)
	r.Mem[0xE3], r.Mem[0xE4], r.Mem[0xE5], r.Mem[0xE6], r.Mem[0xE7] = h3, h4>>4, h4&0xF|h5&0xF<<4, h5>>4, h6
	reset(r)
	r.OnWrite = func(reg, value byte) {
		if reg == 0xF4 && value&3 != 0 {
			measure(r, rawT, rawP)
			r.Mem[0xF4] &^= 3
		}
	}
	r.OnHang = func() { r.Mem[0xF3] = 8 }
	return r
}

// reset is what loss of supply does: settings 0, results "skipped" (datasheet page 27).
func reset(r *drivertest.Registers) {
	copy(r.Mem[0xF2:], []byte{0, 0, 0, 0, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0})
}

// measure puts the results in place; a value that is not switched on reads as skipped.
func measure(r *drivertest.Registers, t, p int) {
	hum := uint16(0x8000)
	if r.Mem[0xF2]&7 != 0 {
		hum = rawH
	}
	copy(r.Mem[0xF7:], []byte{byte(p >> 12), byte(p >> 4), byte(p << 4), byte(t >> 12), byte(t >> 4), byte(t << 4), byte(hum >> 8), byte(hum)})
}

func setup(address uint16) drivers.Setup {
	return drivers.Setup{Bus: "i2c1", Opts: &bme280.Opts{Address: address}}
}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    bme280.Kind,
		Setup:   func() drivers.Setup { return setup(0) },
		Healthy: func() *drivertest.Machine { return &drivertest.Machine{Registers: chip(0x76)} },
		Other: func() *drivertest.Machine {
			r := chip(0x77)
			r.Mem[0xD0] = 0x61
			return &drivertest.Machine{Registers: r}
		},
	}.Run(t)
}

func TestBMP280(t *testing.T) {
	drivertest.Suite{
		Kind:    bme280.Kind,
		Setup:   func() drivers.Setup { return setup(0x77) },
		Healthy: func() *drivertest.Machine { return &drivertest.Machine{Registers: bmp280()} },
	}.Run(t)
	synctest.Test(t, func(t *testing.T) {
		x := mustOpen(t, &drivertest.Machine{Registers: bmp280()}, 0)
		if got := sense(t, x); len(got) != 2 || got["humidity"].Value != "" {
			t.Errorf("a BMP280 gave %v, want temperature and pressure", got)
		}
		if name := x.String(); !strings.HasPrefix(name, "BMP280 at 0x77") {
			t.Errorf("the chip is called %q", name)
		}
	})
}

func bmp280() *drivertest.Registers {
	r := chip(0x77)
	r.Mem[0xD0] = 0x58
	return r
}

func mustOpen(t *testing.T, m *drivertest.Machine, address uint16) drivers.Sensor {
	t.Helper()
	x, err := bme280.Kind.New(t.Context(), m, setup(address))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func sense(t *testing.T, x drivers.Sensor) map[string]drivers.Reading {
	t.Helper()
	got, err := x.Sense(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by
}

// exampleHumidity is the datasheet's formula in floating point (section 4.2.3 of the edition that has it), apart from bmxx80's integers.
func exampleHumidity() float64 {
	v := exampleTFine - 76800.0
	v = (rawH - (h4*64.0 + h5/16384.0*v)) * (h2 / 65536.0 * (1 + h6/67108864.0*v*(1+h3/67108864.0*v)))
	return v * (1 - h1*v/524288.0)
}

func TestDatasheetExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := sense(t, mustOpen(t, &drivertest.Machine{Registers: chip(0x76)}, 0))
		for value, want := range map[string]float64{"temperature": 25.08, "pressure": 1006.5327, "humidity": exampleHumidity()} {
			if r := got[value]; math.Abs(r.Number-want) > 0.02 || r.Quality != drivers.Good {
				t.Errorf("%s: %+v, want %v good", value, r, want)
			}
		}
	})
}

func TestOutsideOfTheRangeIsSuspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := chip(0x76)
		x := mustOpen(t, &drivertest.Machine{Registers: r}, 0)
		r.OnWrite = func(reg, value byte) {
			r.Mem[0xF4] &^= 3
			measure(r, 900000, rawP)
		}
		if got := sense(t, x)["temperature"]; got.Quality != drivers.Suspect {
			t.Errorf("%+v, want it suspect above 85 °C", got)
		}
		r.OnWrite = func(reg, value byte) {
			r.Mem[0xF4] &^= 3
			measure(r, rawT, 900000)
		}
		if got := sense(t, x)["pressure"]; got.Quality != drivers.Suspect || got.Number >= 300 {
			t.Errorf("%+v, want it suspect below 300 hPa", got)
		}
	})
}

// A chip that was without supply between two readings has humidity switched off; read as it is, it would give a constant.
func TestSupplyLostBetweenReadings(t *testing.T) {
	for _, when := range []string{"between readings", "during a reading"} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := chip(0x76)
				x := mustOpen(t, &drivertest.Machine{Registers: r}, 0)
				want := sense(t, x)["humidity"].Number
				if when == "between readings" {
					reset(r)
				} else {
					resetOnce(r)
				}
				if got := sense(t, x)["humidity"]; got.Number != want || got.Quality != drivers.Good {
					t.Errorf("after the supply was lost: %+v, want %v", got, want)
				}
			})
		})
	}
}

func resetOnce(r *drivertest.Registers) {
	measured := r.OnWrite
	r.OnWrite = func(reg, value byte) {
		reset(r)
		r.OnWrite = measured
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	other := func(id byte) *drivertest.Registers {
		r := chip(0x76)
		r.Mem[0xD0] = id
		return r
	}
	tests := []struct {
		name string
		chip *drivertest.Registers
		want []string
	}{
		{"empty bus", nil, []string{"nothing answers at 0x76", "0x77", "test bus", "i2cdetect"}},
		{"bus reads high", other(0xFF), []string{"nothing answers at 0x76", "0xff", "check SDA"}},
		{"bus reads low", other(0x00), []string{"nothing answers at 0x76", "check SDA"}},
		{"BME680", other(0x61), []string{"the chip at 0x76 is a BME680", "driver of that chip"}},
		{"unknown", other(0x42), []string{"has id 0x42"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := bme280.Kind.New(t.Context(), &drivertest.Machine{Registers: test.chip}, setup(0))
				if err == nil {
					t.Fatal("no error")
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
			})
		})
	}
}

func TestWedgedChipEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &drivertest.Machine{Registers: chip(0x76)}
		x := mustOpen(t, m, 0)
		m.Hang()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := x.Sense(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline", err)
		}
		if took := time.Since(start); took > 210*time.Millisecond {
			t.Errorf("took %v of 200ms", took)
		}
		if _, err := x.Sense(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "does not end") {
			t.Errorf("without a deadline: %v, want that the measurement does not end", err)
		}
	})
}

func TestCheck(t *testing.T) {
	var wrong *drivers.OptionError
	if err := bme280.Kind.Check(setup(0x40)); !errors.As(err, &wrong) || wrong.Key != "address" || wrong.Hint == "" {
		t.Errorf("address 0x40: %v", err)
	}
	for _, address := range []uint16{0, 0x76, 0x77} {
		if err := bme280.Kind.Check(setup(address)); err != nil {
			t.Errorf("address %#x: %v", address, err)
		}
	}
}
