package line_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/line"
)

// options of a sensor of the tests: those of the driver, changed.
func options(t testing.TB, pattern string, change ...func(*line.Opts)) *line.Opts {
	t.Helper()
	o := line.Kind.Opts().(*line.Opts)
	if pattern != "" {
		if err := o.Pattern.UnmarshalText([]byte(pattern)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range change {
		c(o)
	}
	return o
}

// setup names values: "weight=2" is in field 2, "unit:text" a text.
func setup(o *line.Opts, values ...string) drivers.Setup {
	s := drivers.Setup{Bus: "scale", Opts: o, Values: map[string]any{}}
	for _, v := range values {
		opts := &line.ValueOpts{Type: "number"}
		v, text := strings.CutSuffix(v, ":text")
		if text {
			opts.Type = "text"
		}
		name, field, _ := strings.Cut(v, "=")
		if field != "" {
			opts.Field = int(field[0] - '0')
		}
		s.Values[name] = opts
	}
	return s
}

const scalePattern = `(?P<state>S[TU]),GS,(?P<weight>[-+ ][ 0-9.]+)kg`

func talker(say func(at time.Time) string) *drivertest.Machine {
	return &drivertest.Machine{Talker: &drivertest.Talker{Every: time.Second, Say: say, Piece: 7}}
}

func says(text string) *drivertest.Machine { return talker(func(time.Time) string { return text }) }

func answers(answer func(written string) string) *drivertest.Machine {
	return &drivertest.Machine{Talker: &drivertest.Talker{Answer: func(b []byte) string { return answer(string(b)) }}}
}

func TestDriver(t *testing.T) {
	other := func() *drivertest.Machine { return says("$GPGGA,,,,,,0,,,,,,,,*66\r\n") }
	t.Run("talks", func(t *testing.T) {
		drivertest.Suite{Kind: line.Kind, Other: other,
			Setup:   func() drivers.Setup { return setup(options(t, scalePattern), "state:text", "weight") },
			Healthy: func() *drivertest.Machine { return says("ST,GS,+ 12.50kg\r\n") },
		}.Run(t)
	})
	t.Run("answers", func(t *testing.T) {
		drivertest.Suite{Kind: line.Kind, Other: other,
			Setup: func() drivers.Setup {
				return setup(options(t, scalePattern, func(o *line.Opts) { o.Request = "W\r\n" }), "state:text", "weight")
			},
			Healthy: func() *drivertest.Machine {
				return answers(func(written string) string { return "ST,GS,+ 12.50kg\r\n" })
			},
		}.Run(t)
	})
}

// read opens a sensor and reads it once.
func read(t *testing.T, m drivers.Buses, s drivers.Setup) (map[string]drivers.Reading, error) {
	t.Helper()
	x, err := line.Kind.New(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Halt()
	return sense(t, x)
}

func sense(t *testing.T, x drivers.Sensor) (map[string]drivers.Reading, error) {
	t.Helper()
	got, err := x.Sense(t.Context(), nil)
	by := map[string]drivers.Reading{}
	for _, r := range got {
		by[r.Value] = r
	}
	return by, err
}

func TestLinesAreRead(t *testing.T) {
	sep := func(text line.Escaped) func(*line.Opts) {
		return func(o *line.Opts) { o.Separator = text }
	}
	tests := []struct {
		name   string
		says   string
		setup  drivers.Setup
		number float64
		text   string
	}{
		{"pattern", "T=21.5C ok\n", setup(options(t, `T=(?P<n>[-0-9.]+)C (?P<t>\w+)`), "n", "t:text"), 21.5, "ok"},
		{"negative, exponent", "T=-2.15e1C x\n", setup(options(t, `T=(?P<n>\S+)C (?P<t>\w+)`), "n", "t:text"), -21.5, "x"},
		{"sign apart", "GS,+ 12.50kg\n", setup(options(t, `(?P<t>GS),(?P<n>[-+ 0-9.]+)kg`), "n", "t:text"), 12.5, "GS"},
		{"minus apart", "GS,-   3kg\n", setup(options(t, `(?P<t>GS),(?P<n>[-+ 0-9.]+)kg`), "n", "t:text"), -3, "GS"},
		{"comma", "7,ab,3\n", setup(options(t, "", sep(",")), "n=3", "t=2:text"), 3, "ab"},
		{"tab", "7\tab\t3\n", setup(options(t, "", sep("\t")), "n=3", "t=2:text"), 3, "ab"},
		{"spaces", "  7   ab \t 3  \r\n", setup(options(t, "", sep(" ")), "n=3", "t=2:text"), 3, "ab"},
		{"number of fields", "1,2\n7,ab,3\n1,2,3,4\n", setup(options(t, "", sep(","), func(o *line.Opts) { o.Fields = 3 }), "n=3", "t=2:text"), 3, "ab"},
		{"decimal comma", "12,5;kg\n", setup(options(t, "", sep(";"), func(o *line.Opts) { o.Comma = true }), "n=1", "t=2:text"), 12.5, "kg"},
		{"another end", "7,ab,3;", setup(options(t, "", sep(","), func(o *line.Opts) { o.End = ";" }), "n=3", "t=2:text"), 3, "ab"},
		{"an end of two", "7,ab,3\r;", setup(options(t, "", sep(","), func(o *line.Opts) { o.End = "\r;" }), "n=3", "t=2:text"), 3, "ab"},
		{"UTF-8", "3,µg\n", setup(options(t, "", sep(","), func(o *line.Opts) { o.Encoding = "utf8" }), "n=1", "t=2:text"), 3, "µg"},
		{"Latin-1", "3,\xb5g\n", setup(options(t, "", sep(","), func(o *line.Opts) { o.Encoding = "latin1" }), "n=1", "t=2:text"), 3, "µg"},
		{"other lines between", "# started\n\n\xff\xfe\nT=21.5C ok\nbye\n", setup(options(t, `T=(?P<n>[-0-9.]+)C (?P<t>\w+)`), "n", "t:text"), 21.5, "ok"},
		{"two kinds of lines", "T=21.5\nS=ok\n", setup(options(t, `T=(?P<n>[-0-9.]+)|S=(?P<t>\w+)`), "n", "t:text"), 21.5, "ok"},
		{"the last of several", "T=1C a\nT=2C b\n", setup(options(t, `T=(?P<n>[-0-9.]+)C (?P<t>\w+)`), "n", "t:text"), 2, "b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := line.Kind.Check(test.setup); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				m := says(test.says)
				m.Talker.Piece = 1000
				got, err := read(t, m, test.setup)
				if err != nil || got["n"].Number != test.number || got["t"].Text != test.text {
					t.Errorf("%+v, %v; want %v, %q", got, err, test.number, test.text)
				}
			})
		})
	}
}

