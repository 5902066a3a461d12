package mapping_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"skerry/drivers"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// unset is a reading from a time when nobody knew the date.
func unset(value string, n float64, at time.Time) drivers.Reading {
	r := drivers.Number(value, n, map[string]string{"temperature": "°C", "humidity": "%"}[value], at)
	r.Quality = drivers.ClockUnset
	return r
}

// TestDateLearnt: a value that was read while the date was not known is shown with the right time beside one that was read later, also
// when it has become stale meanwhile; no message has a wrong date without a mark.
func TestDateLearnt(t *testing.T) {
	together := func(v *config.Value) { v.Topic = "" }
	for _, form := range []config.Payload{config.JSON, config.CBOR} {
		c := sensor(value(celsius, together), value(percent, together))
		c.Topic, c.Payload = "lake/wx/air", form
		x := build(t, c)
		start := time.Now() // with a monotonic reading; by the system's clock it is 1970 then
		off := time.Since(time.Unix(30, 0)).Truncate(time.Millisecond)
		local := start.Add(-off)
		x.Messages(nil, start, []drivers.Reading{unset("temperature", 21.5, local), unset("humidity", 41, local)})
		date := func(at time.Time) (time.Time, bool) { return at.Add(off), true }
		x.Date(date)
		got := x.Messages(nil, start.Add(10*time.Second), []drivers.Reading{drivers.Number("humidity", 42, "%", start.Add(10*time.Second))})
		if len(got) != 1 || got[0].Unresolved {
			t.Fatalf("%s: %+v", form, got)
		}
		if form == config.JSON {
			if p := string(got[0].Payload); strings.Contains(p, "1970") || strings.Contains(p, "clock-unset") ||
				!strings.Contains(p, start.UTC().Format(`"time":"2006-01-02T15:04:05`)) {
				t.Errorf("after the date was learnt: %s", p)
			}
		}
		got = x.Stale(nil, start.Add(55*time.Second))
		if p := show(got); strings.Contains(p, "1970") || form == config.JSON && !strings.Contains(p, start.UTC().Format(`"time":"2006-01-02T15:04:05`)) {
			t.Errorf("stale: %s", p)
		}
	}
}

// TestUndated: a reading whose time is not known says so, whatever else is wrong with it, and waits for the date as others do.
func TestUndated(t *testing.T) {
	at := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC) // looks like a date
	for name, r := range map[string]drivers.Reading{
		"suspect": {Value: "temperature", Number: 99, Unit: "°C", Time: at, Quality: drivers.Suspect, Undated: true},
		"bad":     {Value: "temperature", Number: math.NaN(), Unit: "°C", Time: at, Quality: drivers.Bad, Undated: true},
	} {
		got := build(t, sensor(value(celsius))).Messages(nil, morning, []drivers.Reading{r})
		if len(got) != 1 || !got[0].Unresolved || !strings.Contains(string(got[0].Payload), `"quality":"`+name+`","clock":"unset"`) {
			t.Errorf("%s: %s", name, show(got))
			continue
		}
		right := string(mapping.Resolve(got[0].Payload, morning))
		if strings.Contains(right, "unset") || !strings.Contains(right, `"time":"2026-11-22T04:16:00.123Z","quality":"`+name+`"`) {
			t.Errorf("%s, put right: %s", name, right)
		}
		c := sensor(value(celsius))
		c.Payload = config.CBOR
		got = build(t, c).Messages(nil, morning, []drivers.Reading{r})
		if len(got) != 1 || !got[0].Unresolved || strings.Contains(string(got[0].Payload), "\x06\x1a") {
			t.Errorf("%s: a time in the pack: %q", name, got[0].Payload)
		}
	}
}

