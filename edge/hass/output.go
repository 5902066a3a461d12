package hass

import (
	"fmt"

	"skerry/edge/uplink"
)

// Output is something that Home Assistant can set: a switch, or a number.
type Output struct {
	Name    string
	Topic   string // Topic Name of its state: a JSON object with its "value", and its "quality" where that is not good. A switch is "on" or "off"
	Command string // Topic Name where values are sent to, as they are; "": nobody can set it by a message

	Switch         bool
	Min, Max, Step float64 // of a number; Step 0: any
	Unit           string
}

// leastStep is the smallest that Home Assistant takes.
const leastStep = 1e-3

// output adds an output to the gateway. What cannot be set from there is shown as what it is.
func (p *planner) output(o Output) {
	at, heard := p.at(o.Topic)
	if !heard {
		p.missing = append(p.missing, "output "+o.Name)
		return
	}
	c := Component{
		UniqueID: uniqueID(p.ids[p.gateway], "output", o.Name), Name: label(o.Name), StateTopic: at, ValueTemplate: oneValue.value,
		CommandTopic: p.command(o), Availability: p.whileThere(Availability{Topic: at, ValueTemplate: oneValue.available}),
	}
	if c.CommandTopic != "" {
		c.QoS = 1
	}
	switch {
	case o.Switch:
		c.Platform, c.PayloadOn, c.PayloadOff = binaryPlatform, "on", "off"
		if c.CommandTopic != "" {
			c.Platform = switchPlatform
		}
	case c.CommandTopic == "":
		c.Platform, c.Unit, c.StateClass = sensorPlatform, unitOf(o.Unit), measurement
	default:
		c.Platform, c.Unit = numberPlatform, unitOf(o.Unit)
		c.Min, c.Max, c.Step = &o.Min, &o.Max, new(step(o))
	}
	p.add(p.gateway, "output:"+o.Name, c)
}

// step is by how much a number changes at least: where any number will do, a hundredth of all.
func step(o Output) float64 {
	if o.Step == 0 {
		o.Step = (o.Max - o.Min) / 100
	}
	return max(o.Step, leastStep)
}

// command is where Home Assistant sends commands to: at the broker upstream, what the receive map leads to the output. "": nowhere.
func (p *planner) command(o Output) string {
	if o.Command == "" || p.uplink == nil {
		return o.Command
	}
	name, ok := uplink.UpstreamName(p.uplink.Receive, o.Command)
	if !ok {
		p.note("uplinks."+p.home.To, fmt.Sprintf("nothing under receive leads to %s: Home Assistant will show output %s, and not set it", o.Command, o.Name),
			fmt.Sprintf("receive: {%q: %q}", p.uplink.Prefix+o.Command, o.Command))
	}
	return name
}
