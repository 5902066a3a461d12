package edge

import (
	"strconv"

	"skerry/broker"
	"skerry/broker/filter"
	"skerry/edge/change"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// filters are the content filters of the configuration as the broker wants them: those for clients, and those of streams.
func filters(c *config.Config) []broker.Filter {
	var all []broker.Filter
	for _, f := range c.Broker.Filters {
		all = append(all, broker.Filter{Name: f.Name, Match: f.Match, Condition: f.When.Expression})
	}
	for _, s := range c.Streams {
		if s.Chooses() {
			all = append(all, broker.Filter{Name: uplink.ContentFilter(s.Name), Match: s.Match, Condition: contentOf(s), Private: true})
		}
	}
	return all
}

// content decides what a stream carries: what `when` holds of, and, of that, what says something new.
type content struct {
	when   *filter.Expression // nil: of everything
	change *change.Detector   // nil: nothing is left out
}

func contentOf(s config.Stream) content {
	c := content{when: s.When.Expression}
	if o := s.OnChange; o.On {
		c.change = change.NewDetector(change.Options{Ignore: o.Ignore, Deadband: o.Deadband, Heartbeat: o.Heartbeat})
	}
	return c
}

func (c content) Holds(s *filter.Subject) bool {
	return (c.when == nil || c.when.Holds(s)) && (c.change == nil || c.change.Holds(s))
}

// filtered publishes what content filters were asked and have answered, under $SYS/broker/filters. docs/filter.md names the
// values.
func (s *statistics) filtered() {
	for _, f := range s.filters {
		n := f.When.Expression.Counts()
		for name, value := range map[string]uint64{"asked": n.Asked, "passed": n.Held, "unclear": n.Failed} {
			s.publishAs("broker/filters/"+f.Name+"/"+name, strconv.FormatUint(value, 10))
		}
	}
}
