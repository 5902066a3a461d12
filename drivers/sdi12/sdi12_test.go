package sdi12_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/board/sim"
	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/sdi12"
)

// options of a sensor on a bus of the tests, changed by each.
func setup(change ...func(*sdi12.Opts)) drivers.Setup {
	o := sdi12.Kind.Opts().(*sdi12.Opts)
	for _, c := range change {
		c(o)
	}
	return drivers.Setup{Bus: "sdi12", Opts: o, Values: map[string]any{
		"level": &sdi12.ValueOpts{Index: 1}, "temperature": &sdi12.ValueOpts{Index: 2},
	}}
}

func gauge() *sim.SDI12Sensor {
	return &sim.SDI12Sensor{Identity: "13SKERRY  GAUGE 100", Measure: func(string) []float64 { return []float64{1.5, -2} }}
}

// machine has sensors at once answering.
func machine(sensors map[byte]*sim.SDI12Sensor) *drivertest.Machine {
	bus := &sim.SDI12{Sensors: sensors}
	return answering(func(written string) string {
		var said strings.Builder
		bus.Hear([]byte(written), func(_ time.Duration, text string) { said.WriteString(text) })
		return said.String()
	})
}

// answering has a device that answers what a function says.
func answering(answer func(written string) string) *drivertest.Machine {
	return &drivertest.Machine{Talker: &drivertest.Talker{Answer: func(b []byte) string { return answer(string(b)) }}}
}

func TestDriver(t *testing.T) {
	for _, how := range []string{"M", "C", "R0"} {
		t.Run(how, func(t *testing.T) {
			drivertest.Suite{
				Kind:    sdi12.Kind,
				Setup:   func() drivers.Setup { return setup(func(o *sdi12.Opts) { o.Measure, o.Expect = how, "GAUGE" }) },
				Healthy: func() *drivertest.Machine { return machine(map[byte]*sim.SDI12Sensor{'0': gauge()}) },
				Other: func() *drivertest.Machine {
					other := gauge()
					other.Identity = "13SKERRY  SOIL  100"
					return machine(map[byte]*sim.SDI12Sensor{'0': other})
				},
			}.Run(t)
		})
	}
}

// read opens a sensor and reads it once.
func read(t *testing.T, m drivers.Buses, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := sdi12.Kind.New(t.Context(), m, s)
	if err != nil {
		return nil, err
	}
	defer x.Halt()
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func TestMeasures(t *testing.T) {
	tests := map[string]func(*sdi12.Opts){
		"M":             func(o *sdi12.Opts) {},
		"additional":    func(o *sdi12.Opts) { o.Measure = "M1" },
		"concurrent":    func(o *sdi12.Opts) { o.Measure = "C" },
		"continuous":    func(o *sdi12.Opts) { o.Measure = "R3" },
		"without a CRC": func(o *sdi12.Opts) { o.CRC = "off" },
		"queried":       func(o *sdi12.Opts) { o.Address = '?' },
		"with line end": func(o *sdi12.Opts) { o.LineEnd = "crlf" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := read(t, machine(map[byte]*sim.SDI12Sensor{'0': gauge()}), setup(change))
				if err != nil || len(got) != 2 || got["level"].Number != 1.5 || got["temperature"].Number != -2 {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// Each sensor has its own values, and the port is closed with the last one.
func TestSeveralSensorsOnOnePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gauge()
		b.Measure = func(string) []float64 { return []float64{7, 8} }
		m := machine(map[byte]*sim.SDI12Sensor{'0': gauge(), 'b': b})
		first, err := sdi12.Kind.New(t.Context(), m, setup())
		if err != nil {
			t.Fatal(err)
		}
		second, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Address = 'b' }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Adapter = "transparent" })); err == nil || !strings.Contains(err.Error(), "one adapter") {
			t.Errorf("another adapter on the same port: %v", err)
		}
		if err := first.Halt(); err != nil {
			t.Error(err)
		}
		got, err := second.Sense(t.Context(), nil)
		if err != nil || len(got) != 2 || got[0].Number != 7 || got[1].Number != 8 {
			t.Errorf("%+v, %v", got, err)
		}
		if err := second.Halt(); err != nil {
			t.Error(err)
		}
	})
}

