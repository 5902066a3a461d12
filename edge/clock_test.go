package edge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"skerry/board/sim"
	"skerry/edge"
	"skerry/edge/clock"
)

// reading is a payload.
type reading struct {
	Value   float64
	Time    time.Time
	Quality string
}

func readingOf(t *testing.T, payload string) (r reading) {
	t.Helper()
	if err := json.Unmarshal([]byte(payload), &r); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return r
}

// TestDateFromASatellite: a station that does not know the date marks its readings and keeps them back; when its receiver has a fix they
// leave with the right time, those that were made before too.
func TestDateFromASatellite(t *testing.T) {
	leavesNothing(t)
	const off = 2 * 365 * 24 * time.Hour // the system's clock is behind by so much
	up := start(t, configure(t, strings.Replace(plainBroker, "ID", "shore", 1)), edge.Options{})
	ground := up.hear("local", "farm/#")

	board := sim.New(sim.Options{})
	t.Cleanup(func() { board.Close() })
	board.Tty("gnss").Say(sim.NoFix)
	date := clock.New(clock.Options{Floor: time.Now().Add(off / 2), Synced: func() bool { return false }})
	s := start(t, configure(t, `
gateway: {id: wx, site: lake}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
buses: {gnss: {serial: /dev/serial0}}
sensors:
  air: {driver: bme280, every: 200ms, values: {temperature: {}}}
  gps: {driver: nmea, bus: gnss, set_clock: true, every: 1s, values: {satellites: {}}}
streams: {own: {match: ["lake/#"]}, clients: {match: ["client/#"]}}
uplinks: {cloud: {mqtt: "tcp://`+up.Address("local").String()+`", prefix: farm/, carry: [own, clients], retry: 100ms..200ms}}
`), edge.Options{Buses: board, Clock: date})
	live := s.hear("local", "lake/wx/air/temperature")

	var first reading
	live.wait("a reading", func(_, p string) bool { first = readingOf(t, p); return true })
	if first.Quality != "clock-unset" || time.Since(first.Time).Abs() > time.Minute {
		t.Errorf("without a date: %+v", first)
	}
	until(t, "uplink is online", func() bool { return strings.Contains(s.log.String(), "uplink is online") })
	s.say("local", "client/x", "from a client")
	ground.wait("a client's message does not wait", func(topic, p string) bool {
		if strings.HasPrefix(topic, "farm/lake/wx/air") {
			t.Errorf("%s left before the date was known", p)
		}
		return topic == "farm/client/x"
	})

	board.Tty("gnss").Say(func(at time.Time) string { return sim.Fix(at.Add(off), sim.Location{Latitude: 1, Longitude: 1}) })
	var got reading
	ground.wait("the first reading", func(topic, p string) bool {
		if topic != "farm/lake/wx/air/temperature" {
			return false
		}
		got = readingOf(t, p)
		return got.Value == first.Value
	})
	if wrong := got.Time.Sub(first.Time) - off; got.Quality != "" || wrong.Abs() > time.Second {
		t.Errorf("it left as %+v, off by %v", got, wrong)
	}
	live.wait("a reading that knows its time", func(_, p string) bool { first = readingOf(t, p); return first.Quality == "" })
	if wrong := time.Until(first.Time) - off; wrong.Abs() > 5*time.Second {
		t.Errorf("with a date: %+v, off by %v", first, wrong)
	}
	ground.wait("a later reading", func(topic, p string) bool {
		return topic == "farm/lake/wx/air/temperature" && readingOf(t, p).Time.Equal(first.Time)
	})
}
