package nmea_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/nmea"
)

func setup() drivers.Setup { return drivers.Setup{Bus: "gnss", Opts: nmea.Kind.Opts()} }

// sum makes sentences of their contents: it puts "$", the checksum and the end of the line around each.
func sum(contents ...string) string {
	var b strings.Builder
	for _, c := range contents {
		var x byte
		for i := range len(c) {
			x ^= c[i]
		}
		fmt.Fprintf(&b, "$%s*%02X\r\n", c, x)
	}
	return b.String()
}

// At Mont Blanc, in the order that u-blox receivers send.
func goodEpoch(at time.Time) string {
	clock, date := at.UTC().Format("150405.00"), at.UTC().Format("020106")
	return sum(
		"GNRMC,"+clock+",A,4549.920,N,00651.900,E,10.0,084.4,"+date+",,,A,V",
		"GNVTG,084.4,T,,M,10.0,N,18.52,K,A",
		"GNGGA,"+clock+",4549.920,N,00651.900,E,1,08,0.90,4807.5,M,48.0,M,,",
		"GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1",
		"GPGSV,1,1,04,04,40,083,46,05,17,308,41,09,07,344,39,12,22,228,45",
		"PUBX,00,whatever",
	)
}

func receiver(say func(at time.Time) string) *drivertest.Machine {
	return &drivertest.Machine{Talker: &drivertest.Talker{Every: time.Second, Say: say}}
}

func TestDriver(t *testing.T) {
	drivertest.Suite{
		Kind:    nmea.Kind,
		Setup:   setup,
		Healthy: func() *drivertest.Machine { return receiver(goodEpoch) },
		Other: func() *drivertest.Machine {
			return receiver(func(time.Time) string { return "Grbl 1.1h ['$' for help]\r\n" })
		},
	}.Run(t)
}

// senseAt reads a receiver that says the same all the time, in 2026.
func senseAt(t *testing.T, say func(at time.Time) string) (map[string]drivers.Reading, error) {
	t.Helper()
	shift := time.Date(2026, 11, 22, 4, 16, 0, 0, time.UTC).Sub(time.Now().Truncate(time.Second))
	x, err := nmea.Kind.New(t.Context(), receiver(func(at time.Time) string { return say(at.Add(shift)) }), setup())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Halt()
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func TestGoodEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := senseAt(t, goodEpoch)
		if err != nil {
			t.Fatal(err)
		}
		numbers := map[string]float64{"latitude": 45.832, "longitude": 6.865, "altitude": 4807.5, "speed": 18.52, "course": 84.4, "satellites": 8, "hdop": 0.9}
		for value, want := range numbers {
			if r := got[value]; math.Abs(r.Number-want) > 1e-9 || r.Quality != drivers.Good {
				t.Errorf("%s: %+v, want %v", value, r, want)
			}
		}
		if got["fix"].Text != "gps" || got["time"].Text != "2026-11-22T04:16:01.000Z" || got["time"].Quality != drivers.Good {
			t.Errorf("fix %+v, time %+v", got["fix"], got["time"])
		}
		if len(got) != 9 {
			t.Errorf("%d values, want 9", len(got))
		}
	})
}

// Minutes divided by 60 make digits that the receiver has not measured: 7 decimals are a centimetre.
func TestPositionIsRounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := senseAt(t, func(time.Time) string {
			return sum("GPRMC,041600.00,A,4549.91978,N,00651.90025,W,,,221126,,,A", "GPGGA,041600.00,4549.91978,N,00651.90025,W,1,05,1.0,100.0,M,,M,,")
		})
		if err != nil || got["latitude"].Number != 45.8319963 || got["longitude"].Number != -6.8650042 {
			t.Errorf("%v, %v, %v; want 45.8319963, -6.8650042", got["latitude"].Number, got["longitude"].Number, err)
		}
	})
}

