package edge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"skerry/edge"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/hass/hasstest"
	"skerry/scripts/loopback"
)

const shown = `
gateway: {id: wx, site: lake, board: sim}
storage: {path: $DATA}
broker: {listeners: {local: {tcp: "127.0.0.1:0", anonymous: true}}}
sensors:
  air: {driver: bme280, every: 1s, align: start}
  sun: {driver: bh1750, every: 1h, align: start, payload: value}
outputs: {heater: {driver: gpio, pin: GPIO27}}
alarms: {warm: {when: "air.temperature > -80"}}
home_assistant: {to: local}
`

// rename gives a sensor another name.
var rename = strings.NewReplacer("  air:", "  outside:", "driver: bme280", "driver: bme280, was: air", "air.temp", "outside.temp")

// home is what Home Assistant would know of a broker: retained discovery, and what it leads to.
type home struct {
	t       *testing.T
	address string
}

// document waits for the document of a device that holds a text.
func (h home) document(ear *ear, device, text string) hass.Document {
	h.t.Helper()
	m := ear.wait(on("homeassistant/device/"+device+"/config", text))
	var d hass.Document
	if err := json.Unmarshal(m.Payload, &d); err != nil {
		h.t.Fatalf("%s: %v", m.Payload, err)
	}
	return d
}

// state waits until all that an entity hangs on says online, and gives the state it has then.
func (h home) state(c hass.Component) string {
	h.t.Helper()
	if c.UniqueID == "" {
		h.t.Fatal("no such entity")
	}
	for _, a := range c.Availability {
		h.available(a, "online")
	}
	ear := hearAt(h.t, h.address, c.StateTopic)
	defer ear.close()
	m := ear.wait("a state on "+c.StateTopic, func(topic, _ string) bool { return topic == c.StateTopic })
	return h.render(c.ValueTemplate, string(m.Payload))
}

// available waits until a topic of availability says so.
func (h home) available(a hass.Availability, word string) {
	h.t.Helper()
	ear := hearAt(h.t, h.address, a.Topic)
	defer ear.close()
	ear.wait(a.Topic+" is "+word, func(_, payload string) bool { return h.render(a.ValueTemplate, payload) == word })
}

