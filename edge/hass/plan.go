package hass

import (
	"fmt"
	"slices"
	"strings"

	"skerry/broker/topic"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// Plan is what a configuration has to announce.
type Plan struct {
	To        string     // config.LocalBroker, or the name of the uplink to the broker of Home Assistant
	Documents []Announce // the gateway first: others refer to it
	Entities  int        // in all documents
	Notes     []*config.Error

	State   string // local topic on which the gateway says that it is there; "": it need not
	Figures string // local topic of the figures of the station; "": nobody would hear them
}

// Announce is one document and the topic of it at the broker of Home Assistant.
type Announce struct {
	Topic    string
	Document Document
}

// New plans what a configuration announces; version is that of this program. The error is config.Errors. Without a section
// home_assistant there is nothing to announce.
func New(c *config.Config, version string) (*Plan, error) {
	if c.HomeAssistant == nil {
		return &Plan{}, nil
	}
	p := newPlanner(c, version)
	for i := range c.Sensors {
		p.sensor(&c.Sensors[i])
	}
	for i := range c.Alarms {
		p.alarm(&c.Alarms[i])
	}
	for i := range c.Outputs {
		p.output(&c.Outputs[i])
	}
	p.station()
	p.leftOut()
	if len(p.wrong) > 0 {
		p.wrong.Sort()
		return nil, p.wrong
	}
	return p.finish(), nil
}

// planner makes a Plan.
type planner struct {
	config  *config.Config
	home    *config.HomeAssistant
	uplink  *config.Uplink // to the broker of Home Assistant; nil: the local one
	match   []string       // what the uplink carries
	there   string         // topic at that broker on which the gateway says that it is there
	plan    *Plan
	gateway *Document
	devices []*Document // of sensors
	ids     map[*Document]string
	version string
	missing []string // what the uplink does not carry
	wrong   config.Errors
}

func newPlanner(c *config.Config, version string) *planner {
	h := c.HomeAssistant
	p := &planner{config: c, home: h, plan: &Plan{To: h.To}, ids: map[*Document]string{}, version: version}
	for i := range c.Uplinks {
		if u := &c.Uplinks[i]; u.Name == h.To {
			p.uplink = u
		}
	}
	for _, s := range c.Streams {
		if p.uplink != nil && slices.Contains(p.uplink.Carry, s.Name) {
			p.match = append(p.match, s.Match...)
		}
	}
	if p.uplink == nil {
		p.there, p.plan.State = h.State, h.State
	} else {
		p.there = uplink.StateTopic(p.uplink.Prefix, c.Gateway.Site, c.Gateway.ID, p.uplink.Name)
	}
	if _, heard := p.at(h.Figures); heard {
		p.plan.Figures = h.Figures
	}
	p.gateway = p.document(Device{Name: c.Gateway.ID, Manufacturer: "Skerry", SoftwareRev: version}, c.Gateway.ID)
	return p
}

// document begins that of a device.
func (p *planner) document(d Device, names ...string) *Document {
	id := deviceID(names...)
	d.Identifiers = []string{id}
	if site := p.config.Gateway.Site; site != "site" { // which is no name of a place, but what stands for none
		d.SuggestedArea = site
	}
	doc := &Document{Device: d, Origin: Origin{Name: "skerry", SoftwareRev: p.version}, Components: map[string]Component{}}
	p.ids[doc] = id
	return doc
}

// at is a local topic as the broker of Home Assistant has it. False: it does not come there.
func (p *planner) at(local string) (string, bool) {
	if p.uplink == nil {
		return local, true
	}
	carried := slices.ContainsFunc(p.match, func(filter string) bool { return topic.Match(filter, local) })
	return p.uplink.Prefix + local, carried
}

// whileThere is the availability of what hangs on the gateway alone.
func (p *planner) whileThere(more ...Availability) []Availability {
	return append([]Availability{{Topic: p.there}}, more...)
}

// add adds an entity to a device.
func (p *planner) add(d *Document, key string, c Component) {
	if len(c.Availability) > 0 {
		c.AvailabilityMode = "all"
	}
	d.Components[key] = c
	p.plan.Entities++
}

// note tells of something that is not wrong, and that the user may not expect.
func (p *planner) note(key, problem, hint string) {
	p.plan.Notes = append(p.plan.Notes, p.config.Wrong(key, problem, hint))
}

// leftOut tells what the uplink does not carry.
func (p *planner) leftOut() {
	if len(p.missing) == 0 {
		return
	}
	p.note("home_assistant.to", fmt.Sprintf("uplink %s does not carry %s: Home Assistant will not hear of it", p.home.To, strings.Join(p.missing, ", ")),
		fmt.Sprintf("a stream under uplinks.%s.carry that matches it", p.home.To))
}

// finish puts the documents in their order. A device without entities is none.
func (p *planner) finish() *Plan {
	for _, d := range append([]*Document{p.gateway}, p.devices...) {
		if len(d.Components) > 0 {
			p.plan.Documents = append(p.plan.Documents, Announce{p.home.Prefix + "/device/" + p.ids[d] + "/config", *d})
		}
	}
	return p.plan
}

// alarm adds an alarm to the gateway. It is not known until the alarm was raised once: that is the first message of it.
func (p *planner) alarm(a *config.Alarm) {
	at, heard := p.at(a.Topic)
	if !heard {
		p.missing = append(p.missing, "alarm "+a.Name)
		return
	}
	p.add(p.gateway, "alarm:"+a.Name, Component{
		Platform: binaryPlatform, UniqueID: uniqueID(p.ids[p.gateway], "alarm", a.Name), Name: label(a.Name), DeviceClass: "problem",
		StateTopic: at, ValueTemplate: "{{ value_json.get('state') }}", PayloadOn: "raised", PayloadOff: "cleared", AttributesTopic: at,
		Availability: p.whileThere(),
	})
}

// station adds what tells of the station itself.
func (p *planner) station() {
	for _, u := range p.config.Uplinks {
		p.uplinkState(u.Name)
	}
	if p.uplink == nil {
		p.add(p.gateway, "state", p.connectivity("Connection", p.there, "", "state"))
	}
	p.figure("waiting", "Messages waiting", Component{StateClass: measurement})
	if !slices.ContainsFunc(p.config.Sensors, func(s config.Sensor) bool { return s.Driver == "health" }) {
		p.figure("disk_free", "Disk free", Component{StateClass: measurement, DeviceClass: "data_size", Unit: "MiB"})
	}
}

// uplinkState adds whether an uplink is online. Of the one that leads to Home Assistant, its state topic tells.
func (p *planner) uplinkState(name string) {
	switch at, heard := p.at(p.home.Figures); {
	case p.uplink != nil && name == p.uplink.Name:
		p.add(p.gateway, "uplink:"+name, p.connectivity("Uplink "+name, p.there, "", "uplink", name))
	case heard:
		c := p.connectivity("Uplink "+name, at, "{{ value_json['uplinks'].get("+quoted(name)+", '"+offline+"') }}", "uplink", name)
		c.Availability = p.whileThere()
		p.add(p.gateway, "uplink:"+name, c)
	}
}

// connectivity is an entity that is on while something is connected. Without availability of its own it tells of what others hang on.
func (p *planner) connectivity(name, topic, template string, parts ...string) Component {
	return Component{
		Platform: binaryPlatform, UniqueID: uniqueID(p.ids[p.gateway], parts...), Name: name, DeviceClass: "connectivity", Category: diagnostic,
		StateTopic: topic, ValueTemplate: template, PayloadOn: online, PayloadOff: offline,
	}
}

// figure adds one of the figures of the station.
func (p *planner) figure(key, name string, c Component) {
	at, heard := p.at(p.home.Figures)
	if !heard {
		return
	}
	c.Platform, c.UniqueID, c.Name = sensorPlatform, uniqueID(p.ids[p.gateway], "figure", key), name
	c.Category, c.StateTopic, c.ValueTemplate = diagnostic, at, "{{ value_json.get("+quoted(key)+") }}"
	c.Availability = p.whileThere()
	p.add(p.gateway, "figure:"+key, c)
}

// via is the identifier of the gateway.
func (p *planner) via() string { return p.ids[p.gateway] }