// What a receiver says without a fix decodes as 0 north 0 east; none of it may be a value.
func TestNoFixIsNoPosition(t *testing.T) {
	tests := map[string]string{
		"cold start, nothing known": sum("GPRMC,,V,,,,,,,,,,N", "GPGGA,,,,,,0,00,99.99,,,,,,"),
		"time known, no fix":        sum("GPRMC,041600.00,V,,,,,,,221126,,,N", "GPGGA,041600.00,,,,,0,03,9.99,,,,,,"),
		"zeros instead of nothing":  sum("GPRMC,041600.00,V,0000.000,N,00000.000,E,0.0,0.0,221126,,,N", "GPGGA,041600.00,0000.000,N,00000.000,E,0,00,,,M,,M,,"),
		"old position kept":         sum("GPRMC,041600.00,V,4549.920,N,00651.900,E,,,221126,,,N", "GPGGA,041600.00,4549.920,N,00651.900,E,0,00,,,M,,M,,"),
		"sentences contradict":      sum("GPRMC,041600.00,V,4549.920,N,00651.900,E,,,221126,,,N", "GPGGA,041600.00,4549.920,N,00651.900,E,1,05,1.0,100.0,M,,M,,"),
		"valid but empty":           sum("GPRMC,041600.00,A,,,,,,,221126,,,A", "GPGGA,041600.00,,,,,1,05,1.0,,M,,M,,"),
		"mode says not valid":       sum("GPRMC,041600.00,A,4549.920,N,00651.900,E,,,221126,,,N"),
		"valid, at 0 north 0 east":  sum("GPRMC,041600.00,A,0000.0000,N,00000.0000,E,0.0,0.0,221126,,,A", "GPGGA,041600.00,0000.0000,N,00000.0000,E,1,05,1.0,0.0,M,,M,,"),
		"impossible minutes":        sum("GPRMC,041600.00,A,4575.000,N,00651.900,E,,,221126,,,A"),
		"no hemisphere":             sum("GPGLL,,,,,041600.00,A,A"),
		"GNS":                       sum("GNGNS,041600.00,,,,,NN,00,99.0,,,,"),
	}
	for name, say := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := senseAt(t, func(time.Time) string { return say })
				if err != nil {
					t.Fatal(err)
				}
				for _, value := range []string{"latitude", "longitude", "altitude", "speed", "course", "hdop", "time"} {
					if r, ok := got[value]; ok && (r.Quality != drivers.Bad || !math.IsNaN(r.Number) || r.Text != "") {
						t.Errorf("%+v without a fix", r)
					}
				}
				if got["fix"].Text != "none" || got["latitude"].Value == "" {
					t.Errorf("fix %+v, latitude %+v", got["fix"], got["latitude"])
				}
			})
		})
	}
}

// The first two letters say which satellites or which instrument; they change nothing.
func TestTalkers(t *testing.T) {
	for _, talker := range strings.Fields("GP GN GL GA GB BD GI GQ QZ IN II") {
		synctest.Test(t, func(t *testing.T) {
			got, err := senseAt(t, func(at time.Time) string {
				c := at.UTC().Format("150405.00")
				return sum(talker+"RMC,"+c+",A,4549.920,N,00651.900,E,1.0,2.0,221126,,,A", talker+"GGA,"+c+",4549.920,N,00651.900,E,1,04,2.0,1.0,M,,M,,")
			})
			if err != nil || got["latitude"].Number != 45.832 || got["satellites"].Number != 4 {
				t.Errorf("%s: %+v, %v", talker, got, err)
			}
		})
	}
}

