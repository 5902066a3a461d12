package hass_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"skerry/edge/config"
	"skerry/edge/hass"
)

// ids are the unique ids of all entities, sorted, and the topics of the documents.
func ids(p *hass.Plan) (all, topics []string) {
	for _, a := range p.Documents {
		topics = append(topics, a.Topic)
		for key, c := range a.Document.Components {
			all = append(all, c.UniqueID+" "+key)
		}
	}
	slices.Sort(all)
	slices.Sort(topics)
	return all, topics
}

// TestIDsSurvive: a renamed sensor, another file, other units, topics and payloads, another host name, another broker: ids, keys and topics of
// documents stay what they are.
func TestIDsSurvive(t *testing.T) {
	text := readStation(t)
	want, wantTopics := ids(plan(t, text))
	for name, other := range map[string]string{
		"a renamed sensor": strings.NewReplacer("  air:\n", "  outside:\n    was: air\n", "air.temperature", "outside.temperature").Replace(text),
		"another place":    strings.Replace(text, "site: lake", "site: hill", 1),
		"another topic":    strings.Replace(text, "every: 10s", "every: 20s\n    topic: x/{sensor}", 1),
		"another unit":     strings.Replace(text, "pressure: {round: 0.01}", "pressure: {unit: inHg}", 1),
		"another broker":   upstream(text),
	} {
		got, topics := ids(plan(t, other))
		if name == "another broker" { // which knows of the gateway by its uplink
			want := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return strings.HasSuffix(id, ":state state") })
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if !slices.Equal(topics, wantTopics) {
			t.Errorf("%s: %q, want %q", name, topics, wantTopics)
		}
	}
}

// TestIDIsOfTheGateway: without gateway.id ids would change with the host name; the error has the line that keeps what is now.
func TestIDIsOfTheGateway(t *testing.T) {
	for _, names := range [][2][]string{
		{{"a_b", "c"}, {"a", "b_c"}}, {{"a__b"}, {"a", "b"}}, {{"a_", "b"}, {"a", "_b"}}, {{"é"}, {"e9"}}, {{"a.b"}, {"a:b"}}, {{"_5f_"}, {"_"}},
	} {
		if a, b := hass.DeviceID(names[0]...), hass.DeviceID(names[1]...); a == b {
			t.Errorf("%q and %q are both %s", names[0], names[1], a)
		}
	}
	if got := hass.DeviceID("wx-042", "soil_1"); got != "skerry__wx-042__soil_5f_1" {
		t.Error(got)
	}
}

// TestExpiry: a value expires when it was silent for longer than it can be, and never one that may be silent for ever.
func TestExpiry(t *testing.T) {
	for sensor, want := range map[string]int{
		"driver: tmp102, every: 30s":                                                                  180,
		"driver: tmp102, every: 15min, stale_after: 1h":                                               75 * 60,
		"driver: tmp102, every: 30s, stale_after: never":                                              0,
		"driver: tmp102, every: 100ms":                                                                10,
		"driver: tmp102, every: 30s, values: {temperature: {deadband: 1}}":                            0,
		"driver: tmp102, every: 30s, values: {temperature: {deadband: 1, heartbeat: 15min}}":          15*60 + 180,
		"driver: bme280, every: 30s, topic: x, values: {humidity: {}, temperature: {deadband: 1}}":    180,
		"driver: bme280, every: 30s, topic: 'x/{value}', values: {temperature: {deadband: 1}}":        0,
		"driver: bme280, every: 30s, topic: x, values: {temperature: {deadband: 1, heartbeat: 1min}}": 60 + 180,
	} {
		p := plan(t, "gateway: {id: wx, site: lake}\nhome_assistant: {to: local}\nsensors: {air: {"+sensor+"}}\n")
		if c := find(t, p, "skerry__wx__air:temperature"); c.ExpireAfter != want {
			t.Errorf("%s: %d s, want %d", sensor, c.ExpireAfter, want)
		}
	}
}

// TestNotCarried: what the uplink to Home Assistant does not carry is not announced, and told.
func TestNotCarried(t *testing.T) {
	text := strings.Replace(upstream(readStation(t)), `match: ["{site}/{gateway}/#"]`, `match: ["{site}/{gateway}/air/+", "{site}/{gateway}/alarm/#"]`, 1)
	p := plan(t, text)
	_, topics := ids(p)
	if fmt.Sprint(topics) != "[homeassistant/device/skerry__wx-042/config homeassistant/device/skerry__wx-042__air/config]" || p.Figures != "" {
		t.Errorf("announced are %q, figures on %q", topics, p.Figures)
	}
	last := p.Notes[len(p.Notes)-1].Error()
	if !strings.Contains(last, "home_assistant.to: uplink cloud does not carry rain.total, rain.rate, gps.latitude") ||
		!strings.HasSuffix(last, "Home Assistant will not hear of it (a stream under uplinks.cloud.carry that matches it)") {
		t.Error(last)
	}
}

