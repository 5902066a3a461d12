package edge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/edge"
)

const watched = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
sensors: {air: {driver: bme280, every: 1h, align: start, values: {temperature: {deadband: 50}, twice: {derive: 2 * temperature, unit: °C}}}}
alarms:
  warm: {when: "air.temperature > -80", clear: "air.temperature < -85"}
  hot: {when: "air.twice > 180"}
`

// TestAlarm: an alarm on the simulated weather is raised once in two lives of a station.
func TestAlarm(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, watched)
	s := start(t, cfg, edge.Options{})
	ear := s.hear("local", "lake/wx/#")
	m := ear.wait(on("lake/wx/alarm/warm", `"state":"raised"`))
	if !strings.Contains(string(m.Payload), `"values":{"air.temperature":{"value":`) {
		t.Errorf("payload %s", m.Payload)
	}
	raised := string(m.Payload)
	s.stop()

	s = start(t, cfg, edge.Options{})
	ear = s.hear("local", "lake/wx/alarm/#")
	m = ear.wait("the retained alarm", func(topic, _ string) bool { return topic == "lake/wx/alarm/warm" })
	if string(m.Payload) != raised || !m.Retain {
		t.Errorf("after a restart %s, want %s", m.Payload, raised)
	}
	values := s.hear("local", "lake/wx/air/#")
	values.wait("a reading", good("lake/wx/air/twice"))
	if m, again := ear.find(func(topic, _ string) bool { return strings.HasPrefix(topic, "lake/wx/alarm/") }); again {
		t.Errorf("once more: %s %s", m.TopicName, m.Payload)
	}
}

// TestAlarmRemoved: what is configured no longer does not stay raised for ever.
func TestAlarmRemoved(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, watched)
	s := start(t, cfg, edge.Options{})
	s.hear("local", "lake/wx/alarm/#").wait(on("lake/wx/alarm/warm", `"state":"raised"`))
	s.stop()
	cfg.Alarms = cfg.Alarms[1:]
	s = start(t, cfg, edge.Options{})
	m := s.hear("local", "lake/wx/alarm/#").wait(on("lake/wx/alarm/warm", `"state":"cleared"`))
	if !strings.Contains(string(m.Payload), "not configured any more") {
		t.Errorf("payload %s", m.Payload)
	}
}

// TestGet: a client asks for a reading, and gets it in spite of the deadband.
func TestGet(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, watched)
	s := start(t, cfg, edge.Options{})
	ear := s.hear("local", "lake/wx/air/+")
	ear.wait("a reading", good("lake/wx/air/temperature"))
	s.say("local", "lake/wx/air/get", "")
	ear.wait("a reading", good("lake/wx/air/temperature"))
}

// TestGetNeedsRights: who may not publish to the topic cannot have a sensor read.
func TestGetNeedsRights(t *testing.T) {
	leavesNothing(t)
	rules := filepath.Join(t.TempDir(), "rules")
	if err := os.WriteFile(rules, []byte("topic read #\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := configure(t, strings.Replace(watched, `local: {tcp: "127.0.0.1:0", anonymous: true}`,
		`local: {tcp: "127.0.0.1:0", anonymous: true}, lan: {tcp: "127.0.0.1:0", anonymous: true, acl_file: `+rules+`}`, 1))
	s := start(t, cfg, edge.Options{})
	ear := s.hear("local", "lake/wx/air/+")
	ear.wait("a reading", good("lake/wx/air/temperature"))
	if code := publishTo(t, loginTo(t, s, "lan", "", "stranger"), "lake/wx/air/get"); !code.IsError() {
		t.Errorf("PUBACK %v", code)
	}
	s.say("local", "lake/wx/air/mark", "")
	ear.wait("what comes after it", func(topic, _ string) bool {
		if topic == "lake/wx/air/temperature" {
			t.Error("it was read")
		}
		return topic == "lake/wx/air/mark"
	})
}
