package sim_test

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/all"
	"skerry/drivers/nmea"
	"skerry/drivers/pulse"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func newBoard(t *testing.T) *sim.Board {
	t.Helper()
	b := sim.New(sim.Options{})
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// open makes a sensor of the named driver on the board, with default options and pin GPIO17.
func open(t *testing.T, b *sim.Board, name, bus string) drivers.Sensor {
	t.Helper()
	x, err := tryOpen(t, b, name, bus)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func tryOpen(t *testing.T, b *sim.Board, name, bus string) (drivers.Sensor, error) {
	t.Helper()
	for _, k := range all.Kinds() {
		if k.Name != name {
			continue
		}
		o := k.Opts()
		switch o := o.(type) {
		case *pulse.Opts:
			o.Pin = "GPIO17"
		case *nmea.Opts:
			o.Wait = 2 * time.Second
		}
		x, err := k.New(t.Context(), b, drivers.Setup{Bus: bus, Opts: o})
		if err == nil {
			t.Cleanup(func() { x.Halt() })
		}
		return x, err
	}
	t.Fatalf("no driver %s", name)
	return nil, nil
}

func sense(t *testing.T, x drivers.Sensor) (map[string]drivers.Reading, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
	defer cancel()
	got, err := x.Sense(ctx, nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func mustSense(t *testing.T, x drivers.Sensor) map[string]drivers.Reading {
	t.Helper()
	got, err := sense(t, x)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// come asks until the sensor answers.
func come(t *testing.T, x drivers.Sensor) map[string]drivers.Reading {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		got, err := sense(t, x)
		if err == nil {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("does not come back: %v", err)
		}
	}
}

func chip(b *sim.Board) *sim.BME280 {
	bus := b.Bus("i2c1")
	d := bus.Unplug(0x76)
	bus.Plug(0x76, d)
	return d.(*sim.BME280)
}

// The real driver computes the air that was set, through calibration and all.
func TestChipMeasuresTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		x := open(t, b, "bme280", "i2c1")
		for _, air := range []sim.Air{{21.53, 45.6, 1013.25, 0}, {-39.5, 5, 305, 0}, {84, 99, 1095, 0}, {0, 50, 700, 0}, {-0.01, 0.5, 950, 0}} {
			chip(b).Set(air)
			got := mustSense(t, x)
			for value, want := range map[string]float64{"temperature": air.Temperature, "humidity": air.Humidity, "pressure": air.Pressure} {
				if r := got[value]; math.Abs(r.Number-want) > 0.06 || r.Quality != drivers.Good {
					t.Errorf("%s of %+v: %+v", value, air, r)
				}
			}
		}
	})
}

func TestWeatherIsSensibleAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := open(t, newBoard(t), "bme280", "i2c1")
		seen := map[float64]bool{}
		for range 48 {
			for value, r := range mustSense(t, x) {
				if r.Quality != drivers.Good {
					t.Errorf("%s: %+v", value, r)
				}
				if value == "temperature" {
					seen[r.Number] = true
				}
			}
			time.Sleep(30 * time.Minute)
		}
		if len(seen) < 40 {
			t.Errorf("%d temperatures in a day", len(seen))
		}
	})
}

func TestTroubleOnTheI2CBus(t *testing.T) {
	tests := []struct {
		name  string
		make  func(b *sim.Board)
		mend  func(b *sim.Board)
		error string
	}{
		{"unplugged", func(b *sim.Board) { b.Bus("i2c1").Unplug(0x76) },
			func(b *sim.Board) {
				b.Bus("i2c1").Plug(0x76, sim.NewBME280(func(time.Time) sim.Air { return sim.Air{} }))
			}, "remote I/O error"},
		{"another chip", func(b *sim.Board) { chip(b).Become(0x61) }, func(b *sim.Board) { chip(b).Become(0x60) }, "is a BME680"},
		{"wedged", func(b *sim.Board) { chip(b).Wedge(true) }, func(b *sim.Board) { chip(b).Wedge(false) }, "does not end"},
		{"hanging bus", func(b *sim.Board) { b.Bus("i2c1").Hang() }, func(b *sim.Board) { b.Bus("i2c1").Release() }, "i2c1 hangs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBoard(t)
				x := open(t, b, "bme280", "i2c1")
				mustSense(t, x)
				test.make(b)
				start := time.Now()
				if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), test.error) {
					t.Errorf("%v, want %q", err, test.error)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("the error came after %v", took)
				}
				test.mend(b)
				come(t, x)
			})
		})
	}
	t.Run("supply lost", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBoard(t)
			x := open(t, b, "bme280", "i2c1")
			chip(b).Set(sim.Air{Temperature: 20, Humidity: 77, Pressure: 1000})
			chip(b).PowerCycle()
			if h := mustSense(t, x)["humidity"]; math.Abs(h.Number-77) > 0.1 {
				t.Errorf("%+v, want 77", h)
			}
		})
	})
}

func TestRainFallsAndIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		x := open(t, b, "pulse", "")
		time.Sleep(time.Minute)
		first := mustSense(t, x)["total"].Number
		time.Sleep(time.Minute)
		second := mustSense(t, x)["total"].Number
		if first < 2 || second-first < 2 || second > 40 {
			t.Errorf("%v tips in the first minute, %v after two", first, second)
		}
	})
}

func TestTroubleOnALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		line := b.Line("GPIO17")
		line.Quiet()
		x := open(t, b, "pulse", "")
		line.Play(3)
		line.Lose(4)
		line.Play(2)
		if got := mustSense(t, x); got["total"].Number != 9 || got["lost"].Number != 4 {
			t.Errorf("%+v", got)
		}
		line.Play(5000) // more than is kept
		if got := mustSense(t, x); got["total"].Number != 5009 {
			t.Errorf("%+v", got)
		}
		if _, err := tryOpen(t, b, "pulse", ""); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("a second driver on the line: %v", err)
		}
		line.Unplug()
		if _, err := sense(t, x); !errors.Is(err, drivers.ErrUnplugged) {
			t.Errorf("%v, want unplugged", err)
		}
		line.Plug()
		mustSense(t, x)
		line.Play(1)
		if got := mustSense(t, x); got["total"].Number != 5010 {
			t.Errorf("%+v", got)
		}
	})
}

func TestReceiverTells(t *testing.T) {
	b := sim.New(sim.Options{Location: sim.Location{Latitude: -33.8568, Longitude: 151.2153, Altitude: 4}})
	defer b.Close()
	got := mustSense(t, open(t, b, "nmea", "gnss"))
	for value, want := range map[string]float64{"latitude": -33.8568, "longitude": 151.2153, "altitude": 4} {
		if r := got[value]; math.Abs(r.Number-want) > 2 || r.Quality != drivers.Good {
			t.Errorf("%s: %+v, want %v", value, r, want)
		}
	}
	if math.Abs(got["latitude"].Number+33.8568) > 1e-3 || got["fix"].Text != "gps" {
		t.Errorf("%+v", got)
	}
}

func TestTroubleAtAPort(t *testing.T) {
	b := newBoard(t)
	tty := b.Tty("gnss")
	x := open(t, b, "nmea", "gnss")
	mustSense(t, x)

	tty.Say(sim.NoFix)
	if lat := come(t, x)["latitude"]; lat.Quality != drivers.Bad {
		lat = come(t, x)["latitude"] // the first one may still be of before
		if lat.Quality != drivers.Bad {
			t.Errorf("without a fix: %+v", lat)
		}
	}
	tty.Say(func(time.Time) string { return "\xf8\x80\xe0\x1e$\x00" })
	waitForError(t, x, func(err error) bool { return strings.Contains(err.Error(), "no NMEA sentence") })
	tty.Say(nil)
	waitForError(t, x, func(err error) bool { return strings.Contains(err.Error(), "silent") })
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := sense(t, x); !errors.Is(err, drivers.ErrUnplugged) {
		t.Errorf("after %v: %v, want unplugged", time.Since(start), err)
	}
	tty.Say(func(at time.Time) string { return sim.Fix(at, sim.Location{Latitude: 1, Longitude: 1}) })
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	if lat := come(t, x)["latitude"]; math.Abs(lat.Number-1) > 1e-3 {
		t.Errorf("after it returned: %+v", lat)
	}
}

func waitForError(t *testing.T, x drivers.Sensor, is func(error) bool) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if _, err = sense(t, x); err != nil && is(err) {
			return
		}
	}
	t.Errorf("the last error is %v", err)
}

// The position is written in degrees and minutes; it must survive the way through the real parser at all signs and at the edges.
func TestPositionSurvivesTheSentence(t *testing.T) {
	for _, l := range []sim.Location{{0.00001, -0.00001, 0}, {-89.9999, 179.9999, -400}, {59.999999, -59.999999, 8848}, {9.5, 99.5, 1}} {
		s := sim.Fix(time.Unix(1800000000, 0), l)
		if strings.Contains(s, "60.0") {
			t.Errorf("%+v: sixty minutes in %q", l, s)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	b := sim.New(sim.Options{})
	device := b.Tty("gnss").Device()
	b.Bus("i2c1").Hang()
	bus, err := b.I2C("i2c1")
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Tx(0x76, []byte{0xD0}, make([]byte, 1)); err == nil {
		t.Error("a hanging bus answered")
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(device); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", device)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	if _, err := b.Serial("other", drivers.SerialConfig{}); err == nil {
		t.Error("a port was opened on a closed board")
	}
}

// TestManyPulses: a number of pulses beyond what a float can count one by one makes none, and holds nobody up.
func TestManyPulses(t *testing.T) {
	for _, count := range []float64{1e300, math.Inf(1), math.NaN(), 1 << 60} {
		b := sim.New(sim.Options{})
		t.Cleanup(func() { b.Close() })
		b.Line("GPIO17").Pulses(func(time.Time) float64 { return count })
		edges, err := b.Pin("GPIO17", drivers.PinConfig{})
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan []drivers.Edge, 1)
		go func() {
			got, _ := edges.Read(nil)
			read <- got
		}()
		select {
		case got := <-read:
			if len(got) > 0 {
				t.Errorf("%v: %d edges of a number that stays", count, len(got))
			}
		case <-time.After(patience):
			t.Fatalf("%v: the line is held up", count)
		}
	}
}
