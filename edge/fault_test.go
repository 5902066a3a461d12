package edge_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"skerry/edge"
	"skerry/edge/config"
)

// troubled is a station with a sensor for each thing that can go wrong. A day of its scenario is 20 seconds, in six of which all
// is wrong; so a machine that is slow in between has another chance the next day.
const troubled = `
gateway: {id: t, site: s, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
defaults: {every: 200ms, stale_after: 1s}
buses:
  i2c1: {i2c: /dev/i2c-1}
  i2c2: {i2c: /dev/i2c-2}
  i2c3: {i2c: /dev/i2c-3}
  w1: {onewire: kernel}
  gnss: {serial: /dev/serial0}
  gnss2: {serial: /dev/serial1}
  gnss3: {serial: /dev/serial2}
  scale: {serial: /dev/serial3}
  rs485: {serial: /dev/serial4}
  sdi: {serial: /dev/serial5}
sensors:
  unplugged: {driver: bme280, bus: i2c1}
  wrong: {driver: sht4x, bus: i2c2}
  hung: {driver: mcp9808, bus: i2c3}
  probe: {driver: ds18b20, bus: w1}
  stuck: {driver: iio, device: bme280}
  blind: {driver: nmea, bus: gnss, every: 1s}
  mute: {driver: nmea, bus: gnss2, every: 1s, stale_after: 3s, wait: 2s}
  pulled: {driver: nmea, bus: gnss3, every: 1s, stale_after: 3s, wait: 2s}
  other: {driver: line, bus: scale, every: 1s, stale_after: 3s, wait: 2s, pattern: 'W=(?P<weight>[-0-9.]+)'}
  late: {driver: modbus, bus: rs485, unit_id: 1, profile: eastron-sdm120, timeout: 200ms}
  gone: {driver: modbus, tcp: "192.0.2.7", values: {v: {table: input, address: 0, type: uint16}}}
  soil: {driver: sdi12, bus: sdi, timeout: 200ms, values: {v: {index: 1}}}
  rain: {driver: pulse, pin: GPIO17}
`

const troubles = `
speed: 4320
start: 00:00
faults:
  a: {unplug: unplugged, at: 06:00, for: 7h}
  b: {wrong_chip: wrong, at: 06:00, for: 7h}
  c: {hang: hung, at: 06:00, for: 7h}
  d: {unplug: probe, at: 06:00, for: 7h}
  e: {hang: stuck, at: 06:00, for: 7h}
  f: {no_fix: blind, at: 06:00, for: 7h}
  g: {silence: mute, at: 06:00, for: 7h}
  h: {unplug: pulled, at: 06:00, for: 7h}
  i: {wrong_chip: other, at: 06:00, for: 7h}
  j: {late: late, by: 1s, at: 06:00, for: 7h}
  k: {unplug: gone, at: 06:00, for: 7h}
  l: {wrong_chip: soil, at: 06:00, for: 7h}
  m: {unplug: rain, at: 06:00, for: 7h}
`

// TestFaults: each fault is seen in the quality of what is published, and in the log by its cause; when it is over the values are good
// again.
func TestFaults(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, troubled)
	scenario(t, cfg, troubles)
	s := start(t, cfg, edge.Options{})
	live := s.hear("local", "s/t/+/+")
	seen := map[string]int{} // by topic: 1 good, 2 not any more, 3 good again
	for missing := len(troublesSeen); missing > 0; {
		live.wait("faults and their ends, so far "+fmt.Sprint(seen), func(topic, payload string) bool {
			for _, w := range troublesSeen {
				if topic != "s/t/"+w.sensor+"/"+w.value || !w.next(seen[topic], payload) {
					continue
				}
				if seen[topic]++; seen[topic] == 3 {
					missing--
				}
				return true
			}
			return false
		})
	}
	for _, w := range troublesSeen { // what a busy machine has seen of it first is another thing, some days
		until(t, fmt.Sprintf("%q in the log of %s", w.says, w.sensor), func() bool { return s.log.fails(w.sensor, w.says) })
	}
}

// trouble is what a fault looks like to a subscriber, and in the log.
type trouble struct{ sensor, value, quality, says string }

// next tells whether a payload is the one that is waited for: one that is good, then one that is not, then a good one again.
func (w trouble) next(seen int, payload string) bool {
	switch seen {
	case 0, 2:
		return !strings.Contains(payload, `"quality"`)
	case 1:
		return strings.Contains(payload, w.quality)
	}
	return false
}

var troublesSeen = []trouble{
	{"unplugged", "temperature", `"quality":"stale"`, "BME280"},
	{"wrong", "temperature", `"quality":"stale"`, "SHT4x"},
	{"hung", "temperature", `"quality":"stale"`, "MCP9808"},
	{"probe", "temperature", `"quality":"stale"`, "no probe is found"},
	{"stuck", "temperature", `"quality":"stale"`, "does not answer"},
	{"blind", "latitude", `"quality":"bad"`, ""},
	{"mute", "latitude", `"quality":"stale"`, "silent for 2s"},
	{"pulled", "latitude", `"quality":"stale"`, "unplugged"},
	{"other", "weight", `"quality":"stale"`, "none fits"},
	{"late", "voltage", `"quality":"stale"`, "no reply"},
	{"gone", "v", `"quality":"stale"`, "192.0.2.7"},
	{"soil", "v", `"quality":"stale"`, "SDI-12 address 0"},
	{"rain", "total", `"quality":"stale"`, "unplugged"},
}

// fails tells whether the log says that a sensor fails, and why; without a why it need not.
func (r *record) fails(sensor, why string) bool {
	for line := range strings.Lines(r.String()) {
		if strings.Contains(line, "sensor fails") && strings.Contains(line, "sensor="+sensor+" ") && strings.Contains(line, why) {
			return true
		}
	}
	return why == ""
}

// scenario gives a configuration its scenario.
func scenario(t *testing.T, cfg *config.Config, text string) {
	t.Helper()
	path := t.TempDir() + "/scenario.yaml"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadScenario(path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Scenario = s
}
