package mapping_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/queue"
)

var (
	morning = time.Date(2026, 11, 22, 4, 16, 0, 123_000_000, time.UTC)
	floor   = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

	celsius = drivers.ValueDoc{Name: "temperature", Unit: "°C"}
	percent = drivers.ValueDoc{Name: "humidity", Unit: "%"}
	pascal  = drivers.ValueDoc{Name: "pressure", Unit: "Pa"}
	count   = drivers.ValueDoc{Name: "total"}
	fix     = drivers.ValueDoc{Name: "fix", Text: true}
)

// value is a value as the configuration leaves it when the file says nothing of it.
func value(doc drivers.ValueDoc, change ...func(*config.Value)) config.Value {
	v := config.Value{Name: doc.Name, Doc: doc, Unit: doc.Unit, Multiply: 1, Topic: "lake/wx/air/" + doc.Name}
	for _, f := range change {
		f(&v)
	}
	return v
}

func sensor(values ...config.Value) config.Sensor {
	return config.Sensor{Name: "air", Every: 10 * time.Second, Payload: config.JSON, QoS: 1, Retain: true,
		Stale: 50 * time.Second, Values: values}
}

func build(t *testing.T, c config.Sensor) *mapping.Sensor {
	t.Helper()
	return buildIn(t, c, mapping.NewPresent())
}

