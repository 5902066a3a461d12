package hass

import "skerry/edge/config"

// Decided are the values of drivers that the table has.
func Decided() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for driver, values := range known {
		all[driver] = map[string]bool{}
		for name := range values {
			all[driver][name] = true
		}
	}
	return all
}

// Meaning is the device class and the state class of a value.
func Meaning(driver string, v config.Value) (device, state string) {
	m := meaningOf(driver, v)
	return m.device, m.state
}

// DeviceID makes an id of names.
var DeviceID = deviceID

// Memory is what was announced.
type Memory = memory

// Said is one message of Changes.
type Said struct{ To, Topic, Payload string }

// Changes are the messages that lead from what was announced to a plan.
func Changes(m Memory, p *Plan, again bool, reachable func(string) bool) (goes, comes []Said, next Memory) {
	say := func(all []message) (said []Said) {
		for _, m := range all {
			said = append(said, Said{m.to, m.topic, string(m.payload)})
		}
		return said
	}
	a, b, next := m.changes(p, again, reachable)
	return say(a), say(b), next
}
