package uplink_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/queue"
)

// inside publishes as a part of the program does.
func (at *station) inside(topic, payload string) {
	at.t.Helper()
	s, _, err := at.broker.Connect(broker.ConnectOptions{ClientID: "inside", Internal: true, Version: packet.V5, CleanStart: true})
	if err != nil {
		at.t.Fatal(err)
	}
	defer s.Disconnect(broker.DisconnectOptions{})
	m := &broker.Message{TopicName: topic, Payload: []byte(payload), QoS: 1, Retain: true, Origin: queue.Gateway}
	if _, code := s.Publish(m, nil); code.IsError() {
		at.t.Fatal(code)
	}
}

// TestVerbatim: what is published for it leaves without the prefix, once, and retained; and what was not delivered when it is needed no
// more is delivered still. After that nothing is left of it.
func TestVerbatim(t *testing.T) {
	play(t, func(t *testing.T, at *station) {
		at.options.Verbatim = true
		at.start()
		at.online()
		at.inside(uplink.Verbatim("cloud")+"homeassistant/device/wx/config", "one")
		at.inside(uplink.Verbatim("other")+"homeassistant/device/wx/config", "another's")
		at.inside("lake/wx/air", "reading")
		synctest.Wait()
		if p := at.server.last("homeassistant/device/wx/config"); string(p.Payload) != "one" || !p.Retain || p.QoS != 1 {
			t.Errorf("upstream is %+v", p)
		}
		if n := len(at.server.payloads("homeassistant/device/wx/config")); n != 1 {
			t.Errorf("it came %d times", n)
		}
		if p := at.server.last("farm/lake/wx/air"); string(p.Payload) != "reading" {
			t.Errorf("upstream is %+v", p)
		}
		at.server.with(func() { at.server.down = true })
		at.server.cut()
		at.inside(uplink.Verbatim("cloud")+"homeassistant/device/wx/config", "two")
		at.options.Verbatim = false
		at.restartUplink()
		at.server.with(func() { at.server.down = false })
		at.until("what was left", func() bool { return string(at.server.last("homeassistant/device/wx/config").Payload) == "two" })
		at.restartUplink()
		time.Sleep(time.Minute)
		if ids := at.broker.Internal(); slices.ContainsFunc(ids, func(id string) bool { return strings.HasSuffix(id, "$verbatim") }) {
			t.Errorf("there are still %q", ids)
		}
	})
}

// TestLocalName: where a message from upstream goes by a receive map.
func TestLocalName(t *testing.T) {
	receive := config.ReceiveMap{{Filter: "cmd/wx/#", Local: "cmd/#"}, {Filter: "homeassistant/+", Local: "ha/+"}}
	for name, want := range map[string]string{"cmd/wx/heater/set": "cmd/heater/set", "homeassistant/status": "ha/status", "other": ""} {
		if got, ok := uplink.LocalName(receive, name); got != want || ok != (want != "") {
			t.Errorf("%s goes to %q, %v; want %q", name, got, ok, want)
		}
	}
}

// TestUpstreamName: where something is to be sent upstream so that it comes to a local topic.
func TestUpstreamName(t *testing.T) {
	receive := config.ReceiveMap{{Filter: "cmd/wx/#", Local: "cmd/#"}, {Filter: "x/+/y", Local: "y/+"}, {Filter: "many/#", Local: "one"}, {Filter: "a", Local: "b"}, {Filter: "a", Local: "c"}}
	for local, want := range map[string]string{"cmd/heater/set": "cmd/wx/heater/set", "y/1": "x/1/y", "one": "", "b": "a", "c": "", "other": ""} {
		if got, ok := uplink.UpstreamName(receive, local); got != want || ok != (want != "") {
			t.Errorf("to reach %s: %q, %v; want %q", local, got, ok, want)
		}
	}
}
