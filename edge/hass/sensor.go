package hass

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"skerry/edge/config"
)

// sensor adds the values of a sensor: to a device of its own, or to the gateway if it watches the board.
func (p *planner) sensor(s *config.Sensor) {
	doc, prefix := p.gateway, "sensor:"+s.Identity()+":"
	if s.Driver != "health" {
		id := p.config.Gateway.ID
		doc, prefix = p.document(Device{Name: id + " " + s.Name, Model: s.Driver, ViaDevice: p.via()}, id, s.Identity()), ""
		p.devices = append(p.devices, doc)
	}
	device := deviceID(p.config.Gateway.ID, s.Identity())
	unread := map[string][]string{} // names by reason
	for i := range s.Values {
		v := &s.Values[i]
		at, heard := p.at(cmp.Or(v.Topic, s.Topic))
		how, err := read(s, v)
		switch {
		case !heard:
			p.missing = append(p.missing, s.Name+"."+v.Name)
		case err != nil:
			unread[err.Error()] = append(unread[err.Error()], s.Name+"."+v.Name)
		default:
			c := p.value(s, v, at, how)
			c.UniqueID = uniqueID(device, v.Name)
			p.add(doc, prefix+v.Name, c)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(unread)) {
		p.note("sensors."+s.Name, fmt.Sprintf("Home Assistant cannot read %s: %s", strings.Join(unread[why], ", "), why), "payload: json")
	}
}

// value is the entity of a value.
func (p *planner) value(s *config.Sensor, v *config.Value, at string, how reading) Component {
	entity := p.home.Values[s.Name+"."+v.Name]
	m := meaningOf(s.Driver, *v).as(entity)
	p.check(s, v, entity, m)
	c := Component{
		Platform: sensorPlatform, Name: cmp.Or(entity.Name, label(v.Name)), DeviceClass: m.device, StateClass: m.state, Options: m.options,
		StateTopic: at, ValueTemplate: how.value, ExpireAfter: expireAfter(s, v),
		Availability: p.whileThere(Availability{Topic: at, ValueTemplate: how.available}),
	}
	if m.station {
		c.Category = diagnostic
	}
	if m.hidden {
		c.Enabled = new(bool)
	}
	switch {
	case m.flag:
		c.Platform, c.StateClass, c.PayloadOn, c.PayloadOff = binaryPlatform, "", "1", "0"
	case v.Doc.Text:
		c.StateClass = ""
	default:
		c.Unit, c.Precision = unitOf(v.Unit), decimals(v.Round)
	}
	return c
}

// decimals are those that a number is rounded to.
func decimals(round float64) *int {
	if round <= 0 {
		return nil
	}
	_, fraction, _ := strings.Cut(strconv.FormatFloat(round, 'f', -1, 64), ".")
	return new(len(fraction))
}

// leastExpiry spares a value that is read many times a second: messages may come a little late.
const leastExpiry = 10 * time.Second

// expireAfter is the time without a message after which the state is no longer one, in seconds: the longest silence while all is well, and
// as long again as it takes a value to become stale. 0: a value that is published when it moves, or that never becomes stale, does not expire.
func expireAfter(s *config.Sensor, v *config.Value) int {
	together := []config.Value{*v}
	if v.Topic == "" { // any of the group publishes all
		together = slices.DeleteFunc(slices.Clone(s.Values), func(o config.Value) bool { return o.Topic != "" })
	}
	silence, ends := time.Duration(0), false
	for i := range together {
		if one, ok := together[i].Silence(s.Every); ok && (!ends || one < silence) {
			silence, ends = one, true
		}
	}
	if !ends || s.Stale == 0 {
		return 0
	}
	return int((max(silence+s.Stale, leastExpiry) + time.Second - 1) / time.Second)
}

// check refuses classes that Home Assistant would refuse.
func (p *planner) check(s *config.Sensor, v *config.Value, e config.Entity, m meaning) {
	key := fmt.Sprintf("home_assistant.values.%q", s.Name+"."+v.Name)
	wrong := func(key, problem, hint string) { p.wrong = append(p.wrong, p.config.Wrong(key, problem, hint)) }
	unit, all := unitOf(v.Unit), slices.Sorted(maps.Keys(classes))
	if v.Doc.Text {
		all = []string{"timestamp"}
	} else {
		all = slices.DeleteFunc(all, func(c string) bool { return !fits(c, unit) || c == "enum" || c == "timestamp" })
	}
	device := without(e.DeviceClass)
	_, exists := classes[device]
	switch {
	case device == "" || slices.Contains(all, device):
	case !exists:
		wrong(key+".device_class", fmt.Sprintf("device class %q is not known here", device), "for this value: "+strings.Join(append(all, "none"), ", "))
	case v.Doc.Text:
		wrong(key+".device_class", "the value is a text, which cannot be of device class "+device, "timestamp, or none")
	default:
		wrong(key+".device_class", fmt.Sprintf("device class %s has no unit %q", device, unit),
			"its units: "+strings.Join(classes[device].units, ", ")+"; for this value: "+strings.Join(append(all, "none"), ", "))
	}
	states := anyState
	if exists && device != "" || device == "" && m.device != "" {
		states = classes[m.device].states
	}
	if state := without(e.StateClass); state != "" && (v.Doc.Text || !slices.Contains(states, state)) {
		wrong(key+".state_class", fmt.Sprintf("state class %q does not go with the value", state), "allowed: "+strings.Join(append(slices.Clone(states), "none"), ", "))
	}
}
