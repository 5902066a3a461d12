package edge

import (
	"time"

	"skerry/broker"
	"skerry/edge/clock"
	"skerry/edge/config"
	"skerry/edge/mapping"
	"skerry/edge/simulate"
	"skerry/queue"
)

// holdFor is how long own readings wait at most for the date before they leave upstream with their mark, see uplink.Options.
const holdFor = 5 * time.Minute

// newClock makes the clock of the configuration. A simulated board knows the date, unless its scenario has a time at which nobody does.
func newClock(c *config.Config, o Options, simulated *simulate.Station) *clock.Clock {
	if o.Clock != nil {
		return o.Clock
	}
	var sources []clock.Source
	for _, s := range c.Gateway.Clock.Sources {
		sources = append(sources, clock.Source(s))
	}
	options := clock.Options{Sources: sources, Floor: clockFloor(), Log: o.Log, Always: c.Gateway.Board == "sim" || o.Buses != nil}
	switch {
	case simulated != nil && simulated.HidesDate():
		options.Always, options.Synced = false, simulated.KnowsDate // and nothing is set: the machine's clock is right
	case !options.Always:
		options.Set = clock.SetSystem
	}
	return clock.New(options)
}

// wall is what the log is told of the date; nil: it asks the machine itself.
func (g *Gateway) wall() func() (int64, bool) {
	hidden := g.simulated != nil && g.simulated.HidesDate()
	if g.options.Clock == nil && !hidden && (g.config.Gateway.Board == "sim" || g.options.Buses != nil) {
		return nil
	}
	return g.clock.Wall
}

// resolve puts an own reading right that was made while nobody knew the date, if its time is known by now.
func (g *Gateway) resolve(m *broker.Message) *broker.Message {
	if m.Origin != queue.Gateway {
		return m
	}
	at, known := g.broker.Wall(m.Stamp)
	if !known {
		return m
	}
	right := *m
	right.Unresolved = false
	payload := mapping.Resolve(m.Payload, at)
	if payload == nil {
		payload = mapping.ResolveSenML(m.Payload, at)
	}
	if payload != nil {
		right.Payload = payload
	}
	return &right
}

// hold is how long own readings whose time is not known wait at the uplinks.
func (g *Gateway) hold() time.Duration {
	if g.config.Gateway.Clock.UntilSet != config.Hold {
		return 0
	}
	return holdFor
}
