package cost

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"skerry/broker"
	"skerry/edge/alarm"
	"skerry/edge/config"
	"skerry/edge/hass"
	"skerry/edge/mapping"
	"skerry/queue"
)

// How often a day things happen that hang on what goes on around a station, and on its operator. docs/explain.md has them.
var (
	alarmsRaised  = Range{1, 24}         // each alarm, and cleared as often
	outputsSet    = Range{10, 288}       // each output
	announcements = Range{1.0 / Days, 1} // of what there is, to Home Assistant
	figuresChange = Range{24, 288}       // those of the station, for Home Assistant
)

// homeStream is what documents for Home Assistant are shown under: no stream of the configuration carries them.
const homeStream = "(home assistant)"

// station is what a configuration publishes, and who carries it.
type station struct {
	config *config.Config
	at     Machine
	plan   *hass.Plan
	names  map[string]string     // what publishes to a topic: air.temperature, alarm frost
	all    *lane                 // everything
	lanes  [][]*lane             // by uplink
	traces map[string]*[2]traced // by the sensors that they are of
}

func newStation(c *config.Config, at Machine, plan *hass.Plan) *station {
	s := &station{config: c, at: at, plan: plan, names: map[string]string{}, traces: map[string]*[2]traced{}, all: newLane(config.Stream{Match: []string{"#"}})}
	for _, sensor := range c.Sensors {
		if sensor.Topic != "" {
			s.names[sensor.Topic] = sensor.Name
		}
		for _, v := range sensor.Values {
			if v.Topic != "" {
				s.names[v.Topic] = sensor.Name + "." + v.Name
			}
		}
	}
	for _, u := range c.Uplinks {
		carried := config.Carried(u, c.Streams)
		pairs := config.Pairs(carried)
		var lanes []*lane
		for _, stream := range carried {
			l := newLane(stream)
			l.pair = pairs[stream.Name]
			lanes = append(lanes, l)
		}
		if plan.To == u.Name && len(plan.Documents) > 0 {
			l := newLane(config.Stream{Name: homeStream, Class: config.StateClass, Encode: config.EncodePass, Match: []string{c.HomeAssistant.Prefix + "/#"}})
			l.ours = true
			lanes = append(lanes, l)
		}
		s.lanes = append(s.lanes, lanes)
	}
	return s
}

// each does something with every lane.
func (s *station) each(f func(*lane)) {
	f(s.all)
	for _, lanes := range s.lanes {
		for _, l := range lanes {
			f(l)
		}
	}
}

// play plays the station in both modes.
func (s *station) play() error {
	for _, m := range []mode{typical, worst} {
		present := mapping.NewPresent()
		all, err := players(s.config, present, 0)
		if err != nil {
			return err
		}
		for _, p := range all {
			p.playDay(m, func(weight float64, _ time.Duration, messages []*broker.Message) {
				s.each(func(l *lane) { l.tick(m, p.sensor.Name, weight, messages) })
			})
		}
		s.occasions(m, present)
		if m == worst {
			s.beat(all)
		}
	}
	s.each(func(l *lane) { l.settle(s.config.Sensors) })
	return nil
}

// trace plays those sensors side by side that lanes carry something of.
func (s *station) trace(lanes []*lane) (*[2]traced, error) {
	key := ""
	carried := map[string]bool{}
	for _, x := range s.config.Sensors {
		if slices.ContainsFunc(lanes, func(l *lane) bool { return l.reads[x.Name] }) {
			carried[x.Name] = true
			key += x.Name + "\n"
		}
	}
	if t := s.traces[key]; t != nil {
		return t, nil
	}
	t := new([2]traced)
	for _, m := range []mode{typical, worst} {
		all, err := players(s.config, mapping.NewPresent(), traceBegin)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(p *player) bool { return !carried[p.sensor.Name] })
		t[m].events, t[m].long = trace(all, m)
	}
	s.traces[key] = t
	return t, nil
}