// What is no number, or empty, is not there; it is never 0.
func TestMissingValues(t *testing.T) {
	for _, part := range []string{"", "---", "NaN", "inf", "0x12", "1_000", "1.2.3", "12 34", "--5", "- -5", "-", "+ ", "1e999", strings.Repeat("1", 40), "1,5"} {
		synctest.Test(t, func(t *testing.T) {
			got, err := read(t, says("7;"+part+";\n"), setup(options(t, "", func(o *line.Opts) { o.Separator = ";" }), "good=1", "bad=2", "empty=3:text"))
			if err != nil || got["good"].Number != 7 || got["bad"].Quality != drivers.Bad || !math.IsNaN(got["bad"].Number) || got["empty"].Quality != drivers.Bad {
				t.Errorf("%q: %+v, %v", part, got, err)
			}
		})
	}
}

// A line whose beginning was not heard is none, however well it fits.
func TestRestOfALineIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		m := talker(func(time.Time) string {
			if n++; n == 1 {
				return "3.5\n" // of 123.5, whose first digits came before anybody listened
			}
			return "124.5\n"
		})
		got, err := read(t, m, setup(options(t, `(?P<n>[0-9.]+)`), "n"))
		if err != nil || got["n"].Number != 124.5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Between readings lines wait in the port. Old ones do not count, unless they are said to be fresh enough; then the last one does.