// What receivers say while they lose the sky and find it again: at no time a position that is none, and none that is old.
func TestFixIsLostAndFound(t *testing.T) {
	const pos = "4549.920,N,00651.900,E"
	steps := []struct {
		name string
		say  func(c string) []string
		want drivers.Quality
		fix  string
	}{
		{"good", func(c string) []string {
			return []string{"GPRMC," + c + ",A," + pos + ",0.1,,221126,,,A", "GPGGA," + c + "," + pos + ",1,06,1.2,100.0,M,,M,,"}
		}, drivers.Good, "gps"},
		{"dead reckoning", func(c string) []string {
			return []string{"GPRMC," + c + ",A," + pos + ",0.1,,221126,,,E", "GPGGA," + c + "," + pos + ",6,00,99.9,100.0,M,,M,,"}
		}, drivers.Suspect, "estimated"},
		{"the last position, declared invalid", func(c string) []string {
			return []string{"GPRMC," + c + ",V," + pos + ",0.1,,221126,,,N", "GPGGA," + c + "," + pos + ",0,00,99.9,100.0,M,,M,,"}
		}, drivers.Bad, "none"},
		{"RMC notices before GGA", func(c string) []string {
			return []string{"GPRMC," + c + ",V,,,,,,,221126,,,N", "GPGGA," + c + "," + pos + ",1,03,9.9,100.0,M,,M,,"}
		}, drivers.Bad, "none"},
		{"GGA notices before RMC", func(c string) []string {
			return []string{"GPRMC," + c + ",A," + pos + ",0.1,,221126,,,A", "GPGGA," + c + ",,,,,0,00,,,M,,M,,"}
		}, drivers.Bad, "none"},
		{"nothing", func(c string) []string { return []string{"GPRMC,,V,,,,,,,,,,N", "GPGGA,,,,,,0,,,,,,,,"} }, drivers.Bad, "none"},
		{"good again", func(c string) []string {
			return []string{"GPRMC," + c + ",A," + pos + ",0.1,,221126,,,D", "GPGGA," + c + "," + pos + ",2,06,1.2,100.0,M,,M,,"}
		}, drivers.Good, "dgps"},
	}
	synctest.Test(t, func(t *testing.T) {
		step := 0
		x, err := nmea.Kind.New(t.Context(), receiver(func(at time.Time) string { return sum(steps[step].say(at.UTC().Format("150405.00"))...) }), setup())
		if err != nil {
			t.Fatal(err)
		}
		for step = range steps {
			time.Sleep(10 * time.Second)
			got, err := x.Sense(t.Context(), nil)
			by := map[string]drivers.Reading{}
			for _, r := range got {
				by[r.Value] = r
			}
			if lat := by["latitude"]; err != nil || lat.Quality != steps[step].want || by["fix"].Text != steps[step].fix || math.IsNaN(lat.Number) != (lat.Quality == drivers.Bad) {
				t.Errorf("%s: %+v, %+v, %v", steps[step].name, lat, by["fix"], err)
			}
		}
	})
}

// A receiver that hangs and says its last moment for ever is not believed.
func TestStuckReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, err := nmea.Kind.New(t.Context(), receiver(func(time.Time) string { return goodEpoch(time.Unix(1800000000, 0)) }), setup())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Sense(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(10 * time.Second)
			if got, err := x.Sense(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "same moment over and over (08:00:00") || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
			if utc, _, ok := x.(drivers.Timekeeper).Fix(); ok {
				t.Errorf("it sets the clock to %v", utc)
			}
		}
	})
}

func TestQualities(t *testing.T) {
	const rmc, gga = "GPRMC,041600.00,A,4549.920,S,00651.900,W,,,221126,,,A", "GPGGA,041600.00,4549.920,S,00651.900,W,1,04,2.0,100.0,M,,M,,"
	tests := []struct {
		name  string
		say   string
		value string
		want  drivers.Quality
	}{
		{"south and west are negative", sum(rmc, gga), "latitude", drivers.Good},
		{"no course while standing", sum(rmc, gga), "course", drivers.Bad},
		{"altitude of a flat fix", sum(rmc, gga, "GPGSA,A,2,04,05,09,12,,,,,,,,,2.5,1.3,2.1"), "altitude", drivers.Suspect},
		{"position of a flat fix", sum(rmc, gga, "GPGSA,A,2,04,05,09,12,,,,,,,,,2.5,1.3,2.1"), "latitude", drivers.Good},
		{"dead reckoning", sum("GPRMC,041600.00,A,4549.920,S,00651.900,W,,,221126,,,E"), "latitude", drivers.Suspect},
		{"simulated", sum("GPRMC,041600.00,A,4549.920,S,00651.900,W,,,221126,,,S"), "longitude", drivers.Suspect},
		{"estimated by GGA", sum("GPGGA,041600.00,4549.920,S,00651.900,W,6,04,2.0,100.0,M,,M,,"), "altitude", drivers.Suspect},
		{"week rollover", sum("GPRMC,041600.00,A,4549.920,S,00651.900,W,,,080407,,,A"), "time", drivers.Suspect},
		{"no date", sum(gga), "time", drivers.Bad},
		{"31 February", sum("GPRMC,041600.00,A,4549.920,S,00651.900,W,,,310226,,,A"), "time", drivers.Bad},
		{"25 o'clock", sum("GPRMC,251600.00,A,4549.920,S,00651.900,W,,,220226,,,A"), "time", drivers.Bad},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := senseAt(t, func(time.Time) string { return test.say })
				if err != nil {
					t.Fatal(err)
				}
				if r := got[test.value]; r.Quality != test.want || r.Value == "" {
					t.Errorf("%s: %+v, want it %s", test.value, r, test.want)
				}
				if lat := got["latitude"].Number; lat >= 0 || got["longitude"].Number >= 0 {
					t.Errorf("at %v, %v; want it south and west", lat, got["longitude"].Number)
				}
			})
		})
	}
}