func (h home) render(template, payload string) string {
	h.t.Helper()
	if template == "" {
		return payload
	}
	text, err := hasstest.Render(template, payload)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// number waits for the state of an entity, which is one.
func (h home) number(c hass.Component) {
	h.t.Helper()
	if s := h.state(c); s == "" {
		h.t.Errorf("%s has no state", c.UniqueID)
	} else if _, err := strconv.ParseFloat(s, 64); err != nil {
		h.t.Errorf("%s is %q", c.UniqueID, s)
	}
}

// devices makes sure that no discovery is retained of devices but those named.
func (h home) devices(want ...string) {
	h.t.Helper()
	ear := hearAt(h.t, h.address, "#")
	defer ear.close()
	sayAt(h.t, h.address, "mark", "now")
	found := map[string]bool{}
	ear.wait("the mark", func(topic, payload string) bool {
		if device, ok := strings.CutPrefix(topic, "homeassistant/device/"); ok && payload != "" {
			found[strings.TrimSuffix(device, "/config")] = true
		}
		return topic == "mark"
	})
	for _, device := range want {
		if !found[device] {
			h.t.Errorf("%s is not announced", device)
		}
		delete(found, device)
	}
	if len(found) > 0 {
		h.t.Errorf("announced are also %v", found)
	}
}

// TestHomeAssistant: at the local broker payload, state and availability go together, through a restart, a birth, a new name, and the end.
func TestHomeAssistant(t *testing.T) {
	leavesNothing(t)
	cfg := configure(t, shown)
	s := start(t, cfg, edge.Options{})
	h := home{t, s.Address("local").String()}
	ear := s.hear("local", "#")
	d := h.document(ear, "skerry__wx__air", "")
	h.number(d.Components["temperature"])
	h.number(h.document(s.hear("local", "#"), "skerry__wx__sun", "").Components["illuminance"])
	gateway := h.document(s.hear("local", "#"), "skerry__wx", "")
	if got := h.state(gateway.Components["alarm:warm"]); got != "raised" {
		t.Errorf("the alarm is %q", got)
	}
	h.number(gateway.Components["figure:waiting"])
	heater := gateway.Components["output:heater"]
	for _, word := range []string{heater.PayloadOn, heater.PayloadOff} {
		sayAt(t, h.address, heater.CommandTopic, word)
		ear.wait("the heater is "+word, func(topic, payload string) bool {
			return topic == heater.StateTopic && h.render(heater.ValueTemplate, payload) == word
		})
	}
	if h.available(heater.Availability[1], "online"); h.state(heater) != heater.PayloadOff {
		t.Error("the heater is not off")
	}
	before := d.Components["temperature"]
	s.stop()
	ear.wait("the gateway is gone", func(topic, payload string) bool { return topic == "lake/wx/status" && payload == "offline" })

	s = start(t, cfg, edge.Options{})
	h.address = s.Address("local").String()
	h.number(h.document(s.hear("local", "#"), "skerry__wx__air", "").Components["temperature"])
	live := s.hear("local", "homeassistant/#")
	h.document(live, "skerry__wx__air", "") // retained
	s.say("local", "homeassistant/status", "online")
	live.wait("the birth", func(topic, _ string) bool { return topic == "homeassistant/status" })
	h.document(live, "skerry__wx__air", "")
	until(t, "a line for the birth", func() bool { return strings.Contains(s.log.String(), "is told what there is") })
	if log := s.log.String(); strings.Count(log, "is told what there is") != 1 {
		t.Errorf("without news it was told before its birth:\n%s", log)
	}
	s.stop()

	renamed := configure(t, rename.Replace(shown))
	renamed.Storage.Path = cfg.Storage.Path
	s = start(t, renamed, edge.Options{})
	h.address = s.Address("local").String()
	after := h.document(s.hear("local", "#"), "skerry__wx__air", "lake/wx/outside/temperature").Components["temperature"]
	if after.UniqueID != before.UniqueID || after.StateTopic == before.StateTopic {
		t.Errorf("renamed, %s on %s is %s on %s", before.UniqueID, before.StateTopic, after.UniqueID, after.StateTopic)
	}
	h.number(after)
	s.stop()

	less := configure(t, strings.Replace(strings.Replace(shown, "alarms: {warm", "alarms: {hot", 1), "  sun: {driver: bh1750, every: 1h, align: start, payload: value}\n", "", 1))
	less.Storage.Path = cfg.Storage.Path
	s = start(t, less, edge.Options{})
	h.address = s.Address("local").String()
	live = s.hear("local", "homeassistant/#")
	h.document(live, "skerry__wx", `"alarm:warm":{"platform":"binary_sensor"}`)
	if d := h.document(live, "skerry__wx", "alarm:hot"); d.Components["alarm:warm"].Platform != "" {
		t.Error("the alarm that is gone is still there")
	}
	h.devices("skerry__wx", "skerry__wx__air")
	s.stop()

	none := configure(t, strings.Replace(shown, "home_assistant: {to: local}\n", "", 1))
	none.Storage.Path = cfg.Storage.Path
	s = start(t, none, edge.Options{})
	until(t, "taken back", func() bool { return strings.Contains(s.log.String(), "removed=2") })
	h.address = s.Address("local").String()
	h.devices()
}

// mosquitto starts Debian's broker on loopback, and gives its address.
func mosquitto(t *testing.T) string {
	t.Helper()
	program := ""
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
		}
	}
	if program == "" && os.Getenv("SKERRY_NO_SKIP") == "1" {
		t.Fatal("mosquitto is not installed")
	}
	if program == "" {
		t.Skip("needs mosquitto (Debian package mosquitto)")
	}
	port := loopback.Port(t)
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf("user root\nlistener %d 127.0.0.1\nallow_anonymous true\n", port)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		cmd.Wait()
	})
	address := loopback.Address(port)
	until(t, "mosquitto listens", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address
}

