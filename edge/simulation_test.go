package edge_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"skerry/edge"
	"skerry/edge/config"
)

const smallDay = `
gateway: {id: t, site: s, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
defaults: {every: 50ms}
sensors:
  air: {driver: mcp9808, values: {temperature: {offset: -0.4}}}
  rain: {driver: pulse, pin: GPIO17, values: {total: {per_pulse: 0.2, unit: mm}}}
`

// number is that of a payload.
func number(t *testing.T, payload string) float64 {
	t.Helper()
	var p struct{ Value *float64 }
	if err := json.Unmarshal([]byte(payload), &p); err != nil || p.Value == nil {
		t.Fatalf("%v in %s", err, payload)
	}
	return *p.Value
}

// TestASmallDay plays days of six seconds. Somebody who listens finds the lowest and the highest temperature of the scenario and none
// beyond, and all the rain that fell and no more.
func TestASmallDay(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, smallDay)
	scenario(t, cfg, `
speed: 14400
start: 00:00
sensors:
  air: {temperature: {day: -3..21, peak: 15:00}}
  rain: {total: {integral: {steps: {0s: 0, 5h: 2.5, 7h: 10, 8h: 0}}, per: 1h}}
`)
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "s/t/+/+")
	const rain, tip, near = 5 + 10, 0.2, 0.1
	low, high, fallen, still := math.Inf(1), math.Inf(-1), 0.0, 0
	for !(low < -3+near && high > 21-near && fallen > rain-2*tip && still > 20) {
		m := live.wait("a reading", func(string, string) bool { return true })
		x := number(t, string(m.Payload))
		switch string(m.TopicName) {
		case "s/t/air/temperature":
			low, high = min(low, x), max(high, x)
		case "s/t/rain/total":
			if x < fallen {
				t.Errorf("the total fell from %v to %v", fallen, x)
			}
			if still++; x > fallen {
				fallen, still = x, 0
			}
		}
	}
	const step = 1.0 / 16 // of the chip
	if low < -3-step || high > 21+step {
		t.Errorf("from %v to %v, want from -3 to 21", low, high)
	}
	if math.Abs(fallen-rain) > tip {
		t.Errorf("%v mm fell, want %v", fallen, rain)
	}
}

// TestADevice: a client of the local broker says what the scenario has it say.
func TestADevice(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, smallDay)
	scenario(t, cfg, `devices: {hive: {topic: bees/1, every: 100ms, qos: 1, values: {weight: 41.25, state: calm, n: {steps: {0s: 1, 300ms: 2}}}}}`)
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "bees/#")
	live.wait(on("bees/1", `{"n":2,"state":"calm","weight":41.25}`))
	if clients := s.log.String(); strings.Contains(clients, "has lost the broker") {
		t.Error(clients)
	}
}

// TestNoDate: while nobody knows the date readings are marked, and then they are good.
func TestNoDate(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, smallDay)
	scenario(t, cfg, `faults: {boot: {no_date: true, for: 3s}}`)
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "s/t/air/temperature")
	live.wait(on("s/t/air/temperature", `"quality":"clock-unset"`))
	live.wait("a good reading", good("s/t/air/temperature"))
	if log := s.log.String(); !strings.Contains(log, "the date is known") {
		t.Error(log)
	}
}

// TestNoLink: a server here stands in for that of the uplink; while the link is down what is said waits, and arrives then.
func TestNoLink(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, smallDay+`
streams: {readings: {match: ["s/#"]}}
uplinks: {cloud: {mqtt: "tls://broker.example.org:8883", prefix: "farm/", carry: [readings], retry: 100ms..200ms}}
`)
	scenario(t, cfg, `
upstream: {}
speed: 21600
start: 00:00
faults: {night: {no_link: cloud, at: 12:00, for: 12h}}
`)
	s := start(t, cfg, edge.Options{})
	live := hearAt(t, s.Upstream().String(), "farm/#")
	live.wait("a reading upstream", func(topic, _ string) bool { return topic == "farm/s/t/air/temperature" })
	until(t, "a lost link", func() bool { return strings.Contains(s.log.String(), `fault=night`) })
	live.wait("the will", func(_, payload string) bool { return payload == "offline" })
	live.wait("the return", func(_, payload string) bool { return payload == "online" })
	live.wait("a reading upstream", func(topic, _ string) bool { return topic == "farm/s/t/air/temperature" })
}

// TestWhatCannotBePlayed: the error stands at its place in the scenario.
func TestWhatCannotBePlayed(t *testing.T) {
	cfg := configure(t, smallDay)
	scenario(t, cfg, "sensors:\n  rain: {lost: 3}\n")
	_, err := edge.New(cfg, edge.Options{})
	wrong, ok := err.(config.Errors)
	if !ok || len(wrong) != 1 || wrong[0].Line != 2 || wrong[0].Key != "sensors.rain.lost" {
		t.Errorf("%v", err)
	}
}
