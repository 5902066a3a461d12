package uplink_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"skerry/broker"
	"skerry/edge/config"
)

// choosing gives the station a cellular link that chooses when it connects.
func (at *station) choosing() {
	at.limit(1)
	l := &at.config.Links[0]
	l.Budget, l.Session, l.KeepAlive = nil, config.Auto, config.KeepAlive{Min: 2 * time.Minute, Max: 2 * time.Minute}
}

// hourly publishes a reading every hour for some hours, and gives the connections that were made meanwhile.
func (at *station) hourly(hours int) uint64 {
	before := at.uplink.Status().Connections
	for i := range hours {
		at.publish(&broker.Message{TopicName: "t/x", Payload: fmt.Append(nil, i), QoS: 1})
		time.Sleep(time.Hour)
	}
	return at.uplink.Status().Connections - before
}

// TestAuto: a link that may choose connects on demand when that costs less bytes, by what its connections have cost, says why, and stays
// again when more is sent.
func TestAuto(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.choosing()
		at.start()
		at.online()
		if n := at.hourly(5); n != 0 {
			t.Errorf("%d connections before anything was known", n)
		}
		at.hourly(3)
		l := at.uplink.Status().Links[0]
		if l.Mode != config.OnDemand || !strings.Contains(l.Why, "connecting anew") {
			t.Fatalf("%s: %s", l.Mode, l.Why)
		}
		t.Log(l.Why)
		if lines := at.log.matching("connects otherwise"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		bytes := l.Bytes
		if n := at.hourly(24); n != 24 {
			t.Errorf("%d connections in a day with a reading an hour", n)
		}
		if n := len(at.server.payloads("farm/t/x")); n != 32 {
			t.Errorf("%d readings arrived", n)
		}
		l = at.uplink.Status().Links[0]
		if perHour := (l.Bytes - bytes) / 24; perHour > 30*160/2 {
			t.Errorf("%d B an hour; staying costs %d", perHour, 30*160)
		}
		for range 24 * 60 { // no silence needs a ping
			at.fill("t/y", 1, 1)
			time.Sleep(time.Minute)
		}
		if l := at.uplink.Status().Links[0]; l.Mode != config.Always {
			t.Errorf("%s: %s", l.Mode, l.Why)
		}
	})
}

// TestAutoStays: with commands from upstream or outputs that watch it, on a link that is not paid by the byte, and where it is said, the link stands all the time.
func TestAutoStays(t *testing.T) {
	for name, change := range map[string]func(*station){
		"commands": func(at *station) { at.config.Receive = []config.Receive{{Filter: "cmd/#", Local: "cmd/#"}} },
		"outputs":  func(at *station) { at.options.Stay = true },
		"ethernet": func(at *station) { at.config.Links[0].Kind = "ethernet" },
		"always":   func(at *station) { at.config.Links[0].Session = config.Always },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, at *station) {
				at.choosing()
				change(at)
				at.start()
				at.online()
				if n := at.hourly(24); n != 0 {
					t.Errorf("%d connections", n)
				}
				if l := at.uplink.Status().Links[0]; l.Mode != config.Always || (l.Why != "") != (name == "commands" || name == "outputs") {
					t.Errorf("%s: %q", l.Mode, l.Why)
				}
			})
		})
	}
}
