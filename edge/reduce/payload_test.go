package reduce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker"
)

var at = time.Date(2026, 11, 22, 4, 10, 0, 123e6, time.UTC)

// reduced is what comes out of payloads that came a second apart.
func reduced(to string, payloads ...string) string {
	t, all := &topic{}, strings.Split(to, " ")
	for i, p := range payloads {
		t.take(&broker.Message{Payload: []byte(p)}, at.Add(time.Duration(i)*time.Second), true, all)
	}
	return string(bytes.Join(append(t.Before, t.payload(all)), []byte(" and ")))
}

const times = `,"from":"2026-11-22T04:10:00.123Z","time":"2026-11-22T04:10:02.123Z"}`

func TestPayload(t *testing.T) {
	for _, c := range []struct {
		name, to string
		in       []string
		want     string
	}{
		{"values", "mean min max last", []string{`{"value":21.5,"unit":"°C"}`, `{"value":21.75,"unit":"°C"}`, `{"value":21.6,"unit":"°C"}`},
			`{"mean":21.6167,"min":21.5,"max":21.75,"last":21.6,"unit":"°C","count":3` + times},
		{"one thing", "max", []string{`{"value":21.5,"unit":"°C"}`, `{"value":21.75,"unit":"°C"}`, `{"value":21.6,"unit":"°C"}`},
			`{"value":21.75,"unit":"°C","count":3` + times},
		{"bare numbers", "mean", []string{"1", "2", "2"}, "1.67"},
		{"bare numbers, several things", "min max", []string{"-1", "2", "0"}, `{"min":-1,"max":2,"count":3` + times},
		{"what is not good is not in it", "mean max", []string{`{"value":1}`, `{"value":99,"quality":"suspect"}`, `{"value":null,"quality":"bad"}`},
			`{"mean":1,"max":1,"count":1` + times},
		{"nothing good", "mean max", []string{`{"value":1,"quality":"stale"}`, `{"value":9,"quality":"suspect"}`, `{"value":null,"quality":"bad"}`},
			`{"mean":null,"max":null,"count":0,"quality":"bad"` + times},
		{"a time that is not known", "last", []string{`{"value":1}`, `{"value":2,"quality":"clock-unset"}`, `{"value":3}`},
			`{"value":3,"count":3,"quality":"clock-unset"` + times},
		{"a group", "min max", []string{`{"values":{"t":{"value":1,"unit":"°C"},"h":{"value":50}}}`, `{"values":{"t":{"value":2,"unit":"°C"}}}`, `{"values":{"h":{"value":40}}}`},
			`{"values":{"t":{"min":1,"max":2,"unit":"°C","count":2},"h":{"min":40,"max":50,"count":2}}` + times},
		{"a time that is none of ours", "max", []string{`{"value":1,"time":1764380400}`, `{"value":3,"time":1764380401.5}`, `{"value":2,"time":"noon"}`},
			`{"value":3,"count":3` + times},
		{"a unit that is none", "max", []string{`{"value":1,"unit":7}`, `{"value":3,"unit":null}`, `{"value":2}`}, `{"value":3,"count":3` + times},
		{"a quality in figures", "max", []string{`{"value":1,"quality":192}`, `{"value":3,"quality":0}`, `{"value":2,"quality":192}`}, `{"value":2,"quality":192}`},
		{"text", "mean", []string{"ON", "OFF", "ON"}, "ON"},
		{"other JSON", "mean", []string{`{"v":1}`, `{"v":2}`, `{"v":3}`}, `{"v":3}`},
		{"a text where a number was", "mean", []string{`{"value":1}`, `{"value":2}`, `{"value":"open"}`},
			`{"value":1.5,"count":2,"from":"2026-11-22T04:10:00.123Z","time":"2026-11-22T04:10:01.123Z"} and {"value":"open"}`},
		{"the end of a retained message", "mean", []string{"1", "2", ""}, "1.5 and "},
		{"small and large", "mean last", []string{"1e-7", "3e-7", "2e-7"}, `{"mean":0.0000002,"last":2e-7,"count":3` + times},
		{"too large", "max", []string{"1e308", "5", "-1e307"}, "5"},
		{"no rounding noise", "mean", []string{"0.1", "0.2", "0.3"}, "0.2"},
		{"names that need quotes", "max", []string{`{"values":{"a\"<b":{"value":1}}}`, `{"values":{"a\"<b":{"value":1}}}`, `{"values":{"a\"<b":{"value":1}}}`},
			`{"values":{"a\"<b":{"value":1,"count":3}}` + times},
	} {
		if got := reduced(c.to, c.in...); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The times are those that the readings say, if they do.
func TestMeasured(t *testing.T) {
	got := reduced("last", `{"value":1,"time":"2026-01-01T00:00:00.5Z"}`, `{"value":2,"time":"2026-01-01T00:00:09Z"}`)
	if want := `{"value":2,"count":2,"from":"2026-01-01T00:00:00.500Z","time":"2026-01-01T00:00:09.000Z"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever comes in, the account can be stored and read again, and what comes out of JSON is JSON.
func FuzzPayload(f *testing.F) {
	for _, p := range []string{`{"value":21.5,"unit":"°C"}`, "1e308", `{"values":{"t":{"value":1}},"time":"2026-01-01T00:00:00Z"}`, `{"value":null}`, "-0", ""} {
		f.Add(p, "2")
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		for _, to := range [][]string{{"mean"}, {"mean", "min", "max", "last"}} {
			one := &topic{}
			for range 3 {
				one.take(&broker.Message{Payload: []byte(x)}, at, true, to)
				one.take(&broker.Message{Payload: []byte(y)}, at, true, to)
			}
			state, err := json.Marshal(one)
			if err != nil {
				t.Fatalf("%q and %q: %v", x, y, err)
			}
			back := &topic{}
			if err := json.Unmarshal(state, back); err != nil || !back.sound() {
				t.Fatalf("%q and %q: the account %s cannot be read: %v", x, y, state, err)
			}
			out := one.payload(to)
			if string(back.payload(to)) != string(out) {
				t.Errorf("%q and %q: %s, and after a restart %s", x, y, out, back.payload(to))
			}
			if one.Form != raw && !json.Valid(out) {
				t.Errorf("%q and %q: %s is no JSON", x, y, out)
			}
		}
	})
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		x        float64
		decimals int
		want     string
	}{
		{1.005, 2, "1"}, {1.0051, 3, "1.005"}, {-0.0001, 2, "0"}, {1e20, 0, "1e+20"}, {123456, 0, "123456"}, {math.Copysign(0, -1), 3, "0"}, {0.1 + 0.2, 3, "0.3"},
	} {
		if got := string(appendDecimal(nil, c.x, c.decimals)); got != c.want {
			t.Errorf("%v with %d decimals is %s, want %s", c.x, c.decimals, got, c.want)
		}
	}
}

// TestRemovalInWindow: of a retained message that is removed within a window the removal comes out, also when readings follow that are not
// retained.
func TestRemovalInWindow(t *testing.T) {
	one := &topic{}
	to := []string{"last"}
	for i, m := range []broker.Message{
		{Payload: []byte("1"), Retain: true}, {Retain: true}, {Payload: []byte("ON")}, {Payload: []byte("OFF")}, {Payload: []byte("2")}, {Payload: []byte("3")},
	} {
		one.take(&m, at.Add(time.Duration(i)*time.Second), true, to)
	}
	r := &Reducer{options: Options{Uplink: "u", Stream: "s"}}
	var got []string
	for _, payload := range append(one.Before, one.payload(to)) {
		m := r.result("t", one, payload)
		got = append(got, fmt.Sprint(string(m.Payload), m.Retain))
	}
	if want := []string{"1false", "true", "OFFfalse", "3false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
