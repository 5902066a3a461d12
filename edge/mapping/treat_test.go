package mapping_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/formula"
	"skerry/edge/mapping"
)

var volt = drivers.ValueDoc{Name: "depth", Unit: "V"}

func points(raw, truth string, outside config.Outside, p ...config.Point) *config.Calibration {
	return &config.Calibration{Points: p, RawUnit: raw, TrueUnit: truth, Outside: outside}
}

func TestCalibrate(t *testing.T) {
	probe := []config.Point{{Raw: 0.4, True: 0}, {Raw: 1.2, True: 1}, {Raw: 2, True: 5}}
	tests := []struct {
		name   string
		change func(*config.Value)
		raw    float64
		want   string
	}{
		{"a point", func(v *config.Value) { v.Calibrate = points("V", "m", config.Extrapolate, probe...) }, 1.2, `"value":1,"unit":"m"`},
		{"the first point", func(v *config.Value) { v.Calibrate = points("V", "m", config.OutsideBad, probe...) }, 0.4, `"value":0,"unit":"m"`},
		{"the last point", func(v *config.Value) { v.Calibrate = points("V", "m", config.OutsideBad, probe...) }, 2, `"value":5,"unit":"m"`},
		{"between points", func(v *config.Value) { v.Calibrate = points("V", "m", config.Extrapolate, probe...) }, 1.6, `"value":3,"unit":"m"`},
		{"below", func(v *config.Value) { v.Calibrate = points("V", "m", config.Extrapolate, probe...) }, 0.32, `"value":-0.1,"unit":"m"`},
		{"above", func(v *config.Value) { v.Calibrate = points("V", "m", config.Extrapolate, probe...) }, 2.2, `"value":6,"unit":"m"`},
		{"below, and bad", func(v *config.Value) { v.Calibrate = points("V", "m", config.OutsideBad, probe...) }, 0.3,
			`"value":null,"unit":"m","time":"2026-11-22T04:16:00.123Z","quality":"bad","rejected":0.3`},
		{"raw in another unit", func(v *config.Value) {
			v.Calibrate = points("mV", "m", config.Extrapolate, config.Point{Raw: 400, True: 0}, config.Point{Raw: 2000, True: 5})
		}, 1.2, `"value":2.5,"unit":"m"`},
		{"published in another unit", func(v *config.Value) {
			v.Calibrate, v.Unit = points("V", "m", config.Extrapolate, probe...), "cm"
		}, 1.6, `"value":300,"unit":"cm"`},
		{"without units", func(v *config.Value) {
			v.Calibrate, v.Unit = points("", "", config.Extrapolate, probe...), "m"
		}, 1.6, `"value":3,"unit":"m"`},
		{"after multiply and offset", func(v *config.Value) {
			v.Multiply, v.Offset = 2, 0.4
			v.Calibrate = points("V", "m", config.Extrapolate, probe...)
		}, 0.6, `"value":3,"unit":"m"`},
		{"before valid", func(v *config.Value) {
			v.Valid = &config.Range{Min: 0, Max: 5}
			v.Calibrate = points("V", "m", config.Extrapolate, probe...)
		}, 2.2, `"value":null,"unit":"m","time":"2026-11-22T04:16:00.123Z","quality":"bad","rejected":6`},
		{"a polynomial", func(v *config.Value) {
			v.Calibrate, v.Unit = &config.Calibration{Polynomial: []float64{1, 0, 2}}, "m"
		}, 3, `"value":19,"unit":"m"`},
		{"a falling table", func(v *config.Value) {
			v.Calibrate = points("V", "m", config.Extrapolate, config.Point{Raw: 0, True: 10}, config.Point{Raw: 10, True: 0})
		}, 4, `"value":6,"unit":"m"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := value(volt, tt.change)
			if v.Calibrate.TrueUnit != "" && v.Unit == "V" { // as the configuration does
				v.Unit = v.Calibrate.TrueUnit
			}
			got := show(build(t, sensor(v)).Messages(nil, morning, []drivers.Reading{drivers.Number("depth", tt.raw, "V", morning)}))
			if want := "air/depth {" + tt.want; !strings.HasPrefix(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestCalibrateRefuses(t *testing.T) {
	two := []config.Point{{Raw: 0, True: 0}, {Raw: 1, True: 1}}
	tests := []struct {
		name  string
		value config.Value
		want  string
	}{
		{"raw in a unit that the driver cannot give", value(celsius, func(v *config.Value) { v.Calibrate = points("V", "", "", two...) }),
			"values.temperature.calibrate: the driver measures in °C, and there is no way from there to V; units it can be converted into: °F, K; leave the units of the points out"},
		{"raw unit of a count", value(count, func(v *config.Value) { v.Calibrate = points("V", "", "", two...) }),
			"values.total.calibrate: the driver measures in no unit, and there is no way from there to V; leave the units of the points out"},
		{"a unit that the points do not lead to", value(volt, func(v *config.Value) { v.Calibrate, v.Unit = points("V", "m", "", two...), "°C" }),
			"values.depth.unit: the calibration ends in m, and there is no way from there to °C; units it can be converted into: mm, cm, in, ft, km; leave unit: out"},
		{"a text", value(fix, func(v *config.Value) { v.Calibrate = points("", "", "", two...) }),
			"values.fix.calibrate: the value is a text, not a number; leave it out"},
		{"a window of a text", value(fix, func(v *config.Value) { v.Window = &config.Window{Count: 3} }),
			"values.fix.window: the value is a text, not a number; leave it out"},
		{"a burst of a text", value(fix, func(v *config.Value) { v.Burst = &config.Burst{Count: 3} }),
			"values.fix.burst: the value is a text, not a number; leave it out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mapping.New(sensor(tt.value), floor, mapping.NewPresent())
			if got := message(err); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWindow(t *testing.T) {
	gone := math.NaN()
	tests := []struct {
		name   string
		window config.Window
		in     []float64
		want   []string // "": null
	}{
		{"mean of three", config.Window{Count: 3, To: config.Mean}, []float64{1, 2, 6, 10}, []string{"1", "1.5", "3", "6"}},
		{"median throws an outlier away", config.Window{Count: 3, To: config.Median}, []float64{20, 21, 900, 22}, []string{"20", "20.5", "21", "22"}},
		{"min", config.Window{Count: 2, To: config.Min}, []float64{5, 3, 4, 9}, []string{"5", "3", "3", "4"}},
		{"max", config.Window{Count: 2, To: config.Max}, []float64{5, 3, 4, 9}, []string{"5", "5", "4", "9"}},
		{"over a time", config.Window{Over: 30 * time.Second, To: config.Mean}, []float64{3, 6, 9, 12}, []string{"3", "4.5", "6", "9"}},
		{"what is missing does not count, and has no value", config.Window{Count: 3, To: config.Mean}, []float64{2, gone, 4, 6}, []string{"2", "", "3", "4"}},
		{"what is not valid does not count", config.Window{Count: 3, To: config.Mean}, []float64{2, 5000, 4, 6}, []string{"2", "", "3", "4"}},
		{"what is too large for a mean", config.Window{Count: 2, To: config.Mean}, []float64{900, 900, -900, 1}, []string{"900", "900", "0", "-449.5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := build(t, sensor(value(celsius, func(v *config.Value) {
				v.Window, v.Valid = &tt.window, &config.Range{Min: -1000, Max: 1000}
			})))
			for i, n := range tt.in {
				now := morning.Add(time.Duration(i) * 10 * time.Second)
				got := show(x.Messages(nil, now, []drivers.Reading{drivers.Number("temperature", n, "°C", now)}))
				want := `{"value":` + tt.want[i] + `,`
				if tt.want[i] == "" {
					want = `{"value":null,`
				}
				if !strings.Contains(got, want) {
					t.Errorf("%v: got %s, want %s", n, got, want)
				}
			}
		})
	}
}

// After a silence the window begins anew: the mean of today has nothing of yesterday.
func TestWindowAfterSilence(t *testing.T) {
	x := build(t, sensor(value(celsius, func(v *config.Value) { v.Window = &config.Window{Count: 100, To: config.Mean} })))
	x.Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 10, "°C", morning)})
	later := morning.Add(time.Hour)
	x.Stale(nil, later)
	got := show(x.Messages(nil, later, []drivers.Reading{drivers.Number("temperature", 20, "°C", later)}))
	if !strings.Contains(got, `"value":20,`) {
		t.Errorf("got %s", got)
	}
}

// A suspect number is shown as it is, and does not get into the mean.
func TestWindowOfSuspects(t *testing.T) {
	x := build(t, sensor(value(celsius, func(v *config.Value) { v.Window = &config.Window{Count: 3, To: config.Mean} })))
	for i, r := range []struct {
		number  float64
		quality drivers.Quality
		want    string
	}{{10, drivers.Good, `"value":10,`}, {99, drivers.Suspect, `"value":99,`}, {20, drivers.Good, `"value":15,`}} {
		now := morning.Add(time.Duration(i) * 10 * time.Second)
		got := show(x.Messages(nil, now, []drivers.Reading{{Value: "temperature", Number: r.number, Unit: "°C", Time: now, Quality: r.quality}}))
		if !strings.Contains(got, r.want) {
			t.Errorf("%d: got %s, want %s", i, got, r.want)
		}
	}
}

// derived is a value that is computed, as the configuration compiles it.
func derived(t *testing.T, name, unit, source string, scope formula.Scope) config.Value {
	t.Helper()
	f, err := formula.Compile(source, scope)
	if err != nil {
		t.Fatal(err)
	}
	v := value(drivers.ValueDoc{Name: name, Unit: unit})
	v.Derive = config.Derive{Text: source, Formula: f}
	return v
}

var airScope = formula.Scope{Own: "air", Sensors: []formula.Sensor{
	{Name: "air", Values: []formula.Value{{Name: "temperature", Unit: "°C"}, {Name: "humidity", Unit: "%"}, {Name: "dew", Unit: "°C"}, {Name: "fix", Text: true}}},
	{Name: "soil", Values: []formula.Value{{Name: "temperature", Unit: "°C"}}},
}}

func TestDerived(t *testing.T) {
	c := sensor(derived(t, "spread", "K", "temperature - dew", airScope), value(celsius), value(percent),
		derived(t, "dew", "°C", "dew_point(temperature, humidity)", airScope))
	c.Values[3].Round = 0.01
	c.Derived = []string{"dew", "spread"}
	x := build(t, c)
	at := func(s int, readings ...drivers.Reading) string {
		t.Helper()
		return show(x.Messages(nil, morning.Add(time.Duration(s)*time.Second), readings))
	}
	now := func(s int) time.Time { return morning.Add(time.Duration(s) * time.Second) }

	got := at(0, drivers.Number("temperature", 20, "°C", now(0)))
	if want := `air/temperature {"value":20,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`; got != want {
		t.Errorf("before the humidity is known\n got %s\nwant %s", got, want)
	}
	got = at(10, drivers.Number("temperature", 20, "°C", now(10)), drivers.Number("humidity", 50, "%", now(9)))
	want := `air/temperature {"value":20,"unit":"°C","time":"2026-11-22T04:16:10.123Z"}
air/humidity {"value":50,"unit":"%","time":"2026-11-22T04:16:09.123Z"}
air/dew {"value":9.26,"unit":"°C","time":"2026-11-22T04:16:10.123Z"}
air/spread {"value":10.74,"unit":"K","time":"2026-11-22T04:16:10.123Z"}`
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	got = at(20, drivers.Number("temperature", 20, "°C", now(20)), drivers.Missing("humidity", "%", now(20)))
	if !strings.Contains(got, `air/dew {"value":null,"unit":"°C","time":"2026-11-22T04:16:20.123Z","quality":"bad"}`) ||
		!strings.Contains(got, `air/spread {"value":null,"unit":"K","time":"2026-11-22T04:16:20.123Z","quality":"bad"}`) {
		t.Errorf("of a bad input: %s", got)
	}
	got = at(30, drivers.Number("temperature", 20, "°C", now(30)), drivers.Number("humidity", 0, "%", now(30)))
	if !strings.Contains(got, `air/dew {"value":null,"unit":"°C","time":"2026-11-22T04:16:30.123Z","quality":"bad"}`) {
		t.Errorf("of air that cannot be: %s", got)
	}
	suspect := drivers.Reading{Value: "humidity", Number: 50, Unit: "%", Time: now(40), Quality: drivers.Suspect}
	if got = at(40, drivers.Number("temperature", 20, "°C", now(40)), suspect); !strings.Contains(got, `air/dew {"value":9.26,"unit":"°C","time":"2026-11-22T04:16:40.123Z","quality":"suspect"}`) {
		t.Errorf("of a suspect input: %s", got)
	}
	got = show(x.Stale(nil, now(100)))
	if strings.Count(got, `"quality":"stale"`) != 4 {
		t.Errorf("stale: %s", got)
	}
}

// The unit that a formula gives is converted like that of a driver.
func TestDerivedUnit(t *testing.T) {
	v := derived(t, "dew", "°C", "dew_point(temperature, humidity)", airScope)
	v.Unit, v.Round = "°F", 0.1
	c := sensor(value(celsius), value(percent), v)
	c.Derived = []string{"dew"}
	got := show(build(t, c).Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 20, "°C", morning), drivers.Number("humidity", 50, "%", morning)}))
	if !strings.Contains(got, `air/dew {"value":48.7,"unit":"°F"`) {
		t.Errorf("got %s", got)
	}
	v.Unit = "V"
	c.Values[2] = v
	want := "values.dew.unit: the formula gives °C, and there is no way from there to V; units it can be converted into: °F, K; to convert it yourself write multiply:, and offset: if the zeros differ"
	if _, err := mapping.New(c, floor, mapping.NewPresent()); message(err) != want {
		t.Errorf("got %v", err)
	}
}

// TestDerivedOfAnother: what is derived from a sensor that has fallen silent is not called good.
func TestDerivedOfAnother(t *testing.T) {
	station := mapping.NewPresent()
	c := sensor(value(celsius), derived(t, "above", "K", "temperature - soil.temperature", airScope))
	c.Derived = []string{"above"}
	air := buildIn(t, c, station)
	s := sensor(value(celsius))
	s.Name = "soil"
	soil := buildIn(t, s, station)
	now := func(s int) time.Time { return morning.Add(time.Duration(s) * time.Second) }
	read := func(s int) string {
		return show(air.Messages(nil, now(s), []drivers.Reading{drivers.Number("temperature", 20, "°C", now(s))}))
	}
	if got := read(0); strings.Contains(got, "above") {
		t.Errorf("before the other is known: %s", got)
	}
	soil.Messages(nil, now(5), []drivers.Reading{drivers.Number("temperature", 12, "°C", now(5))})
	if got, want := show(air.Stale(nil, now(6))), `air/above {"value":8,"unit":"K","time":"2026-11-22T04:16:05.123Z"}`; got != want {
		t.Errorf("as soon as it is known\n got %s\nwant %s", got, want)
	}
	if got := read(10); !strings.Contains(got, `air/above {"value":8,"unit":"K","time":"2026-11-22T04:16:10.123Z"}`) {
		t.Errorf("got %s", got)
	}
	if got := show(air.Stale(nil, now(20))); got != "" {
		t.Errorf("nothing has changed: %s", got)
	}
	soil.Stale(nil, now(60))
	if got, want := show(air.Stale(nil, now(30))), `air/above {"value":8,"unit":"K","time":"2026-11-22T04:16:10.123Z","quality":"stale"}`; got != want {
		t.Errorf("as soon as it is stale: %s", got)
	}
	if got := show(air.Stale(nil, now(31))); got != "" {
		t.Errorf("told twice: %s", got)
	}
	if got := read(70); !strings.Contains(got, `air/above {"value":8,"unit":"K","time":"2026-11-22T04:17:10.123Z","quality":"stale"}`) {
		t.Errorf("of a stale one: %s", got)
	}
}

// TestDerivedOfNothing: what was never read is stale without a number, and so is what is derived from it.
func TestDerivedOfNothing(t *testing.T) {
	station := mapping.NewPresent()
	s := sensor(value(celsius))
	s.Name = "soil"
	soil := buildIn(t, s, station)
	soil.Stale(nil, morning)
	soil.Stale(nil, morning.Add(time.Minute))
	c := sensor(value(celsius), derived(t, "above", "K", "temperature - soil.temperature", airScope))
	c.Derived = []string{"above"}
	got := show(buildIn(t, c, station).Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 20, "°C", morning)}))
	if !strings.Contains(got, `air/above {"value":null,"unit":"K","time":"2026-11-22T04:16:00.123Z","quality":"stale"}`) {
		t.Errorf("got %s", got)
	}
}

func TestAskPassesTheDeadband(t *testing.T) {
	x := build(t, sensor(value(celsius, func(v *config.Value) { v.Deadband.Amount = 5 })))
	r := []drivers.Reading{drivers.Number("temperature", 20, "°C", morning)}
	x.Messages(nil, morning, r)
	if got := x.Messages(nil, morning, r); len(got) != 0 {
		t.Errorf("inside the deadband: %s", show(got))
	}
	x.Ask()
	if got := x.Messages(nil, morning, nil); len(got) != 0 {
		t.Errorf("without readings: %s", show(got))
	}
	if got := x.Messages(nil, morning, r); len(got) != 1 {
		t.Errorf("asked for: %s", show(got))
	}
	if got := x.Messages(nil, morning, r); len(got) != 0 {
		t.Errorf("asked for once: %s", show(got))
	}
}

func TestOwnQoSAndRetain(t *testing.T) {
	c := sensor(value(celsius, func(v *config.Value) { v.QoS, v.Retain, v.Payload = 2, false, config.Bare }), value(percent))
	got := build(t, c).Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 20, "°C", morning), drivers.Number("humidity", 50, "%", morning)})
	if len(got) != 2 || got[0].QoS != 2 || got[0].Retain || string(got[0].Payload) != "20" || got[1].QoS != 1 || !got[1].Retain {
		t.Errorf("got %+v", got)
	}
}

func template(t *testing.T, text string) *config.Template {
	t.Helper()
	x := &config.Template{}
	if err := x.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestTemplate(t *testing.T) {
	good := drivers.Number("temperature", 21.53, "°C", morning)
	bad := drivers.Missing("temperature", "°C", morning)
	unset := drivers.Number("temperature", 21.53, "°C", time.Unix(12, 0))
	tests := []struct {
		template string
		reading  drivers.Reading
		want     string
	}{
		{"{value} {unit}", good, "21.53 °C"},
		{`{"t":{value},"q":"{quality}","at":{unix_ms}}`, good, `{"t":21.53,"q":"good","at":1795320960123}`},
		{"{site}/{gateway}/{sensor}/{name} {unix} {time}", good, "lake/wx/air/temperature 1795320960 2026-11-22T04:16:00.123Z"},
		{"{value}", bad, ""},
		{"{value} {quality}", bad, "null bad"},
		{"{value}", unset, "21.53"},
		{"{value} {time}", unset, ""},
		{"{value} {time} {quality}", unset, "21.53 1970-01-01T00:00:12.000Z clock-unset"},
		{"{{value}} {} {X} }{", good, "{21.53} {} {X} }{"},
	}
	for _, tt := range tests {
		c := sensor(value(celsius))
		c.Payload, c.Template, c.Site, c.Gateway = config.Formatted, template(t, tt.template), "lake", "wx"
		if got, want := show(build(t, c).Messages(nil, morning, []drivers.Reading{tt.reading})), "air/temperature "+tt.want; got != want {
			t.Errorf("%s\n got %s\nwant %s", tt.template, got, want)
		}
	}
	c := sensor(value(fix))
	c.Payload, c.Template = config.Formatted, template(t, "{value} {quoted}")
	if got, want := show(build(t, c).Messages(nil, morning, []drivers.Reading{drivers.Text("fix", `a"b`, morning)})), `air/fix a"b "a\"b"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// unpack reads a pack of SenML as a receiver does (RFC 8428, section 4.6): base fields are added, and what must be understood is noted.
func unpack(t *testing.T, payload []byte) string {
	t.Helper()
	var pack []map[any]any
	if err := cbor.Unmarshal(payload, &pack); err != nil {
		t.Fatal(err)
	}
	var lines []string
	base, baseTime := "", any(nil)
	for _, r := range pack {
		if n, ok := r[int64(-2)].(string); ok {
			base = n
		}
		if at, ok := r[int64(-3)]; ok {
			baseTime = at
		}
		at := r[uint64(6)]
		if at == nil {
			at = baseTime
		}
		name, _ := r[uint64(0)].(string)
		diagnostic, err := cbor.Diagnose(must(cbor.Marshal([]any{base + name, r[uint64(1)], r[uint64(2)], r[uint64(3)], at, r["quality_"]})))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, diagnostic)
	}
	return strings.Join(lines, "\n")
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestSenML(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	alone := func(doc drivers.ValueDoc, r drivers.Reading, change ...func(*config.Value)) []byte {
		c := sensor(value(doc, change...))
		c.Payload, c.Site, c.Gateway = config.CBOR, "lake", "wx"
		m := build(t, c).Messages(nil, noon, []drivers.Reading{r})
		if kind, _ := packet.Properties(m[0].Properties).ContentType(); string(kind) != "application/senml+cbor" {
			t.Errorf("content type %q", kind)
		}
		if err := packet.Properties(m[0].Properties).Check(packet.PUBLISH); err != nil {
			t.Error(err)
		}
		return m[0].Payload
	}
	tests := []struct {
		name    string
		payload []byte
		want    string
	}{
		{"a number", alone(celsius, drivers.Number("temperature", 21.5, "°C", noon)), `["lake/wx/air/temperature", "Cel", 21.5, null, 1795348800, null]`},
		{"a whole number", alone(percent, drivers.Number("humidity", 41, "%", noon)), `["lake/wx/air/humidity", "%RH", 41, null, 1795348800, null]`},
		{"rounded", alone(celsius, drivers.Number("temperature", 21.5349, "°C", morning), func(v *config.Value) { v.Round = 0.01 }),
			`["lake/wx/air/temperature", "Cel", 21.53, null, 1795320960.123, null]`},
		{"a text", alone(fix, drivers.Text("fix", "gps", noon)), `["lake/wx/air/fix", null, null, "gps", 1795348800, null]`},
		{"nothing", alone(celsius, drivers.Missing("temperature", "°C", noon)), `["lake/wx/air/temperature", "Cel", null, null, 1795348800, "bad"]`},
		{"without a clock", alone(celsius, drivers.Number("temperature", 21.5, "°C", time.Unix(9, 0))), `["lake/wx/air/temperature", "Cel", 21.5, null, null, "clock-unset"]`},
	}
	for _, tt := range tests {
		if got := unpack(t, tt.payload); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	// The version: 10 is not written, 26 is that with the units of RFC 8798.
	for unit, version := range map[string]any{"hPa": int64(26), "Pa": nil, "mm": int64(26), "%": int64(26), "V": nil} {
		doc := drivers.ValueDoc{Name: "x", Unit: unit}
		var pack []map[any]any
		if err := cbor.Unmarshal(alone(doc, drivers.Number("x", 1, unit, noon)), &pack); err != nil {
			t.Fatal(err)
		}
		if got := pack[0][int64(-1)]; fmt.Sprint(got) != fmt.Sprint(version) {
			t.Errorf("%s: version %v, want %v", unit, got, version)
		}
	}
	// The bytes of one, by hand: a list of one map with the labels 0, 1, 2, 6.
	want := "\x81\xa4\x00\x77lake/wx/air/temperature\x01\x63Cel\x02\xf9\x4d\x60\x06\x1a\x6b\x02\xd9\x40"
	if got := string(alone(celsius, drivers.Number("temperature", 21.5, "°C", noon))); got != want {
		t.Errorf("bytes\n got %x\nwant %x", got, want)
	}
}

func TestSenMLGroup(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	in := func(v *config.Value) { v.Topic = "" }
	c := sensor(value(celsius, in), value(percent, in), value(count, in))
	c.Payload, c.Site, c.Gateway, c.Topic = config.CBOR, "lake", "wx", "lake/wx/air"
	x := build(t, c)
	m := x.Messages(nil, noon, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", noon), drivers.Number("humidity", 41.2, "%", noon)})
	want := `["lake/wx/air/temperature", "Cel", 21.5, null, 1795348800, null]` + "\n" + `["lake/wx/air/humidity", "%RH", 41.2, null, 1795348800, null]`
	if got := unpack(t, m[0].Payload); len(m) != 1 || got != want {
		t.Errorf("got %s", got)
	}
	if n := strings.Count(string(m[0].Payload), "lake/wx/air/"); n != 1 {
		t.Errorf("the beginning of the names stands %d times", n)
	}
	m = x.Messages(nil, noon, []drivers.Reading{drivers.Number("temperature", 22, "°C", noon.Add(time.Second)), drivers.Missing("total", "", noon)})
	want = `["lake/wx/air/temperature", "Cel", 22, null, 1795348801, null]
["lake/wx/air/humidity", "%RH", 41.2, null, 1795348800, null]
["lake/wx/air/total", null, null, null, 1795348800, "bad"]`
	if got := unpack(t, m[0].Payload); got != want {
		t.Errorf("got %s", got)
	}
}

// TestResolveSenML: a pack from before the date was known leaves with the right time, when that is known.
func TestResolveSenML(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	early := time.Unix(9, 0)
	in := func(v *config.Value) { v.Topic = "" }
	c := sensor(value(celsius, in), value(percent, in))
	c.Payload, c.Site, c.Gateway, c.Topic = config.CBOR, "lake", "wx", "lake/wx/air"
	m := build(t, c).Messages(nil, early, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", early), drivers.Missing("humidity", "%", early)})
	if !m[0].Unresolved {
		t.Error("the message is not marked as one whose time is unknown")
	}
	want := `["lake/wx/air/temperature", "Cel", 21.5, null, 1795348800, null]` + "\n" + `["lake/wx/air/humidity", "%RH", null, null, 1795348800, "bad"]`
	if got := unpack(t, mapping.ResolveSenML(m[0].Payload, noon)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, other := range []string{"", "21.5", `{"time":"x"}`, "\x81", "\x80", "\x81\xa1\x00\x61a", "\x9f\xff"} {
		if got := mapping.ResolveSenML([]byte(other), noon); got != nil {
			t.Errorf("%q became %q", other, got)
		}
	}
}

func FuzzResolveSenML(f *testing.F) {
	f.Add([]byte("\x81\xa3\x00\x61a\x02\x01\x68quality_\x6bclock-unset"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if out := mapping.ResolveSenML(payload, morning); out != nil && mapping.ResolveSenML(out, morning) != nil {
			t.Errorf("%x became %x, which is not right either", payload, out)
		}
	})
}

func TestPresent(t *testing.T) {
	p := mapping.NewPresent()
	w := p.Watch([]string{"air.temperature", "soil.temperature"})
	if got := w.Take(); len(got) != 0 {
		t.Errorf("changes before any: %v", got)
	}
	p.Set("soil.temperature", mapping.Now{Number: -7}) // and never again
	for i := range 10_000 {
		p.Set("air.humidity", mapping.Now{Number: 1})
		p.Set("air.temperature", mapping.Now{Number: float64(i)})
	}
	select {
	case <-w.News():
	default:
		t.Error("no news")
	}
	got := w.Take()
	if len(got) == 0 || len(got) > 5000 || got[0].Name != "soil.temperature" || got[len(got)-1].Now.Number != 9999 || !slices.IsSortedFunc(got, func(a, b mapping.Change) int { return int(a.Now.Number - b.Now.Number) }) {
		t.Errorf("%d changes", len(got))
	}
	if n, ok := p.Look("air.temperature"); !ok || n.Number != 9999 {
		t.Errorf("now %v, %t", n, ok)
	}
}

// FuzzForms: whatever a number, a text and a quality are, each form can be read again.
func FuzzForms(f *testing.F) {
	f.Add(21.53, "gps", "{value} {unit}", byte(0), int64(1795348800))
	f.Add(math.Inf(1), "\"\\\x00\xff", "{\"a\":{quoted}", byte(3), int64(-5))
	f.Fuzz(func(t *testing.T, number float64, text, form string, quality byte, sec int64) {
		when := time.Unix(sec%(1<<37), 0)
		x := &config.Template{}
		forms := []config.Payload{config.JSON, config.Bare, config.CBOR}
		if x.UnmarshalText([]byte(form)) == nil {
			forms = append(forms, config.Formatted)
		}
		for _, p := range forms {
			c := sensor(value(celsius, func(v *config.Value) { v.Window = &config.Window{Count: 2, To: config.Mean} }), value(fix))
			c.Payload, c.Template = p, x
			for range 2 {
				for _, m := range build(t, c).Messages(nil, when, []drivers.Reading{
					{Value: "temperature", Number: number, Unit: "°C", Time: when, Quality: drivers.Quality(quality)},
					{Value: "fix", Number: math.NaN(), Text: text, Time: when, Quality: drivers.Quality(quality)},
				}) {
					if p == config.CBOR {
						unpack(t, m.Payload)
					}
				}
			}
		}
	})
}
