package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// HomeAssistant says where Home Assistant is told of what the station has. See docs/home-assistant.md.
type HomeAssistant struct {
	Prefix string `yaml:"prefix"` // of the topics of discovery; default homeassistant
	Status string `yaml:"status"` // Topic Name of Home Assistant's birth message; default homeassistant/status
	To     string `yaml:"to"`     // the broker that Home Assistant is at: local, or the name of an uplink; default local

	// Values are those that are shown otherwise than by themselves, by their names SENSOR.VALUE.
	Values map[string]Entity `yaml:"values"`

	// State is the Topic Name on which the local broker is told that the gateway is there, Figures that of its own figures.
	State, Figures string `yaml:"-"`
}

// Entity is how a value is shown. An empty text leaves it as it is, the word "none" takes it away.
type Entity struct {
	Name        string `yaml:"name"`
	DeviceClass string `yaml:"device_class"`
	StateClass  string `yaml:"state_class"`
}

// LocalBroker is HomeAssistant.To for the broker of this station.
const LocalBroker = "local"

// homeAssistant resolves the section: nil where there is none.
func (d *decoder) homeAssistant(h *HomeAssistant, cfg *Config) *HomeAssistant {
	const at = "home_assistant"
	if !d.given(at) {
		return nil
	}
	if h == nil {
		h = &HomeAssistant{}
	}
	d.discoveryTopics(at, h)
	d.discoveredBy(at, h, cfg)
	if !d.given("gateway.id") {
		d.fail(at, "needs gateway.id: without it all that Home Assistant knows would be new when the host name changes",
			fmt.Sprintf("gateway: {id: %s} keeps what it is now", cfg.Gateway.ID))
	}
	for name := range h.Values {
		d.shown(below(at+".values", name), name, cfg)
	}
	if d.sound(at) && d.sound("gateway") {
		base := cfg.Gateway.Site + "/" + cfg.Gateway.ID
		h.State, h.Figures = base+"/status", base+"/figures"
		d.claim(at, h.State, d.taken)
		d.claim(at, h.Figures, d.taken)
		d.claim(at, h.Status, d.taken)
	}
	return h
}

// discoveryTopics resolves the topics that are Home Assistant's.
func (d *decoder) discoveryTopics(at string, h *HomeAssistant) {
	if !d.given(at + ".prefix") {
		h.Prefix = "homeassistant"
	}
	if d.sound(at+".prefix") && d.checkTopicName(at+".prefix", h.Prefix) && strings.HasSuffix(h.Prefix, "/") {
		d.fail(at+".prefix", fmt.Sprintf("prefix %q ends with a slash", h.Prefix), fmt.Sprintf("did you mean %q?", strings.TrimRight(h.Prefix, "/")))
	}
	if !d.given(at + ".status") {
		h.Status = "homeassistant/status" // whatever the prefix is
	}
	if d.sound(at + ".status") {
		d.checkTopicName(at+".status", h.Status)
	}
}

// discoveredBy resolves the broker that Home Assistant is at.
func (d *decoder) discoveredBy(at string, h *HomeAssistant, cfg *Config) {
	if !d.given(at + ".to") {
		h.To = LocalBroker
	}
	names := []string{LocalBroker}
	for _, u := range cfg.Uplinks {
		names = append(names, u.Name)
	}
	i := slices.IndexFunc(cfg.Uplinks, func(u Uplink) bool { return u.Name == h.To })
	switch {
	case !slices.Contains(names, h.To) && d.sound(at+".to"):
		d.fail(at+".to", fmt.Sprintf("no uplink %q", h.To), suggest(h.To, names))
	case slices.Contains(names[1:], LocalBroker):
		d.fail(at, "an uplink is called local, as the broker of this station is here", "give the uplink another name")
	case i >= 0 && len(cfg.Uplinks[i].Carry) >= maxCarry:
		d.fail(below("uplinks", h.To), fmt.Sprintf("carries %d streams, and Home Assistant needs one more", maxCarry), "put more filters into one stream")
	}
}

// shown checks that a value exists which is to be shown otherwise. What classes there are, package hass knows.
func (d *decoder) shown(key, name string, cfg *Config) {
	sensor, value, _ := strings.Cut(name, ".")
	var known []string
	for _, s := range cfg.Sensors {
		for _, v := range s.Values {
			known = append(known, s.Name+"."+v.Name)
			if s.Name == sensor && v.Name == value {
				return
			}
		}
	}
	if d.sound("sensors") {
		d.fail(key, fmt.Sprintf("no value %q", name), suggest(name, known))
	}
}

// Silence is the longest time between two messages of a value while all is well. False: it may be silent for ever.
func (v *Value) Silence(every time.Duration) (time.Duration, bool) {
	switch {
	case v.Deadband.Amount == 0:
		return every, true
	case v.Heartbeat == 0:
		return 0, false
	}
	return v.Heartbeat + every, true // the heartbeat is looked at when there is a reading
}
