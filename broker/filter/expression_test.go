package filter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/broker/filter"
	"skerry/broker/packet"
)

// a message that expressions are asked about.
type message struct {
	topic, payload string
	properties     packet.Properties
	qos            byte
	retain         bool
	age            time.Duration
	date           bool // it is 12:29:30
}

func (m message) subject() *filter.Subject {
	s := &filter.Subject{}
	if m.date {
		s.Date = func() (time.Time, bool) { return time.Date(2026, 11, 22, 12, 29, 30, 0, time.UTC), true }
	}
	s.Set(m.topic, []byte(m.payload), m.properties, m.qos, m.retain, m.age)
	return s
}

func compile(t testing.TB, source string) *filter.Expression {
	t.Helper()
	x, err := filter.Compile(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return x
}

func user(pairs ...string) (p packet.Properties) {
	for i := 0; i < len(pairs); i += 2 {
		p = p.AppendUserProperty(pairs[i], pairs[i+1])
	}
	return p
}

func contentType(t string) packet.Properties {
	return packet.Properties{}.AppendString(packet.ContentType, t)
}

const (
	holds  = ""        // the expression holds
	not    = "not"     // it does not
	absent = "missing" // it cannot tell: something is missing
	wrong  = "wrong"   // it cannot tell: something cannot be compared, or is not of the kind
)

func TestHolds(t *testing.T) {
	air := message{topic: "lake/wx-042/air/temperature", payload: `{"value":31.5,"unit":"°C"}`, qos: 1, retain: true, age: 90 * time.Second}
	nested := message{topic: "a", payload: `{"a":{"b":[1,2,{"c":"x"}]},"n":null,"list":[{"n":"t","v":31},{"n":"h","v":60}]}`}
	for _, tc := range []struct {
		when string
		of   message
		want string
	}{
		{"value > 30", air, holds},
		{"value > 31.5", air, not},
		{`data.unit == "°C" and value >= 31.5`, air, holds},
		{`topic endsWith "/temperature" && levels[0] == "lake" && levels[-1] == "temperature" && len(levels) == 4`, air, holds},
		{`topic matches "^lake/.*/temperature$"`, air, holds},
		{`payload contains "unit"`, air, holds},
		{"qos == 1 and retain and size == 27 and age > 60", air, holds},
		{`quality == "good"`, air, holds},
		{`quality == "good"`, message{payload: "31"}, holds},
		{`quality == "good"`, message{payload: "warm"}, absent},
		{`quality != "good"`, message{payload: `{"value":1,"quality":"suspect"}`}, holds},
		{`quality == "stale"`, message{payload: `{"values":{"a":{"value":1,"quality":"suspect"},"b":{"value":null,"quality":"stale"},"c":{"value":1}}}`}, holds},
		{`quality == "good"`, message{payload: `{"values":{"a":{"value":1},"b":3},"quality":4}`}, holds},
		{`time.hour == 23 and time.weekday == 7 and time.day == 22 and time.year == 2026`, message{payload: `{"time":"2026-11-23T00:10:00+01:00"}`}, holds},
		{`time.unix == 1763900000.5 and time.month == 11`, message{payload: `{"time":1763900000.5}`}, holds},
		{`time.hour >= 0`, message{payload: `{"time":"noon"}`}, absent},
		{`time.hour >= 0`, message{payload: `{"time":1763900000000}`}, absent},
		{`time.hour >= 0`, air, absent},
		{`time.second == 30 and time.minute == 28`, message{payload: "31", age: time.Minute, date: true}, holds},
		{`(time?.hour ?? 12) == 12`, air, holds},
		{`time.hours == 23`, message{payload: "31", date: true}, absent},
		{"qos == 2", air, not},
		{"not (value > 30)", air, not},
		{"let v = value * 1.8 + 32; v > 88 and v < 89", air, holds},
		{"true", message{}, holds},

		{"value > 30", message{payload: "31"}, holds},
		{"value > 30", message{payload: " 31.25\n"}, holds},
		{"value == 5", message{payload: "+05"}, holds},
		{"value == -0.5", message{payload: "-.5"}, holds},
		{"value == 1e3", message{payload: "1E3"}, holds},
		{"value > 30", message{payload: ""}, absent},
		{"value > 30", message{payload: "warm"}, absent},
		{"value > 30", message{payload: "0x1F"}, absent},
		{"value > 30", message{payload: "1_000"}, absent},
		{"value > 30", message{payload: "NaN"}, absent},
		{"value > 30", message{payload: "Infinity"}, absent},
		{"value > 30", message{payload: "1e999"}, absent},
		{"value > 30", message{payload: "1-2"}, absent},
		{"value > 30", message{payload: `{"temperature":31}`}, absent},
		{"value > 30", message{payload: `{"value":null}`}, absent},
		{"value > 30", message{payload: `{"value":"31"}`}, wrong},
		{"float(value) > 30", message{payload: `{"value":"31"}`}, holds},
		{`value == "31"`, message{payload: `{"value":"31"}`}, holds},
		{"value > 30", message{payload: `{"value":31`}, absent},
		{"value", message{payload: `{"value":true}`}, holds},
		{"value", message{payload: `{"value":7}`}, wrong},

		{"data.a.b[1] == 2", nested, holds},
		{`data.a.b[2].c == "x" and data["a"]["b"][-1].c == "x"`, nested, holds},
		{"data.a.b[3] == 2", nested, absent},
		{"data.a.x == 2", nested, absent},
		{"data.x != 5", nested, absent},
		{"not (data.x == 5)", nested, absent},
		{"data.x.y.z == 5", nested, absent},
		{"(data.x ?? 7) == 7", nested, holds},
		{"(data.x.y.z ?? 7) == 7", nested, holds},
		{"(data.a.b[0] ?? 7) == 1", nested, holds},
		{"data?.x?.y == nil", nested, holds},
		{"data?.x.y == nil", nested, holds},
		{"data.n == nil", nested, holds},
		{`"a" in data and not ("x" in data)`, nested, holds},
		{"data.a > 5", nested, wrong},
		{"data.a.b.c == 1", nested, wrong},
		{"(value ?? 3) == 3", nested, holds},
		{`any(data.list, .n == "t" and .v > 30)`, nested, holds},
		{`count(data.list, .v > 30) == 2 and all(data.list, .v > 30) and none(data.list, .v > 99)`, nested, holds},
		{`any(data.list, .x > 30)`, nested, absent},
		{`find(data.list, .n == "h").v == 60`, nested, holds},
		{"sum(data.list, .v) == 91", nested, holds},
		{"data.a or data.n", nested, wrong},
		{"data[0] == 21", message{payload: "[21]"}, holds},
		{"data.x == 1", message{payload: "not json"}, absent},
		{"data.x == 1", message{payload: "21"}, wrong},

		{`content_type == "application/json"`, message{properties: contentType("application/json")}, holds},
		{`content_type == ""`, message{}, holds},
		{`user.region == "north"`, message{properties: user("region", "north")}, holds},
		{`user.region == "north"`, message{properties: user("region", "north", "region", "south")}, holds},
		{`user.region == "north"`, message{properties: user("site", "lake")}, absent},
		{`"site" in user and user["site"] != "x"`, message{properties: user("site", "lake")}, holds},

		{"payload == \"\xff\"", message{payload: "\xff"}, not}, // the source is text; a payload need not be
		{"size > 65536", message{payload: strings.Repeat("x", filter.MaxPayload+1)}, holds},
		{`payload contains "x"`, message{payload: strings.Repeat("x", filter.MaxPayload+1)}, absent},
		{"1 % int(value) == 0", message{payload: "0"}, wrong},
	} {
		t.Run(tc.when+" of "+fmt.Sprintf("%.30q", tc.of.payload), func(t *testing.T) {
			x := compile(t, tc.when)
			got, err := x.Check(tc.of.subject())
			if got != (tc.want == holds) {
				t.Errorf("holds: %v, %v", got, err)
			}
			missing := err != nil && strings.HasSuffix(err.Error(), " is missing")
			if (err != nil) != (tc.want == absent || tc.want == wrong) || missing != (tc.want == absent) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		source, problem string
		column          int
	}{
		{"valeu > 30", `nothing is called "valeu" here`, 1},
		{`value > 30 and tpoic == "a"`, `nothing is called "tpoic" here`, 16},
		{"", "the expression ends too early", 1},
		{"value >", "the expression ends too early", 7},
		{"value = 30", "unexpected token", 7},
		{"qos", "expected bool, but got int", 0},
		{`topic > 3`, "invalid operation", 7},
		{"value in 20..30", "a range has no place", 12},
		{"payload matches data.pattern", "the pattern behind matches", 9},
		{`topic matches "("`, "error parsing regexp", 0},
		{"any(data, any(.list, # > 3))", "a loop over a list inside another", 0},
		{"now() > 3", `nothing is called "now" here`, 1},
		{`repeat(payload, 1000) == ""`, `nothing is called "repeat" here`, 1},
		{"$env.value > 3", `nothing is called "$env" here`, 1},
		{"topic.Len() > 3", "a call of something that is no function", 0},
		{"value(3) > 3", "a call of something that is no function", 0},
		{strings.Repeat("qos == 1 or ", filter.MaxNodes) + "true", "", 0},
		{strings.Repeat("(", 10_000), "is longer than", 0},
		{strings.Repeat("(", 4000), "", 0},
		{strings.Repeat("!", 4000) + "true", "", 0},
		{strings.Repeat("[", 4000), "", 0},
		{"\x00", "", 0},
		{"\xff\xfe", "", 0},
	} {
		t.Run(fmt.Sprintf("%.40q", tc.source), func(t *testing.T) {
			_, err := filter.Compile(tc.source)
			wrong, ok := errors.AsType[*filter.SyntaxError](err)
			if !ok {
				t.Fatalf("error %v, want a SyntaxError", err)
			}
			if !strings.Contains(wrong.Problem, tc.problem) || strings.Contains(wrong.Problem, "\n") {
				t.Errorf("problem %q, want %q", wrong.Problem, tc.problem)
			}
			if tc.column != 0 && wrong.Column != tc.column {
				t.Errorf("column %d, want %d", wrong.Column, tc.column)
			}
			if wrong.Hint == "" && wrong.Word == "" && tc.problem != "" {
				t.Errorf("no hint: %v", wrong)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	x := compile(t, "value > 30")
	for _, payload := range []string{"31", "29", "x", `{"value":"x"}`} {
		x.Holds(message{payload: payload}.subject())
	}
	if got, want := x.Counts(), (filter.Counts{Asked: 4, Held: 1, Failed: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestSubjectAgain: nothing of one message is seen in the next.
func TestSubjectAgain(t *testing.T) {
	s := message{topic: "a/b", payload: `{"value":31}`, properties: user("k", "v")}.subject()
	x, y := compile(t, "value > 30 and levels[1] == \"b\""), compile(t, `user.k == "v"`)
	if !x.Holds(s) || !y.Holds(s) {
		t.Fatal("does not hold")
	}
	s.Set("a", []byte("29"), nil, 0, false, 0)
	for _, x := range []*filter.Expression{x, y} {
		if held, _ := x.Check(s); held {
			t.Error("the message before is still seen")
		}
	}
	s.Set("c/b", []byte("40"), nil, 0, false, 0)
	if !x.Holds(s) {
		t.Error("does not hold")
	}
	s.Clear()
	if v := s.Saw("value"); v != nil {
		t.Errorf("an empty Subject has the value %v", v)
	}
}
