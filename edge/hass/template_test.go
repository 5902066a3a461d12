package hass_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"skerry/drivers"
	"skerry/edge/hass"
	"skerry/edge/hass/hasstest"
	"skerry/edge/mapping"
)

const oneSensor = `
gateway: {id: wx, site: lake}
sensors:
  air: {driver: bme280, every: 10s, FORM}
  gps: {driver: nmea, FORM}
home_assistant: {to: local}
`

// forms are payloads of every kind; those of groups are at the end.
var forms = []string{
	"payload: json",
	"payload: value",
	`payload: template, template: "{value}"`,
	`payload: template, template: "{value} {unit}"`,
	`payload: template, template: "{quality};{value};{time}"`,
	`payload: template, template: '{"t":{quoted},"q":"{quality}","at":{unix_ms}}'`,
	`payload: template, template: 'it''s \ [{site}/{gateway}/{sensor}/{name}] {unix}={value} (({value})) }}'`,
	`topic: "{site}/{gateway}/{sensor}"`,
}

// TestTemplates evaluates what is announced on what is published, for each payload and each quality of a value.
func TestTemplates(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 16, 0, 0, time.UTC)
	for _, form := range forms {
		for _, c := range []struct {
			name  string
			r     drivers.Reading
			state string // "": unavailable
		}{
			{"good", drivers.Number("temperature", 21.53, "°C", at), "21.53"},
			{"negative", drivers.Number("temperature", -0.4, "°C", at), "-0.4"},
			{"large", drivers.Number("temperature", 3e22, "°C", at), "3e+22"},
			{"bad", drivers.Missing("temperature", "°C", at), ""},
			{"suspect", drivers.Reading{Value: "temperature", Number: 300, Unit: "°C", Time: at, Quality: drivers.Suspect}, ""},
			{"stale", drivers.Reading{Value: "temperature", Number: 20, Unit: "°C", Time: at, Quality: drivers.Stale}, ""},
			{"undated", drivers.Reading{Value: "temperature", Number: 7, Unit: "°C", Time: at, Quality: drivers.ClockUnset}, "7"},
			{"text", drivers.Text("fix", "float-rtk", at), "float-rtk"},
			{"no text", drivers.Reading{Value: "fix", Number: math.NaN(), Time: at, Quality: drivers.Bad}, ""},
		} {
			if c.name == "undated" && strings.Contains(form, "{unix}") {
				c.state = "" // it would tell a time that is not right
			}
			t.Run(form+" "+c.name, func(t *testing.T) {
				checkReading(t, strings.ReplaceAll(oneSensor, "FORM", form), c.r, c.state)
			})
		}
	}
}

func checkReading(t *testing.T, text string, r drivers.Reading, state string) {
	cfg := load(t, text)
	p, err := hass.New(cfg, "v1")
	if err != nil {
		t.Fatal(err)
	}
	sensor := cfg.Sensors[0]
	if !math.IsNaN(r.Number) || r.Unit != "" {
		r.Unit = "°C"
	} else {
		sensor = cfg.Sensors[1]
	}
	m, err := mapping.New(sensor, time.Time{}, mapping.NewPresent())
	if err != nil {
		t.Fatal(err)
	}
	entity := find(t, p, "skerry__wx__"+sensor.Name+":"+r.Value)
	got := m.Messages(nil, time.Now(), []drivers.Reading{r})
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	if got[0].TopicName != entity.StateTopic {
		t.Fatalf("published to %s, announced on %s", got[0].TopicName, entity.StateTopic)
	}
	payload := string(got[0].Payload)
	available, err := hasstest.Render(entity.Availability[1].ValueTemplate, payload)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[bool]string{true: "online", false: "offline"}[state != ""]; available != want {
		t.Errorf("%s is %s, want %s: %s", payload, available, want, entity.Availability[1].ValueTemplate)
	}
	if state == "" {
		return
	}
	shown := payload
	if entity.ValueTemplate != "" {
		if shown, err = hasstest.Render(entity.ValueTemplate, payload); err != nil {
			t.Fatal(err)
		}
	}
	if shown = strings.Trim(shown, `"`); shown != state {
		t.Errorf("%s reads %q, want %q: %s", payload, shown, state, entity.ValueTemplate)
	}
}

// find gives the entity of a unique id.
func find(t *testing.T, p *hass.Plan, id string) hass.Component {
	t.Helper()
	for _, a := range p.Documents {
		for _, c := range a.Document.Components {
			if c.UniqueID == id {
				return c
			}
		}
	}
	t.Fatalf("no entity %s", id)
	return hass.Component{}
}

// TestEmptyPayload: a topic that somebody has emptied makes an entity unavailable, and is no error.
func TestEmptyPayload(t *testing.T) {
	for _, form := range forms {
		p := plan(t, strings.ReplaceAll(oneSensor, "FORM", form))
		c := find(t, p, "skerry__wx__air:temperature")
		if got, err := hasstest.Render(c.Availability[1].ValueTemplate, ""); got != "offline" || err != nil {
			t.Errorf("%s: %q, %v", form, got, err)
		}
	}
}

// TestUnreadable: what Home Assistant cannot read is not announced, and told.
func TestUnreadable(t *testing.T) {
	for form, why := range map[string]string{
		"payload: cbor": "the payload cbor is no text",
		`topic: "{site}/{gateway}/{sensor}", payload: cbor`: "the payload cbor is no text",
		`payload: template, template: "{value}{unix}"`:      "in its template nothing stands between {value} and {unix}",
		`payload: template, template: "{quality}{value}"`:   "in its template nothing stands between {quality} and {value}",
	} {
		p := plan(t, strings.ReplaceAll(oneSensor, "FORM", form))
		notes := fmt.Sprint(p.Notes)
		if len(p.Documents) != 1 || len(p.Notes) != 2 || !strings.Contains(notes, "Home Assistant cannot read air.temperature, air.humidity, air.pressure: "+why+" (payload: json)") {
			t.Errorf("%s: %d documents, %s", form, len(p.Documents), notes)
		}
	}
}