func TestErrorsAreToldApart(t *testing.T) {
	healthy := func(written string) string {
		switch written {
		case "0I!":
			return "013SKERRY  GAUGE 100\r\n"
		case "0MC!":
			return "00002\r\n"
		case "0D0!":
			return "0+1.5-2" + sdi12.CRC("0+1.5-2") + "\r\n"
		}
		return ""
	}
	sick := func(command, answer string) func(string) string {
		return func(written string) string {
			if written == command {
				return answer
			}
			return healthy(written)
		}
	}
	tests := []struct {
		name   string
		answer func(string) string
		want   error
	}{
		{"silence", func(string) string { return "" }, sdi12.ErrNoAnswer},
		{"no answer to the measurement", sick("0MC!", ""), sdi12.ErrNoAnswer},
		{"no answer to the data", sick("0D0!", ""), sdi12.ErrNoAnswer},
		{"another address", func(w string) string { return strings.ReplaceAll(healthy(w), "0", "1") }, sdi12.ErrOtherAddress},
		{"another address gives the data", sick("0D0!", "1+1.5-2\r\n"), sdi12.ErrOtherAddress},
		{"wrong CRC", sick("0D0!", "0+1.6-2"+sdi12.CRC("0+1.5-2")+"\r\n"), sdi12.ErrCRC},
		{"no CRC", sick("0D0!", "0+1.5-2\r\n"), sdi12.ErrCRC},
		{"garbage", sick("0D0!", "0+1.5*2"+sdi12.CRC("0+1.5*2")+"\r\n"), sdi12.ErrGarbled},
		{"torn", sick("0D0!", "0+1.5"), sdi12.ErrGarbled},
		{"endless", sick("0D0!", strings.Repeat("0+1", 1000)), sdi12.ErrGarbled},
		{"noise", func(string) string { return "\xff\x00\x80%%\r\n" }, sdi12.ErrOtherAddress},
		{"no values announced", sick("0MC!", "00000\r\n"), sdi12.ErrTooFew},
		{"too few announced", sick("0MC!", "00001\r\n"), sdi12.ErrOutOfStep},
		{"too few data", sick("0MC!", "00003\r\n"), sdi12.ErrNoAnswer}, // there is no 0D1!
		{"aborted", sick("0D0!", "0"+sdi12.CRC("0")+"\r\n"), sdi12.ErrAborted},
		{"aborted, without its CRC", sick("0D0!", "0\r\n"), sdi12.ErrAborted},
		{"takes longer than a reading", sick("0MC!", "00302\r\n"), sdi12.ErrNotReady},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got, err := read(t, answering(test.answer), setup())
				if !errors.Is(err, test.want) || len(got) > 0 {
					t.Errorf("%v, %v; want %v", got, err, test.want)
				}
				if err != nil && !strings.Contains(err.Error(), "sdi12") {
					t.Errorf("%v names no port", err)
				}
				if took := time.Since(start); took > drivers.SenseTimeout+5*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// A measurement that has not all the places is another one than was meant.
func TestPlaceBeyondTheMeasurement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setup()
		s.Values["salinity"] = &sdi12.ValueOpts{Index: 3}
		got, err := read(t, machine(map[byte]*sim.SDI12Sensor{'0': gauge()}), s)
		if !errors.Is(err, sdi12.ErrTooFew) || !strings.Contains(err.Error(), "salinity is number 3 of 2") || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A long concurrent measurement holds nobody up: it is fetched by the reading that comes when it is ready, with the time at which it was.
func TestLongConcurrentMeasurement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, starts := gauge(), 0
		slow.Ready = 25 * time.Second
		slow.Measure = func(string) []float64 { starts++; return []float64{float64(starts), 0} }
		m := machine(map[byte]*sim.SDI12Sensor{'0': slow, '1': gauge()})
		x, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Measure = "C" }))
		if err != nil {
			t.Fatal(err)
		}
		other, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Address = '1' }))
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			begin := time.Now()
			got, err := x.Sense(t.Context(), nil)
			notYet, ok := errors.AsType[*drivers.NotYetError](err)
			if !ok || len(got) > 0 || !errors.Is(err, sdi12.ErrNotReady) || notYet.After.Round(time.Second) != 25*time.Second || time.Since(begin) > time.Second {
				t.Fatalf("after %v: %v, %v", time.Since(begin), got, err)
			}
			if got, err := other.Sense(t.Context(), nil); err != nil || got[0].Number != 1.5 {
				t.Errorf("its neighbour meanwhile: %v, %v", got, err)
			}
			time.Sleep(notYet.After)
			got, err = x.Sense(t.Context(), nil)
			if err != nil || got[0].Number != float64(n) || starts != n {
				t.Fatalf("%d were started: %v, %v", starts, got, err)
			}
			if ready := got[0].Time.Sub(begin).Round(time.Second); ready != 25*time.Second {
				t.Errorf("measured after %v", ready)
			}
		}
	})
}