// TestWrong: classes that Home Assistant would refuse are errors at their place, with what it takes.
func TestWrong(t *testing.T) {
	const text = "gateway: {id: wx, site: lake}\nsensors: {air: {driver: bme280}, gps: {driver: nmea}}\nhome_assistant: {values: {NAME: {KEY}}}\n"
	for _, c := range []struct{ name, key, want string }{
		{"air.pressure", "device_class: pressur", `3:56: home_assistant.values."air.pressure".device_class: device class "pressur" is not known here (for this value: atmospheric_pressure, pressure, none)`},
		{"air.pressure", "device_class: humidity", `device class humidity has no unit "hPa" (its units: %; for this value: atmospheric_pressure, pressure, none)`},
		{"air.pressure", "state_class: total", `state class "total" does not go with the value (allowed: measurement, none)`},
		{"gps.fix", "device_class: humidity", `the value is a text, which cannot be of device class humidity (timestamp, or none)`},
	} {
		_, err := hass.New(load(t, strings.NewReplacer("NAME", c.name, "KEY", c.key).Replace(text)), "v1")
		all, ok := errors.AsType[config.Errors](err)
		if !ok || len(all) != 1 || !strings.Contains(all[0].Error(), c.want) {
			t.Errorf("%s: %s: got\n%v\nwant\n%s", c.name, c.key, err, c.want)
		}
	}
	p := plan(t, strings.NewReplacer("NAME", "air.pressure", "KEY", "name: Barometer, device_class: none").Replace(text))
	if c := find(t, p, "skerry__wx__air:pressure"); c.Name != "Barometer" || c.DeviceClass != "" || c.StateClass != "measurement" || c.Unit != "hPa" {
		t.Errorf("%+v", c)
	}
}

// TestChanges: nothing is said twice; what is gone is taken out before the document lacks it; what was said elsewhere is taken back.
func TestChanges(t *testing.T) {
	const text = "gateway: {id: wx, site: lake}\nhealth: {every: 5min}\nhome_assistant: {to: local}\nsensors: {air: {driver: bme280}, sun: {driver: bh1750}}\n"
	everywhere := func(string) bool { return true }
	goes, comes, before := hass.Changes(nil, plan(t, text), false, everywhere)
	if len(goes) != 0 || len(comes) != 3 {
		t.Fatalf("at first %d go, %d come", len(goes), len(comes))
	}
	if goes, comes, _ := hass.Changes(before, plan(t, text), false, everywhere); len(goes)+len(comes) != 0 {
		t.Errorf("once more %v, %v", goes, comes)
	}
	if _, comes, _ := hass.Changes(before, plan(t, text), true, everywhere); len(comes) != 3 {
		t.Errorf("when it is born %d come", len(comes))
	}
	less := strings.NewReplacer("driver: bme280", "driver: bme280, values: {humidity: {}, pressure: {}}", ", sun: {driver: bh1750}", "").Replace(text)
	goes, comes, _ = hass.Changes(before, plan(t, less), false, everywhere)
	if len(goes) != 2 || goes[0].Topic != "homeassistant/device/skerry__wx__sun/config" || goes[0].Payload != "" {
		t.Fatalf("gone is %v", goes)
	}
	if !strings.Contains(goes[1].Payload, `"temperature":{"platform":"sensor"}`) || !strings.Contains(goes[1].Payload, `"humidity":{"platform":"sensor","unique_id"`) {
		t.Errorf("taken out by %s", goes[1].Payload)
	}
	if len(comes) != 1 || strings.Contains(comes[0].Payload, `"temperature"`) {
		t.Errorf("what stays is %v", comes)
	}
	goes, comes, after := hass.Changes(before, &hass.Plan{}, false, everywhere)
	if len(goes) != 3 || len(comes) != 0 || len(after) != 0 {
		t.Errorf("without a section %v go, %v come, %v is known", goes, comes, after)
	}
	goes, _, after = hass.Changes(hass.Memory{"cloud": before["local"]}, plan(t, text), false, func(to string) bool { return to == "local" })
	if len(goes) != 0 || len(after["cloud"]) != 3 || len(after["local"]) != 3 {
		t.Errorf("of an uplink that is not there %v go, known is %v", goes, after)
	}
}