func TestFreshness(t *testing.T) {
	for fresh, want := range map[time.Duration]float64{2 * time.Second: 32, time.Minute: 30} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			m := talker(func(at time.Time) string {
				return time.Duration(at.Sub(start).Round(time.Second)).String() + "\n"
			})
			s := setup(options(t, `(?P<n>\d+)s`, func(o *line.Opts) { o.Fresh = fresh }), "n")
			x, err := line.Kind.New(t.Context(), m, s)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Halt()
			if _, err := sense(t, x); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Until(start.Add(30500 * time.Millisecond)))
			got, err := sense(t, x)
			if err != nil || got["n"].Number != want {
				t.Errorf("fresh %v: %+v, %v; want %v", fresh, got, err, want)
			}
		})
	}
}

// When more waited than the kernel keeps, lines may be joined of two halves: none of them counts.
func TestOverflowIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		m := talker(func(time.Time) string {
			if n++; n == 2 {
				return strings.Repeat("11111\n", 800)
			}
			return "22222\n"
		})
		m.Talker.Piece = 256
		x, err := line.Kind.New(t.Context(), m, setup(options(t, `(?P<n>\d+)`, func(o *line.Opts) { o.Fresh = time.Hour }), "n"))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		sense(t, x)
		time.Sleep(2500 * time.Millisecond)
		got, err := sense(t, x)
		if err != nil || got["n"].Number != 22222 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A late answer to the last request is dropped before the next one is sent, and not a half of it counts.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := answers(func(string) string { return "" })
		s := setup(options(t, `(?P<n>[0-9.]+)`, func(o *line.Opts) { o.Request, o.Wait = "?", 500*time.Millisecond }), "n")
		x, err := line.Kind.New(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "no answer") {
			t.Fatalf("%v", err)
		}
		start := time.Now()
		m.Talker.Every = 50 * time.Millisecond // the late answer comes in pieces
		m.Talker.Say = func(at time.Time) string {
			if at.Sub(start) < 400*time.Millisecond {
				return "1"
			}
			m.Talker.Every = time.Hour
			return "2.5\n"
		}
		m.Talker.Answer = func([]byte) string { return "77.5\n" }
		got, err := sense(t, x)
		if err != nil || got["n"].Number != 77.5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A device that talks all the time cannot be asked: which line is the answer is not known.
func TestRequestToATalker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := talker(func(time.Time) string { return "hello\n" })
		m.Talker.Every = 50 * time.Millisecond
		x, err := line.Kind.New(t.Context(), m, setup(options(t, `(?P<n>\d+)`, func(o *line.Opts) { o.Request = "?" }), "n"))
		if err != nil {
			t.Fatal(err)
		}
		defer x.Halt()
		sense(t, x)
		if _, err := sense(t, x); err == nil || !strings.Contains(err.Error(), "never silent") {
			t.Errorf("%v", err)
		}
	})
}