// buildIn prepares a sensor of a station. Its values have what the sensor has, as the configuration leaves them.
func buildIn(t *testing.T, c config.Sensor, p *mapping.Present) *mapping.Sensor {
	t.Helper()
	c.Values = slices.Clone(c.Values)
	for i := range c.Values {
		if v := &c.Values[i]; v.Payload == "" {
			v.Payload, v.Template, v.QoS, v.Retain = c.Payload, c.Template, c.QoS, c.Retain
		}
	}
	s, err := mapping.New(c, floor, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show writes messages as a person reads them, one per line, with what the topics of the tests have in common left out.
func show(messages []*broker.Message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "%s %s\n", strings.TrimPrefix(m.TopicName, "lake/wx/"), m.Payload)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestOneReading(t *testing.T) {
	tests := []struct {
		name    string
		value   config.Value
		reading drivers.Reading
		json    string
		bare    string
	}{
		{"as it is", value(celsius), drivers.Number("temperature", 21.5, "°C", morning),
			`{"value":21.5,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "21.5"},
		{"a count", value(count), drivers.Number("total", 12, "", morning),
			`{"value":12,"time":"2026-11-22T04:16:00.123Z"}`, "12"},
		{"a count with a unit of the configuration", value(count, func(v *config.Value) { v.Unit = "mm" }),
			drivers.Number("total", 3.3528, "", morning),
			`{"value":3.3528,"unit":"mm","time":"2026-11-22T04:16:00.123Z"}`, "3.3528"},
		{"time in another zone", value(celsius), drivers.Number("temperature", 1, "°C", morning.In(time.FixedZone("", 5*3600))),
			`{"value":1,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "1"},
		{"a text", value(fix), drivers.Text("fix", `d"gps`, morning),
			`{"value":"d\"gps","time":"2026-11-22T04:16:00.123Z"}`, `d"gps`},
		{"offset without noise", value(celsius, func(v *config.Value) { v.Offset = -0.4 }),
			drivers.Number("temperature", 21.93, "°C", morning),
			`{"value":21.53,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "21.53"},
		{"multiply before offset", value(celsius, func(v *config.Value) { v.Multiply, v.Offset = 2, 1 }),
			drivers.Number("temperature", 10, "°C", morning),
			`{"value":21,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "21"},
		{"converted", value(pascal, func(v *config.Value) { v.Unit = "hPa" }), drivers.Number("pressure", 101325, "Pa", morning),
			`{"value":1013.25,"unit":"hPa","time":"2026-11-22T04:16:00.123Z"}`, "1013.25"},
		{"converted, then offset", value(celsius, func(v *config.Value) { v.Unit, v.Offset = "°F", 1 }),
			drivers.Number("temperature", 20, "°C", morning),
			`{"value":69,"unit":"°F","time":"2026-11-22T04:16:00.123Z"}`, "69"},
		{"rounded after all", value(celsius, func(v *config.Value) { v.Multiply, v.Round = 1.01, 0.01 }),
			drivers.Number("temperature", 21.318, "°C", morning),
			`{"value":21.53,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "21.53"},
		{"valid at the edge", value(celsius, func(v *config.Value) { v.Valid = &config.Range{Min: -40, Max: 60} }),
			drivers.Number("temperature", 60, "°C", morning),
			`{"value":60,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`, "60"},
		{"not valid", value(celsius, func(v *config.Value) { v.Valid, v.Round = &config.Range{Min: -40, Max: 60}, 0.1 }),
			drivers.Number("temperature", 85.04, "°C", morning),
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad","rejected":85}`, ""},
		{"valid is of the number with its offset", value(celsius, func(v *config.Value) { v.Valid, v.Offset = &config.Range{Min: 0, Max: 60}, -1 }),
			drivers.Number("temperature", 0.5, "°C", morning),
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad","rejected":-0.5}`, ""},
		{"missing", value(celsius), drivers.Missing("temperature", "°C", morning),
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"called bad, with a number", value(celsius), drivers.Reading{Value: "temperature", Number: 3, Unit: "°C", Time: morning, Quality: drivers.Bad},
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"suspect", value(celsius), drivers.Reading{Value: "temperature", Number: 99, Unit: "°C", Time: morning, Quality: drivers.Suspect},
			`{"value":99,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"suspect"}`, ""},
		{"no number, called good", value(celsius), drivers.Reading{Value: "temperature", Number: math.NaN(), Unit: "°C", Time: morning},
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"grown beyond all numbers", value(celsius, func(v *config.Value) { v.Multiply = 1e300 }), drivers.Number("temperature", 1e300, "°C", morning),
			`{"value":null,"unit":"°C","time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"no text, called good", value(fix), drivers.Reading{Value: "fix", Number: math.NaN(), Time: morning},
			`{"value":null,"time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"a unit that the driver never announced", value(pascal), drivers.Number("pressure", 1013, "hPa", morning),
			`{"value":null,"unit":"Pa","time":"2026-11-22T04:16:00.123Z","quality":"bad"}`, ""},
		{"clock not set", value(celsius), drivers.Number("temperature", 21.5, "°C", time.Unix(12, 0)),
			`{"value":21.5,"unit":"°C","time":"1970-01-01T00:00:12.000Z","quality":"clock-unset"}`, "21.5"},
		{"clock not set, and missing", value(celsius), drivers.Missing("temperature", "°C", time.Unix(12, 0)),
			`{"value":null,"unit":"°C","time":"1970-01-01T00:00:12.000Z","quality":"bad","clock":"unset"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := sensor(tt.value)
			topic := strings.TrimPrefix(tt.value.Topic, "lake/wx/")
			got := show(build(t, c).Messages(nil, morning, []drivers.Reading{tt.reading}))
			if want := topic + " " + tt.json; got != want {
				t.Errorf("json\n got %s\nwant %s", got, want)
			}
			c.Payload = config.Bare
			got = show(build(t, c).Messages(nil, morning, []drivers.Reading{tt.reading}))
			if want := topic + " " + tt.bare; got != want {
				t.Errorf("bare\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	c := sensor(value(celsius))
	c.QoS, c.Retain = 2, false
	got := build(t, c).Messages(nil, morning, []drivers.Reading{
		drivers.Number("voltage", 3, "V", morning), // not configured
		drivers.Number("temperature", 1, "°C", morning),
	})
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	if m := got[0]; m.QoS != 2 || m.Retain || m.Origin != queue.Gateway || m.TopicName != "lake/wx/air/temperature" {
		t.Errorf("message %+v", m)
	}
}

func TestRound(t *testing.T) {
	tests := []struct {
		round, number float64
		want          string
	}{
		{0, 21.529999999999998, "21.53"},
		{0, 0.1 + 0.2, "0.3"},
		{0, 45.8321234, "45.8321234"},
		{0, 100, "100"},
		{0, 1e-7, "1e-07"},
		{0, math.Copysign(0, -1), "0"},
		{0, 9007199254740991, "9007199254740991"},
		{0, -123456789012345, "-123456789012345"},
		{0, 123456789012.34567, "123456789012.35"},
		{0, 1 << 60, "1.1529215046068e+18"},
		{0.01, 21.526, "21.53"},
		{0.01, 21.5, "21.5"},
		{0.01, 21.999, "22"},
		{0.01, -0.001, "0"},
		{0.1, 0.30000000000000004, "0.3"},
		{0.5, 21.3, "21.5"},
		{0.25, 21.3, "21.25"},
		{1, 21.5, "22"},
		{5, 22.5, "25"},
		{10, 104, "100"},
		{0.0001, 1e300, "1" + strings.Repeat("0", 300)},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v to %v", tt.number, tt.round), func(t *testing.T) {
			c := sensor(value(count, func(v *config.Value) { v.Round = tt.round }))
			c.Payload = config.Bare
			m := build(t, c).Messages(nil, morning, []drivers.Reading{drivers.Number("total", tt.number, "", morning)})
			got := string(m[0].Payload)
			if tt.number == 1e300 {
				if len(got) != len(tt.want) {
					t.Errorf("%d digits, want %d", len(got), len(tt.want))
				}
			} else if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// at is a reading of the one value of a sensor, a time after morning.
type at struct {
	after   time.Duration
	number  float64 // NaN: missing
	publish bool
}

func TestDeadband(t *testing.T) {
	s, m := time.Second, time.Minute
	gone := math.NaN()
	tests := []struct {
		name      string
		deadband  config.Deadband
		heartbeat time.Duration
		readings  []at
	}{
		{"none", config.Deadband{}, 0, []at{{0, 21.5, true}, {10 * s, 21.5, true}}},
		{"absolute", config.Deadband{Amount: 0.1}, 0, []at{
			{0, 21.5, true}, {10 * s, 21.55, false}, {20 * s, 21.45, false}, {30 * s, 21.6, true}, {40 * s, 21.5, true}}},
		{"slow drift is seen", config.Deadband{Amount: 0.1}, 0, []at{
			{0, 21.5, true}, {10 * s, 21.54, false}, {20 * s, 21.58, false}, {30 * s, 21.62, true}, {40 * s, 21.66, false}}},
		{"percent", config.Deadband{Amount: 2, Percent: true}, 0, []at{
			{0, -100, true}, {10 * s, -101.9, false}, {20 * s, -102, true}, {30 * s, -100, false}}},
		{"percent of zero", config.Deadband{Amount: 2, Percent: true}, 0, []at{
			{0, 0, true}, {10 * s, 0, false}, {20 * s, 0.001, true}}},
		{"quality passes", config.Deadband{Amount: 5}, 0, []at{
			{0, 21.5, true}, {10 * s, gone, true}, {20 * s, gone, false}, {30 * s, 21.5, true}}},
		{"heartbeat", config.Deadband{Amount: 5}, m, []at{
			{0, 21.5, true}, {10 * s, 21.5, false}, {m - s, 21.5, true}, {m + 10*s, 21.5, false}, {2 * m, 21.5, true}}},
		{"heartbeat of what is missing", config.Deadband{Amount: 5}, m, []at{
			{0, gone, true}, {10 * s, gone, false}, {m, gone, true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := build(t, sensor(value(celsius, func(v *config.Value) { v.Deadband, v.Heartbeat = tt.deadband, tt.heartbeat })))
			for _, r := range tt.readings {
				now := morning.Add(r.after)
				got := x.Messages(nil, now, []drivers.Reading{drivers.Number("temperature", r.number, "°C", now)})
				if (len(got) == 1) != r.publish {
					t.Errorf("%v after %v: published %v, want %v", r.number, r.after, len(got) == 1, r.publish)
				}
			}
		})
	}
}

func TestDeadbandOfText(t *testing.T) {
	x := build(t, sensor(value(fix, func(v *config.Value) { v.Deadband.Amount = 1 })))
	for i, r := range []struct {
		text    string
		publish bool
	}{{"gps", true}, {"gps", false}, {"none", true}} {
		got := x.Messages(nil, morning, []drivers.Reading{drivers.Text("fix", r.text, morning)})
		if (len(got) == 1) != r.publish {
			t.Errorf("%d: published %v, want %v", i, len(got) == 1, r.publish)
		}
	}
}

func TestStale(t *testing.T) {
	x := build(t, sensor(value(celsius, func(v *config.Value) { v.Deadband.Amount = 100 })))
	later := func(d time.Duration) time.Time { return morning.Add(d) }
	x.Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", morning)})
	// Inside the deadband, so not published; but it is the last value.
	x.Messages(nil, later(10*time.Second), []drivers.Reading{drivers.Number("temperature", 21.6, "°C", later(10*time.Second))})

	if got := x.Stale(nil, later(50*time.Second)); len(got) != 0 {
		t.Errorf("stale after four missed readings: %s", show(got))
	}
	want := `air/temperature {"value":21.6,"unit":"°C","time":"2026-11-22T04:16:10.123Z","quality":"stale"}`
	if got := show(x.Stale(nil, later(60*time.Second))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := x.Stale(nil, later(70*time.Second)); len(got) != 0 {
		t.Errorf("stale twice: %s", show(got))
	}
	want = `air/temperature {"value":21.6,"unit":"°C","time":"2026-11-22T04:17:20.123Z"}`
	got := show(x.Messages(nil, later(80*time.Second), []drivers.Reading{drivers.Number("temperature", 21.6, "°C", later(80*time.Second))}))
	if got != want {
		t.Errorf("back again\n got %s\nwant %s", got, want)
	}
}

func TestStaleWithoutAnyReading(t *testing.T) {
	x := build(t, sensor(value(celsius), value(fix)))
	if got := x.Stale(nil, morning); len(got) != 0 {
		t.Errorf("stale at once: %s", show(got))
	}
	want := `air/temperature {"value":null,"unit":"°C","quality":"stale"}` + "\n" + `air/fix {"value":null,"quality":"stale"}`
	if got := show(x.Stale(nil, morning.Add(time.Minute))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStaleNever(t *testing.T) {
	c := sensor(value(celsius))
	c.Stale = 0
	if got := build(t, c).Stale(nil, morning.Add(1000*time.Hour)); len(got) != 0 {
		t.Errorf("stale: %s", show(got))
	}
}

func TestBareIsEmptiedOnce(t *testing.T) {
	c := sensor(value(celsius))
	c.Payload = config.Bare
	x := build(t, c)
	var got []string
	for i, n := range []float64{21.5, math.NaN(), math.NaN(), 22} {
		now := morning.Add(time.Duration(i) * 10 * time.Second)
		got = append(got, show(x.Messages(nil, now, []drivers.Reading{drivers.Number("temperature", n, "°C", now)})))
	}
	want := []string{"air/temperature 21.5", "air/temperature ", "", "air/temperature 22"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGroup(t *testing.T) {
	inGroup := func(v *config.Value) { v.Topic = "" }
	c := sensor(value(celsius, inGroup), value(percent, inGroup, func(v *config.Value) { v.Deadband.Amount = 1 }), value(count))
	c.Topic = "lake/wx/air"
	x := build(t, c)
	second := morning.Add(10 * time.Second)

	got := show(x.Messages(nil, morning, []drivers.Reading{
		drivers.Number("humidity", 41.2, "%", morning),
		drivers.Number("total", 7, "", morning),
	}))
	want := `air/total {"value":7,"time":"2026-11-22T04:16:00.123Z"}
air {"time":"2026-11-22T04:16:00.123Z","values":{"humidity":{"value":41.2,"unit":"%"}}}`
	if got != want {
		t.Errorf("first\n got %s\nwant %s", got, want)
	}

	got = show(x.Messages(nil, second, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", second)}))
	want = `air {"time":"2026-11-22T04:16:10.123Z","values":{"temperature":{"value":21.5,"unit":"°C"},` +
		`"humidity":{"value":41.2,"unit":"%","time":"2026-11-22T04:16:00.123Z"}}}`
	if got != want {
		t.Errorf("second\n got %s\nwant %s", got, want)
	}

	if got := show(x.Messages(nil, second, []drivers.Reading{drivers.Number("humidity", 41.5, "%", second)})); got != "" {
		t.Errorf("inside the deadband: %s", got)
	}
	got = show(x.Stale(nil, morning.Add(time.Hour)))
	want = `air/total {"value":7,"time":"2026-11-22T04:16:00.123Z","quality":"stale"}
air {"time":"2026-11-22T04:16:10.123Z","values":{"temperature":{"value":21.5,"unit":"°C","quality":"stale"},` +
		`"humidity":{"value":41.5,"unit":"%","quality":"stale"}}}`
	if got != want {
		t.Errorf("stale\n got %s\nwant %s", got, want)
	}
}

// TestClockStep plays a board without a clock: the time jumps by decades while Go's monotonic reading goes on.
func TestClockStep(t *testing.T) {
	x := build(t, sensor(value(celsius, func(v *config.Value) { v.Deadband.Amount = 5 })))
	now := time.Now() // with a monotonic reading
	var got []string
	for i, clock := range []time.Time{time.Unix(5, 0), time.Unix(15, 0), morning} {
		m := x.Messages(nil, now.Add(time.Duration(i)*10*time.Second), []drivers.Reading{drivers.Number("temperature", 21.5, "°C", clock)})
		got = append(got, show(m))
	}
	want := []string{
		`air/temperature {"value":21.5,"unit":"°C","time":"1970-01-01T00:00:05.000Z","quality":"clock-unset"}`,
		"",
		`air/temperature {"value":21.5,"unit":"°C","time":"2026-11-22T04:16:00.123Z"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(21.53, "°C", "gps", int64(0), byte(0), 0.01)
	f.Add(math.Inf(1), "\"\\\x00\xff", "\u2028", int64(-1)<<60, byte(9), 1e-300)
	f.Fuzz(func(t *testing.T, number float64, unit, text string, sec int64, quality byte, round float64) {
		c := sensor(
			value(drivers.ValueDoc{Name: "temperature", Unit: unit}, func(v *config.Value) { v.Round, v.Topic = math.Abs(round), "" }),
			value(fix, func(v *config.Value) { v.Topic = "" }))
		c.Topic = "lake/wx/air"
		// Years beyond four digits are no RFC 3339, and no clock.
		when := time.Unix(sec%(1<<37), 0)
		m := build(t, c).Messages(nil, when, []drivers.Reading{
			{Value: "temperature", Number: number, Unit: unit, Time: when, Quality: drivers.Quality(quality)},
			{Value: "fix", Number: math.NaN(), Text: text, Time: when, Quality: drivers.Quality(quality)},
		})
		if len(m) != 1 || !json.Valid(m[0].Payload) {
			t.Fatalf("not JSON: %q", m[0].Payload)
		}
	})
}

func BenchmarkMessages(b *testing.B) {
	s, err := mapping.New(sensor(value(celsius, func(v *config.Value) { v.Round = 0.01 }), value(percent)), floor, mapping.NewPresent())
	if err != nil {
		b.Fatal(err)
	}
	readings := []drivers.Reading{drivers.Number("temperature", 21.53, "°C", morning), drivers.Number("humidity", 41.2, "%", morning)}
	var messages []*broker.Message
	b.ReportAllocs()
	for b.Loop() {
		messages = s.Messages(messages[:0], morning, readings)
	}
}
