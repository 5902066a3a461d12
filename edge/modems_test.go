package edge_test

import (
	"strings"
	"testing"
	"time"

	"skerry/edge"
	"skerry/edge/uplink/modem"
	"skerry/edge/uplink/modem/modemtest"
	"skerry/queue/vfs"
)

// TestModemOfALink: the AT+CSQ of a modem on a pseudo-terminal falls from 25 to 5 and comes back, under a whole station. What waits
// meanwhile leaves afterwards; alarms do not wait.
func TestModemOfALink(t *testing.T) {
	leavesNothing(t)
	m := modemtest.New(modemtest.Fine())
	if err := m.Plug(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Unplug() })
	up := start(t, configure(t, strings.Replace(plainBroker, "ID", "shore", 1)), edge.Options{})
	ground := up.hear("local", "farm/t/#")
	text := strings.NewReplacer("ID", "wx", "$DATA", "/data").Replace(plainBroker) +
		"streams: {alarms: {match: [\"t/alarm\"], class: alarm}, some: {match: [\"t/live\"]}}\n" +
		"uplinks: {cloud: {mqtt: \"tcp://" + up.Address("local").String() + "\", prefix: farm/, links: [{name: lte, kind: cellular, keep_alive: 10min, modem: " + m.Device() + "}]}}\n"
	s := startPrepared(t, configure(t, text), edge.Options{FS: vfs.NewDisk()}, func(g *edge.Gateway) { g.AskModems(50 * time.Millisecond) })
	link := func(band modem.Band) {
		t.Helper()
		until(t, band.String(), func() bool {
			u := s.UplinkStatus()
			return u.Online && u.Links[0].Modem.Signal.Band == band && u.Alive.Ping == time.Duration(modem.EffectsOf(band).Ping*float64(10*time.Minute))
		})
	}
	link(modem.Good)
	s.say("local", "t/live", "first")
	ground.wait("the first", func(topic, p string) bool { return p == "first" })
	m.Set(func(s *modemtest.State) { s.CSQ = 5 })
	link(modem.Poor)
	s.say("local", "t/live", "held")
	s.say("local", "t/alarm", "fire")
	var all []string
	ground.wait("the alarm", func(_, p string) bool { all = append(all, p); return p == "fire" })
	if got := s.UplinkStatus(); got.Backlog["some"] != 1 || !got.Links[0].Modem.Effects.Held.Has(modem.Live) {
		t.Errorf("nothing is held back: %+v", got)
	}
	m.Set(func(s *modemtest.State) { s.CSQ = 25 })
	link(modem.Good)
	ground.wait("what was held back", func(_, p string) bool { all = append(all, p); return p == "held" })
	if got := strings.Join(all, " "); got != "fire held" {
		t.Errorf("upstream came %q", got)
	}
	s.stop()
	if text := s.log.String(); !strings.Contains(text, "band=poor") {
		t.Error("the log says nothing of the signal")
	}
}
