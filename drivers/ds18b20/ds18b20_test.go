package ds18b20_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/ds18b20"
)

const (
	first  = "28-0316a2795d1f"
	second = "28-0416c0ffee12"
	master = "sys/bus/w1/devices/w1_bus_master1/therm_bulk_read"
)

// pad is what the kernel says of a probe with that temperature in 1/16 °C, and that byte 6.
func pad(sixteenths int16, count byte) string {
	b := []byte{byte(sixteenths), byte(sixteenths >> 8), 0x4b, 0x46, 0x7f, 0xff, count, 0x10}
	b = append(b, ds18b20.Checksum(b))
	milli := int(sixteenths) * 1000 / 16
	return fmt.Sprintf("% x : crc=%02x YES\n% x t=%d\n", b, b[8], b, milli)
}

func file(probe string) string { return "sys/bus/w1/devices/" + probe + "/w1_slave" }

func machine() *drivertest.Machine {
	return &drivertest.Machine{Kernel: map[string]string{
		master:       "1",
		file(first):  pad(344, 8),
		file(second): pad(-162, 14),
	}}
}

func setup(probes map[string]string) drivers.Setup {
	s := drivers.Setup{Opts: &ds18b20.Opts{}, Values: map[string]any{}}
	for v, p := range probes {
		s.Values[v] = &ds18b20.ValueOpts{Probe: p}
	}
	return s
}

var two = map[string]string{"near": first, "far": second}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    ds18b20.Kind,
		Setup:   func() drivers.Setup { return setup(two) },
		Healthy: machine,
		Other: func() *drivertest.Machine {
			m := machine()
			delete(m.Kernel, file(first))
			delete(m.Kernel, file(second))
			m.Kernel[file("28-000000000001")] = pad(344, 8)
			return m
		},
	}.Run(t)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		x, err := ds18b20.Kind.New(t.Context(), m, setup(two))
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.Sense(t.Context(), nil)
		if err != nil || len(got) != 2 || got[0].Value != "far" || got[0].Number != -10.125 || got[1].Value != "near" || got[1].Number != 21.5 {
			t.Errorf("%+v, %v", got, err)
		}
		if m.Kernel[master] != "trigger\n" {
			t.Error("the probes were not told to measure together")
		}
		delete(m.Kernel, file(second))
		got, err = x.Sense(t.Context(), nil)
		if len(got) != 1 || got[0].Value != "near" || err == nil || !strings.Contains(err.Error(), second) {
			t.Errorf("one probe is gone: %+v, %v", got, err)
		}
	})
}

func TestTheOnlyProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine()
		if _, err := ds18b20.Kind.New(t.Context(), m, setup(nil)); err == nil || !strings.Contains(err.Error(), second) {
			t.Errorf("two probes, none named: %v", err)
		}
		delete(m.Kernel, file(second))
		m.Kernel["sys/bus/w1/devices/3a-000000123456/state"] = "0" // a switch: no thermometer
		x, err := ds18b20.Kind.New(t.Context(), m, setup(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Sense(t.Context(), nil); err != nil || len(got) != 1 || got[0].Value != "temperature" || got[0].Number != 21.5 {
			t.Errorf("%+v, %v", got, err)
		}
		delete(m.Kernel, file(first)) // it breaks, and another one is put in its place
		if _, err := x.Sense(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no probe is found") {
			t.Errorf("without a probe: %v", err)
		}
		m.Kernel[file(second)] = pad(-162, 14)
		if got, err := x.Sense(t.Context(), nil); err != nil || len(got) != 1 || got[0].Number != -10.125 {
			t.Errorf("with a new probe: %+v, %v", got, err)
		}
	})
}

func TestBeyondWhatAProbeCanMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for sixteenths, want := range map[int16]drivers.Quality{-55 * 16: drivers.Good, -55*16 - 1: drivers.Suspect, 125 * 16: drivers.Good, 125*16 + 1: drivers.Suspect} {
			m := machine()
			m.Kernel[file(first)] = pad(sixteenths, 8)
			got, err := drivertest.Sense(t, ds18b20.Kind, m, setup(map[string]string{"t": first}))
			if err != nil || got["t"].Quality != want {
				t.Errorf("%d/16: %+v, %v; want it %v", sixteenths, got, err, want)
			}
		}
	})
}

// TestParse: 85 °C is true or not by the state of the probe, not by the number.
func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want float64 // NaN: refused
	}{
		"room":              {pad(344, 8), 21.5},
		"below zero":        {pad(-162, 14), -10.125},
		"a true 85":         {pad(1360, 16), 85},
		"85 after power-on": {"50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n", math.NaN()},
		"127.94, no power":  {strings.Replace(pad(2047, 0x0C), "t=127937", "t=127937", 1), math.NaN()},
		"short":             {"00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", math.NaN()},
		"open":              {"ff ff ff ff ff ff ff ff ff : crc=c9 NO\nff ff ff ff ff ff ff ff ff t=-62\n", math.NaN()},
		"a wrong yes":       {strings.Replace(pad(344, 8), "58 01", "59 01", 2), math.NaN()},
		"nothing":           {"", math.NaN()},
		"half":              {"58 01 4b 46", math.NaN()},
		"no number":         {strings.Replace(pad(344, 8), "t=21500", "t=", 1), math.NaN()},
	} {
		got, err := ds18b20.Parse(c.text)
		if (err != nil) != math.IsNaN(c.want) || err == nil && got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for probe, good := range map[string]bool{"": true, first: true, "10-000802b4ba0e": true, "28-xyz": false, "26-0316a2795d1f": false} {
		err := ds18b20.Kind.Check(setup(map[string]string{"t": probe}))
		var wrong *drivers.OptionError
		if good != (err == nil) || err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: %v", probe, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(pad(344, 8))
	f.Add(pad(1360, 12))
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ds18b20.Parse(text); err == nil && (math.IsNaN(c) || math.IsInf(c, 0)) {
			t.Errorf("%q gave %v", text, c)
		}
	})
}