// beat has heartbeats counted.
func (s *station) beat(all []*player) {
	names := slices.Sorted(maps.Keys(s.names))
	for _, p := range all {
		for _, name := range names {
			if n := p.heartbeats(name); n > 0 {
				s.each(func(l *lane) { l.beat(name, n) })
			}
		}
	}
}

// settle ends the play of a lane.
func (l *lane) settle(sensors []config.Sensor) {
	for _, x := range sensors {
		l.sensors[x.Name], l.reads[x.Name] = true, l.ticks[x.Name] != nil
	}
	l.reduce()
	l.expect()
	l.readTogether(sensors)
}

// occasions are messages that come now and then.
func (s *station) occasions(m mode, present *mapping.Present) {
	tell := func(origin string, perDay float64, messages ...*broker.Message) {
		for _, msg := range messages {
			s.names[msg.TopicName] = origin
			s.each(func(l *lane) { l.tick(m, origin, perDay, []*broker.Message{msg}) })
		}
	}
	for _, a := range s.config.Alarms {
		values := map[string]mapping.Now{}
		for _, c := range []config.Condition{a.When, a.Clear} {
			if c.Condition == nil {
				continue
			}
			for _, in := range c.Condition.Inputs {
				if v, known := present.Look(in.String()); known {
					values[in.String()] = v
				}
			}
		}
		const examples = sampled / 2 // of each, so that no two blocks have the same in them
		for i := range examples {
			at := time.Duration(i) * 5 * time.Hour
			raised, cleared := alarm.Examples(a, values, midnight.Add(at+jitter(a.Name, at)), time.Hour)
			tell("alarm "+a.Name, *alarmsRaised.in(m)/examples, raised, cleared)
		}
	}
	for _, o := range s.config.Outputs {
		payload, _ := json.Marshal(map[string]any{"value": true, "unit": o.Unit, "reason": "command", "time": "2026-01-15T12:00:00.123Z"})
		tell("output "+o.Name, *outputsSet.in(m), own(o.Topic, payload))
	}
	s.home(tell, m)
}

func own(topic string, payload []byte) *broker.Message {
	return &broker.Message{TopicName: topic, Payload: payload, QoS: 1, Retain: true, Origin: queue.Gateway}
}

// home is what Home Assistant is told.
func (s *station) home(tell func(string, float64, ...*broker.Message), m mode) {
	for _, d := range s.plan.Documents {
		text, err := json.Marshal(d.Document)
		if err != nil { // texts and numbers
			continue
		}
		tell("discovery", *announcements.in(m), own(d.Topic, text))
	}
	if s.plan.State != "" {
		tell("discovery", *announcements.in(m), own(s.plan.State, []byte("online")))
	}
	if s.plan.Figures != "" {
		uplinks := map[string]string{}
		for _, u := range s.config.Uplinks {
			uplinks[u.Name] = "online"
		}
		text, _ := json.Marshal(hass.Figures{Waiting: 12, DiskFree: 12345, Uplinks: uplinks})
		tell("figures", *figuresChange.in(m), own(s.plan.Figures, text))
	}
}

// foreign tells whether clients beside the station may publish what a lane carries.
func (s *station) foreign(l *lane) bool {
	if l.ours || len(s.config.Broker.Listeners) == 0 {
		return false
	}
	mine := map[string]bool{}
	for name := range s.names {
		mine[name] = true
	}
	return open(l.stream.Match, s.config.Gateway.Site+"/"+s.config.Gateway.ID+"/", mine)
}

// watched tells whether an output is switched when an uplink is offline for long, so that a link must not leave.
func (s *station) watched(uplink string) bool {
	return slices.ContainsFunc(s.config.Outputs, func(o config.Output) bool {
		return o.OnUplinkLoss != nil && (o.OnUplinkLoss.Uplink == "" || o.OnUplinkLoss.Uplink == uplink)
	})
}
