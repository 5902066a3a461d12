package hass

import (
	"fmt"

	"skerry/edge/config"
	"skerry/edge/uplink"
)

// leastStep is the smallest that Home Assistant takes.
const leastStep = 1e-3

// withTime is a command that says when it was given. Home Assistant puts the value in.
const withTime = `{"value":"{{ value }}","time":"{{ utcnow().isoformat() }}"}`

// output adds an output to the gateway. What cannot be set from there is shown as what it is.
func (p *planner) output(o *config.Output) {
	at, heard := p.at(o.Topic)
	if !heard {
		p.missing = append(p.missing, "output "+o.Name)
		return
	}
	c := Component{
		UniqueID: uniqueID(p.ids[p.gateway], "output", o.Name), Name: label(o.Name), StateTopic: at, ValueTemplate: oneValue.value,
		AttributesTopic: at, CommandTopic: p.command(o), Availability: p.whileThere(Availability{Topic: at, ValueTemplate: oneValue.available}),
	}
	set := c.CommandTopic != ""
	if set {
		c.QoS = 1
	}
	if set && (o.Command.Time == config.TimeRequired || p.uplink != nil) { // the server may hold it while the link is down
		c.CommandTemplate = withTime
	}
	switch {
	case o.Doc.Switch:
		c.Platform, c.PayloadOn, c.PayloadOff = binaryPlatform, "on", "off"
		if set {
			c.Platform = switchPlatform
		}
	case set:
		c.Platform, c.Unit = numberPlatform, unitOf(o.Doc.Unit)
		c.Min, c.Max, c.Step = new(o.Doc.Min), new(o.Doc.Max), new(step(o))
	default:
		c.Platform, c.Unit, c.StateClass, c.Precision = sensorPlatform, unitOf(o.Doc.Unit), measurement, decimals(o.Round)
	}
	p.add(p.gateway, "output:"+o.Name, c)
}

// step is by how much a number changes at least: where any number will do, a hundredth of all.
func step(o *config.Output) float64 {
	if o.Round > 0 {
		return max(o.Round, leastStep)
	}
	return max((o.Doc.Max-o.Doc.Min)/100, leastStep)
}

// command is where Home Assistant sends commands to: at the broker upstream, what the receive map leads to the output. "": nowhere.
func (p *planner) command(o *config.Output) string {
	local := o.Command.Topic
	if local == "" || p.uplink == nil {
		return local
	}
	name, ok := uplink.UpstreamName(p.uplink.Receive, local)
	if !ok {
		p.note("uplinks."+p.home.To, fmt.Sprintf("nothing under receive leads to %s: Home Assistant will show output %s, and not set it", local, o.Name),
			fmt.Sprintf("receive: {%q: %q}", p.uplink.Prefix+local, local))
	}
	return name
}