func TestDateIsInThisCentury(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock of the bubble says 2000
		got, err := senseAt(t, func(time.Time) string {
			return sum("GPRMC,235959.50,A,4549.920,N,00651.900,E,,,311299,,,A")
		})
		if err != nil || got["time"].Text != "2099-12-31T23:59:59.500Z" {
			t.Errorf("%+v, %v", got["time"], err)
		}
	})
}

func TestZDAGivesTheYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, err := senseAt(t, func(time.Time) string {
			return sum("GPZDA,041600.00,22,11,2126,00,00", "GPGLL,4549.920,N,00651.900,E,041600.00,A,A")
		})
		if err != nil || got["time"].Text != "2126-11-22T04:16:00.000Z" {
			t.Errorf("%+v, %v", got["time"], err)
		}
	})
}

func TestOnlySomeSentences(t *testing.T) {
	tests := []struct {
		name string
		say  func(clock string) string
		want string // the values, in order
	}{
		{"RMC", func(c string) string { return sum("GPRMC," + c + ",A,4549.920,N,00651.900,E,1.0,2.0,221126,,,A") }, "latitude longitude fix speed course time"},
		{"GGA", func(c string) string { return sum("GPGGA," + c + ",4549.920,N,00651.900,E,1,04,2.0,1.0,M,,M,,") }, "latitude longitude fix altitude satellites hdop time"},
		{"GLL", func(c string) string { return sum("GPGLL,4549.920,N,00651.900,E," + c + ",A,A") }, "latitude longitude fix time"},
		{"GNS", func(c string) string { return sum("GNGNS," + c + ",4549.920,N,00651.900,E,AN,04,2.0,1.0,2.0,,") }, "latitude longitude fix altitude satellites hdop time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x, err := nmea.Kind.New(t.Context(), receiver(func(at time.Time) string { return test.say(at.Format("150405.00")) }), setup())
				if err != nil {
					t.Fatal(err)
				}
				got, err := x.Sense(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				var values []string
				for _, r := range got {
					values = append(values, r.Value)
				}
				if have := strings.Join(values, " "); have != test.want {
					t.Errorf("values %s, want %s", have, test.want)
				}
			})
		})
	}
}

// A receiver that speaks ten times a second without a pause: each epoch is one moment, never a mix of two.
func TestEpochsAreNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		m := receiver(func(at time.Time) string {
			n++
			c := at.UTC().Format("150405.00")
			return sum(fmt.Sprintf("GPRMC,%s,A,4549.920,N,00651.900,E,%d,2.0,221126,,,A", c, n), fmt.Sprintf("GPGGA,%s,4549.920,N,00651.900,E,1,04,2.0,%d,M,,M,,", c, n))
		})
		m.Talker.Every = 100 * time.Millisecond
		x, err := nmea.Kind.New(t.Context(), m, setup())
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for range 20 {
			got, err := x.Sense(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			by := map[string]float64{}
			for _, r := range got {
				by[r.Value] = r.Number
			}
			if math.Abs(by["speed"]-by["altitude"]*1.852) > 1e-9 || by["altitude"] <= last {
				t.Fatalf("speed %v of epoch %v, altitude of epoch %v, last epoch %v", by["speed"], by["speed"]/1.852, by["altitude"], last)
			}
			last = by["altitude"]
			time.Sleep(time.Duration(last) * 37 * time.Millisecond)
		}
	})
}

// Asked once in a while, the answer is of now and not of what has waited in the port.
func TestReadingIsOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, err := nmea.Kind.New(t.Context(), receiver(goodEpoch), setup())
		if err != nil {
			t.Fatal(err)
		}
		for _, gap := range []time.Duration{0, 300 * time.Millisecond, 1900 * time.Millisecond, time.Minute} {
			time.Sleep(gap)
			got, err := x.Sense(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			said, err := time.Parse(time.RFC3339, got[len(got)-1].Text)
			if age := time.Since(said); err != nil || age > 2500*time.Millisecond {
				t.Errorf("after %v: the position is %v old (%v)", gap, age, err)
			}
		}
	})
}

