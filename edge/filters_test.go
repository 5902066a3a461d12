package edge_test

import (
	"maps"
	"testing"

	"skerry/edge"
)

// TestFilters: filters of the configuration work on what the station's own sensors say, and what they have answered can be seen.
func TestFilters(t *testing.T) {
	leavesNothing(t)
	s := start(t, configure(t, `
gateway: {id: wx, site: lake, board: sim}
storage: {path: $DATA}
broker:
  listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}
  filters:
    sane: {match: ["{site}/+/+/temperature"], when: value > -100 and data.unit == "°C" and retain}
    other: {when: size > 1}
sensors: {air: {driver: bme280, every: 100ms}}
`), edge.Options{})
	s.hear("local", "$filter/sane/#").wait("a reading", func(topic, _ string) bool {
		if topic != "$filter/sane/lake/wx/air/temperature" {
			t.Errorf("%s passes", topic)
		}
		return true
	})
	want := map[string]bool{}
	for _, name := range []string{"asked", "passed", "unclear"} {
		want["$SYS/broker/filters/sane/"+name], want["$SYS/broker/filters/other/"+name] = true, true
	}
	s.hear("local", "$SYS/broker/filters/#").wait("the counters", func(topic, _ string) bool {
		maps.DeleteFunc(want, func(name string, _ bool) bool { return name == topic })
		return len(want) == 0
	})
}