// TestHomeAssistantUpstream: through an uplink with a prefix documents arrive without it, and lead to topics that have it; the Will of the
// uplink makes entities unavailable; a birth upstream is answered; and what was told there is taken back.
func TestHomeAssistantUpstream(t *testing.T) {
	leavesNothing(t)
	h := home{t, mosquitto(t)}
	text := strings.Replace(shown, "to: local", "to: cloud", 1) +
		"uplinks: {cloud: {mqtt: \"tcp://" + h.address + "\", prefix: farm/, retry: 100ms..200ms}}\n"
	cfg := configure(t, text)
	var mu sync.Mutex
	var cut func() error
	dial := func(ctx context.Context, c config.Server) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.Address())
		if err == nil {
			mu.Lock()
			cut = conn.Close
			mu.Unlock()
		}
		return conn, err
	}
	ear := hearAt(t, h.address, "#")
	s := startPrepared(t, cfg, edge.Options{}, func(g *edge.Gateway) { g.DialUplinks(dial) })
	d := h.document(ear, "skerry__wx__air", "")
	c := d.Components["temperature"]
	if c.StateTopic != "farm/lake/wx/air/temperature" || c.Availability[0].Topic != "farm/lake/wx/uplink/cloud" {
		t.Errorf("upstream it is %+v", c)
	}
	h.number(c)
	h.number(h.document(hearAt(t, h.address, "#"), "skerry__wx__sun", "").Components["illuminance"])
	state := hearAt(t, h.address, "farm/lake/wx/uplink/cloud")
	state.wait("online", func(_, p string) bool { return p == "online" })
	mu.Lock()
	cut()
	mu.Unlock()
	state.wait("the Will", func(_, p string) bool { return p == "offline" })
	state.wait("online again", func(_, p string) bool { return p == "online" })
	h.number(c)

	live := hearAt(t, h.address, "homeassistant/#")
	h.document(live, "skerry__wx__air", "") // retained
	sayAt(t, h.address, "homeassistant/status", "online")
	live.wait("the birth", func(topic, _ string) bool { return topic == "homeassistant/status" })
	h.document(live, "skerry__wx__air", "")
	h.devices("skerry__wx", "skerry__wx__air", "skerry__wx__sun")
	local := s.hear("local", "#")
	s.say("local", "mark", "")
	local.wait("the mark", func(topic, _ string) bool {
		if strings.HasPrefix(topic, "homeassistant/device/") {
			t.Errorf("at the local broker is %s, of which topics are others here", topic)
		}
		return topic == "mark"
	})
	s.stop()

	renamed := configure(t, rename.Replace(text))
	renamed.Storage.Path = cfg.Storage.Path
	s = start(t, renamed, edge.Options{})
	after := h.document(hearAt(t, h.address, "#"), "skerry__wx__air", "farm/lake/wx/outside/temperature").Components["temperature"]
	if after.UniqueID != c.UniqueID {
		t.Errorf("renamed, %s is %s", c.UniqueID, after.UniqueID)
	}
	h.number(after)
	s.stop()

	none := configure(t, strings.Replace(text, "home_assistant: {to: cloud}\n", "", 1))
	none.Storage.Path = cfg.Storage.Path
	gone := hearAt(t, h.address, "homeassistant/#")
	start(t, none, edge.Options{})
	for _, device := range []string{"skerry__wx", "skerry__wx__air", "skerry__wx__sun"} {
		gone.wait(device+" is gone", func(topic, p string) bool { return topic == "homeassistant/device/"+device+"/config" && p == "" })
	}
	h.devices()
}

// TestHomeAssistantForgotten: where an uplink comes to lead to a server that has never heard of the station, or has lost everything, that is
// told what there is, and what outputs have, which may not change for a long time.
func TestHomeAssistantForgotten(t *testing.T) {
	leavesNothing(t)
	first, second := mosquitto(t), mosquitto(t)
	var mu sync.Mutex
	address, cut := first, func() error { return nil }
	dial := func(ctx context.Context, _ config.Server) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			cut = conn.Close
		}
		return conn, err
	}
	text := strings.Replace(shown, "to: local", "to: cloud", 1) + "uplinks: {cloud: {mqtt: \"tcp://" + first + "\", retry: 100ms..200ms}}\n"
	heater := func(topic, p string) bool { return topic == "lake/wx/heater" && strings.Contains(p, `"value":"off"`) }
	before, after := hearAt(t, first, "homeassistant/#"), hearAt(t, second, "homeassistant/#")
	heaterBefore, heaterAfter := hearAt(t, first, "lake/wx/heater"), hearAt(t, second, "lake/wx/heater")
	startPrepared(t, configure(t, text), edge.Options{}, func(g *edge.Gateway) { g.DialUplinks(dial) })
	home{t, first}.document(before, "skerry__wx__sun", "")
	heaterBefore.wait("the output", heater)
	mu.Lock()
	address = second
	cut()
	mu.Unlock()
	heaterAfter.wait("the output at the other server", heater)
	home{t, second}.document(after, "skerry__wx__sun", "")
	for _, device := range []string{"skerry__wx", "skerry__wx__air"} { // one that the first server had not acknowledged comes before all
		home{t, second}.document(hearAt(t, second, "homeassistant/#"), device, "")
	}
	home{t, second}.devices("skerry__wx", "skerry__wx__air", "skerry__wx__sun")
}