func TestGarbageIsSkipped(t *testing.T) {
	tests := map[string]func(good string) string{
		"noise before":  func(good string) string { return "\x00\xff$GP\xfe,,12" + good },
		"cut sentences": func(good string) string { return good[len(good)/2:] + good },
		"wrong checksum": func(good string) string {
			return "$GPRMC,041600.00,A,0000.000,N,00000.000,E,,,221126,,,A*00\r\n" + good
		},
		"no checksum": func(good string) string {
			return "$GPGGA,041600.00,0000.000,N,00000.000,E,1,04,2.0,1.0,M,,M,,\r\n" + good
		},
		"a line that never ends": func(good string) string { return "$" + strings.Repeat("G", 5000) + good },
		"new lines only":         func(good string) string { return strings.ReplaceAll(good, "\r", "") },
		"a bit is changed":       func(good string) string { return strings.Replace(good, "4549.920", "4449.920", 1) + good },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := senseAt(t, func(at time.Time) string { return spoil(goodEpoch(at)) })
				if err != nil {
					t.Fatal(err)
				}
				if lat := got["latitude"]; math.Abs(lat.Number-45.832) > 1e-9 || lat.Quality != drivers.Good {
					t.Errorf("latitude %+v, want 45.832", lat)
				}
			})
		})
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	tests := []struct {
		name string
		say  string
		want string
	}{
		{"silence", "", "silent for 3s"},
		{"wrong speed", "\xf8\x80\xf8\x00\xe0\x1e", "no NMEA sentence"},
		{"other sentences", sum("GPGSV,1,1,04,04,40,083,46,05,17,308,41,09,07,344,39,12,22,228,45", "PUBX,00"), "no RMC, GGA, GNS, GLL or ZDA"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := senseAt(t, func(time.Time) string { return test.say })
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "gnss") {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if took := time.Since(start); took > 3500*time.Millisecond {
					t.Errorf("took %v of 3s", took)
				}
			})
		})
	}
	t.Run("unplugged", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := receiver(goodEpoch)
			x, err := nmea.Kind.New(t.Context(), m, setup())
			if err != nil {
				t.Fatal(err)
			}
			m.Talker = nil
			start := time.Now()
			if _, err := x.Sense(t.Context(), nil); !errors.Is(err, drivers.ErrUnplugged) || time.Since(start) > time.Second {
				t.Errorf("after %v: %v, want unplugged within a second", time.Since(start), err)
			}
		})
	})
}

func TestCheck(t *testing.T) {
	for wait, key := range map[time.Duration]string{0: "wait", time.Second: "", 9 * time.Second: "", time.Minute: "wait"} {
		var wrong *drivers.OptionError
		err := nmea.Kind.Check(drivers.Setup{Opts: &nmea.Opts{Wait: wait}})
		if (err != nil) != (key != "") || err != nil && (!errors.As(err, &wrong) || wrong.Key != key) {
			t.Errorf("%v: %v", wait, err)
		}
	}
}

// FuzzStream feeds bytes in pieces: nothing panics, and what comes out is documented and consistent.
func FuzzStream(f *testing.F) {
	f.Add([]byte(goodEpoch(time.Unix(1800000000, 0))), uint8(7))
	f.Add([]byte(sum("GPRMC,,V,,,,,,,,,,N")), uint8(1))
	f.Add([]byte(sum("GNGNS,014035.00,4332.69262,S,17235.48549,E,RR,13,0.9,25.63,11.24,,")+"$\x00!$"), uint8(200))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		for _, r := range nmea.Decode(stream, int(piece)+1) {
			doc, ok := nmea.Kind.Value(r.Value)
			valued := r.Text != "" || !math.IsNaN(r.Number)
			if !ok || doc.Unit != r.Unit || valued != (r.Quality != drivers.Bad) {
				t.Errorf("%+v", r)
			}
			if r.Value == "latitude" && math.Abs(r.Number) > 90 || r.Value == "longitude" && math.Abs(r.Number) > 180 {
				t.Errorf("%+v is not on Earth", r)
			}
		}
	})
}