// What was measured is not fetched when another measurement was started meanwhile, or when it is old.
func TestMeasurementThatIsNotTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := gauge()
		slow.Measure = func(which string) []float64 {
			if which == "1" {
				slow.Ready = 0
				return []float64{77, 78}
			}
			slow.Ready = 25 * time.Second
			return []float64{1.5, -2}
		}
		m := machine(map[byte]*sim.SDI12Sensor{'0': slow})
		x, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Measure = "C" }))
		if err != nil {
			t.Fatal(err)
		}
		other, err := sdi12.Kind.New(t.Context(), m, setup(func(o *sdi12.Opts) { o.Measure = "M1" }))
		if err != nil {
			t.Fatal(err)
		}
		notYet := func(when string) {
			t.Helper()
			if got, err := x.Sense(t.Context(), nil); !errors.Is(err, sdi12.ErrNotReady) || len(got) > 0 {
				t.Errorf("%s: %v, %v", when, got, err)
			}
		}
		notYet("at first")
		if got, err := other.Sense(t.Context(), nil); err != nil || got[0].Number != 77 {
			t.Errorf("the other measurement: %v, %v", got, err)
		}
		time.Sleep(26 * time.Second)
		notYet("after another measurement")
		time.Sleep(10 * time.Minute)
		notYet("much later")
		time.Sleep(26 * time.Second)
		if got, err := x.Sense(t.Context(), nil); err != nil || got[0].Number != 1.5 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// Another sensor at the same address is refused for good, also when it came without a gap in the schedule.
func TestExchangedSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sensors := map[byte]*sim.SDI12Sensor{'0': gauge()}
		x, err := sdi12.Kind.New(t.Context(), machine(sensors), setup(func(o *sdi12.Opts) { o.Measure = "R0" }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Sense(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		sensors['0'].Identity = "13SKERRY  SOIL  100"
		for range 3 {
			if got, err := x.Sense(t.Context(), nil); !errors.Is(err, sdi12.ErrOtherSensor) || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
		}
		sensors['0'].Identity = "13SKERRY  GAUGE 101" // the same model, newer
		if _, err := x.Sense(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	tests := []struct {
		change func(*sdi12.Opts)
		index  int
		key    string // "": right
	}{
		{func(o *sdi12.Opts) {}, 9, ""},
		{func(o *sdi12.Opts) { o.Measure = "C" }, 99, ""},
		{func(o *sdi12.Opts) {}, 10, "values.level.index"},
		{func(o *sdi12.Opts) {}, 0, "values.level.index"},
		{func(o *sdi12.Opts) { o.Measure = "m" }, 1, "measure"},
		{func(o *sdi12.Opts) { o.Measure = "" }, 1, "measure"},
		{func(o *sdi12.Opts) { o.Adapter, o.LineEnd = "transparent", "cr" }, 1, "line_end"},
	}
	for _, test := range tests {
		s := setup(test.change)
		s.Values["level"] = &sdi12.ValueOpts{Index: test.index}
		err := sdi12.Kind.Check(s)
		var wrong *drivers.OptionError
		if (err != nil) != (test.key != "") || err != nil && (!errors.As(err, &wrong) || wrong.Key != test.key) {
			t.Errorf("%+v: %v, want %q", s.Opts, err, test.key)
		}
	}
}

// The characters of a CRC go up to 0x7F, which looks like noise and is none: one answer in 64 ends with it.
func TestCRCThatEndsWithDEL(t *testing.T) {
	const data = "9+1.71+23.1"
	if c := sdi12.CRC(data); c[2] != 0x7F {
		t.Fatalf("the CRC is %q", c)
	}
	sensor := map[string]string{"9I!": "913SKERRY  GAUGE 100", "9MC!": "90002", "9D0!": data + sdi12.CRC(data)}
	synctest.Test(t, func(t *testing.T) {
		m := answering(func(written string) string { return sensor[written] + "\r\n" })
		got, err := read(t, m, setup(func(o *sdi12.Opts) { o.Address = '9' }))
		if err != nil || got["level"].Number != 1.71 || got["temperature"].Number != 23.1 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