func TestErrorsAreToldApart(t *testing.T) {
	tests := []struct {
		name string
		m    *drivertest.Machine
		o    *line.Opts
		want string
	}{
		{"silence", says(""), options(t, `(?P<n>\d+)`), "silent for 3s"},
		{"no answer", says(""), options(t, `(?P<n>\d+)`, func(o *line.Opts) { o.Request = "?" }), "no answer within 3s"},
		{"no line", says("\xf8\x80\xe0"), options(t, `(?P<n>\d+)`), "no whole line"},
		{"endless", says(strings.Repeat("7", 3000)), options(t, `(?P<n>\d+)`), "no whole line"},
		{"other lines", says("hello\n"), options(t, `(?P<n>\d+)`), `none fits, the last one "hello"`},
		{"more behind what fits", says("7.5\n"), options(t, `(?P<n>\d+)`), `none fits, the last one "7.5"`},
		{"more before what fits", says("-7\n"), options(t, `(?P<n>\d+)`), `none fits, the last one "-7"`},
		{"one of two kinds with more", says("78\n"), options(t, `(?P<n>7)|8`), `none fits, the last one "78"`},
		{"long other lines", says(strings.Repeat("ha", 100) + "\n"), options(t, `(?P<n>\d+)`), `hahaha"...`},
		{"too long", says(strings.Repeat("7", 300) + "\n"), options(t, `(?P<n>\d+)`), "no whole line"},
		{"no text", says("\x01\x02\x03\n"), options(t, `(?P<n>.*)`), "none fits"},
		{"not ASCII", says("7 \xb0C\n"), options(t, `(?P<n>\d+).*`), "none fits"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.m.Talker.Piece = 256
				start := time.Now()
				got, err := read(t, test.m, setup(test.o, "n"))
				if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "scale") || len(got) > 0 {
					t.Errorf("%v, %v; want %q", got, err, test.want)
				}
				if took := time.Since(start); took > 3500*time.Millisecond {
					t.Errorf("took %v of 3s", took)
				}
			})
		})
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		s    drivers.Setup
		key  string
	}{
		{"neither", setup(options(t, ""), "n"), "pattern"},
		{"both", setup(options(t, `(?P<n>.)`, func(o *line.Opts) { o.Separator = "," }), "n"), "pattern"},
		{"no group", setup(options(t, `\d+`), "n"), "pattern"},
		{"no such group", setup(options(t, `(?P<n>.)`), "m"), "values.m"},
		{"field with a pattern", setup(options(t, `(?P<n>.)`), "n=1"), "values.n.field"},
		{"no field", setup(options(t, "", func(o *line.Opts) { o.Separator = "," }), "n"), "values.n.field"},
		{"field beyond", setup(options(t, "", func(o *line.Opts) { o.Separator, o.Fields = ",", 2 }), "n=3"), "values.n.field"},
		{"commas of two meanings", setup(options(t, "", func(o *line.Opts) { o.Separator, o.Comma = ",", true }), "n=1"), "decimal_comma"},
		{"no end", setup(options(t, `(?P<n>.)`, func(o *line.Opts) { o.End = "" }), "n"), "end"},
	}
	for _, test := range tests {
		var wrong *drivers.OptionError
		if err := line.Kind.Check(test.s); !errors.As(err, &wrong) || wrong.Key != test.key {
			t.Errorf("%s: %v, want %q", test.name, err, test.key)
		}
	}
	if docs := line.Kind.Declare(setup(options(t, `(?P<a>.)(.)(?P<b>.)`))); len(docs) != 2 || docs[0].Name != "a" || docs[1].Name != "b" {
		t.Errorf("the pattern declares %+v", docs)
	}
}

func TestEscapes(t *testing.T) {
	for text, want := range map[string]string{`W\r\n`: "W\r\n", `\x1bP\\`: "\x1bP\\", `\t\0`: "\t\x00", ``: ""} {
		var e line.Escaped
		if err := e.UnmarshalText([]byte(text)); err != nil || string(e) != want {
			t.Errorf("%q: %q, %v", text, e, err)
		}
	}
	for _, bad := range []string{`\`, `\q`, `\x1`, `\xzz`} {
		if err := new(line.Escaped).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if err := new(line.Pattern).UnmarshalText([]byte("(")); err == nil {
		t.Error("a pattern that is none was compiled")
	}
}

// FuzzLines feeds bytes in pieces: nothing panics, memory stays small, and what comes out is a finite number or a text.
func FuzzLines(f *testing.F) {
	f.Add([]byte("ST,GS,+ 12.50kg\r\nST,GS,-1kg\r\n"), uint8(3), true)
	f.Add([]byte("1,2,3\n\n,,\nx,y,z\n"), uint8(1), false)
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8, pattern bool) {
		s := setup(options(t, "", func(o *line.Opts) { o.Separator, o.MaxLength = ",", 40 }), "weight=1", "state=2:text")
		if pattern {
			s = setup(options(t, scalePattern, func(o *line.Opts) { o.MaxLength = 40 }), "state:text", "weight")
		}
		readings, most := line.Decode(s, stream, int(piece)+1)
		for _, r := range readings {
			valued := r.Text != "" || !math.IsNaN(r.Number)
			if valued != (r.Quality != drivers.Bad) || math.IsInf(r.Number, 0) || len(r.Text) > 80 {
				t.Errorf("%+v", r)
			}
		}
		if most > 42 {
			t.Errorf("%d bytes are kept", most)
		}
	})
}