// TestDerivedFromBoth: a value derived from one that was read before the date was known and one that was read after has the time of that,
// once and for all.
func TestDerivedFromBoth(t *testing.T) {
	p := mapping.NewPresent()
	p.Set("soil.temperature", mapping.Now{Number: 1, Time: time.Unix(9, 0), Quality: drivers.ClockUnset, Undated: true, Unit: "°C"})
	c := sensor(value(celsius), derived(t, "above", "K", "temperature - soil.temperature", airScope))
	c.Derived = []string{"above"}
	x := buildIn(t, c, p)
	got := show(x.Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", morning)}))
	x.Date(func(at time.Time) (time.Time, bool) { return at.AddDate(56, 0, 0), true })
	got += show(x.Stale(nil, morning.Add(time.Minute)))
	if strings.Contains(got, "unset") || strings.Contains(got, "2082") || !strings.Contains(got, `20.5`) {
		t.Errorf("%s", got)
	}
}

// TestUndatedPack: a value that was read earlier than the others of its pack is older by as much when the date is known.
func TestUndatedPack(t *testing.T) {
	in := func(v *config.Value) { v.Topic = "" }
	c := sensor(value(celsius, in), value(percent, in))
	c.Payload, c.Site, c.Gateway, c.Topic = config.CBOR, "lake", "wx", "lake/wx/air"
	x := build(t, c)
	start := time.Unix(9, 0)
	x.Messages(nil, start, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", start)})
	m := x.Messages(nil, start.Add(20*time.Second), []drivers.Reading{drivers.Number("humidity", 41, "%", start.Add(20*time.Second))})
	want := `["lake/wx/air/temperature", "Cel", 21.5, null, 1795348780, null]` + "\n" + `["lake/wx/air/humidity", "%RH", 41, null, 1795348800, null]`
	if got := unpack(t, mapping.ResolveSenML(m[0].Payload, time.Unix(1795348800, 0))); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestSenMLUnits: a unit with a power has the name of the registry.
func TestSenMLUnits(t *testing.T) {
	for unit, want := range map[string]string{"W/m²": "W/m2", "m³": "m3", "m/s²": "m/s2"} {
		c := sensor(value(drivers.ValueDoc{Name: "x", Unit: unit}))
		c.Payload, c.Site, c.Gateway = config.CBOR, "lake", "wx"
		m := build(t, c).Messages(nil, morning, []drivers.Reading{drivers.Number("x", 1, unit, morning)})
		if got := unpack(t, m[0].Payload); !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%s: %s", unit, got)
		}
	}
}

// TestDateLost: a right time beside one that is not known stays as it is; the other keeps its mark.
func TestDateLost(t *testing.T) {
	in := func(v *config.Value) { v.Topic = "" }
	c := sensor(value(celsius, in), value(percent, in))
	c.Topic = "lake/wx/air"
	x := build(t, c)
	x.Messages(nil, morning, []drivers.Reading{drivers.Number("temperature", 21.5, "°C", morning)})
	m := x.Messages(nil, morning.Add(time.Second), []drivers.Reading{unset("humidity", 41, time.Unix(9, 0))})
	if p := show(m); m[0].Unresolved || !strings.Contains(p, `"time":"1970-01-01T00:00:09.000Z","quality":"clock-unset"`) ||
		!strings.HasPrefix(p, `air {"time":"2026-11-22T04:16:00.123Z"`) {
		t.Errorf("unresolved %t: %s", m[0].Unresolved, p)
	}
}

// TestLate: readings that were held back go by the time that they came at; only their age without a date is that when they are told.
func TestLate(t *testing.T) {
	told := time.Unix(100, 0)
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	temperature := func(s int) []drivers.Reading {
		return []drivers.Reading{drivers.Number("temperature", 21.5, "°C", at(s))}
	}
	c := sensor(value(celsius, func(v *config.Value) { v.Deadband.Amount, v.Heartbeat = 1, 20*time.Second }))
	x := build(t, c)
	for _, step := range []struct{ came, messages int }{{60, 1}, {70, 0}, {80, 1}, {90, 0}} {
		if got := x.Late(nil, at(step.came), told, temperature(step.came)); len(got) != step.messages {
			t.Errorf("of the reading at %d s: %s", step.came, show(got))
		}
	}
	c.Values[0].Deadband.Amount, c.Values[0].Heartbeat = 0, 0
	c.Payload, c.Site, c.Gateway = config.CBOR, "lake", "wx"
	m := build(t, c).Late(nil, at(60), told, temperature(60))
	want := `["lake/wx/air/temperature", "Cel", 21.5, null, 1795348760, null]`
	if got := unpack(t, mapping.ResolveSenML(m[0].Payload, time.Unix(1795348800, 0))); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
