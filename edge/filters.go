package edge

import (
	"strconv"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/uplink"
)

// filters are the content filters of the configuration as the broker wants them: those for clients, and those of streams.
func filters(c *config.Config) []broker.Filter {
	var all []broker.Filter
	for _, f := range c.Broker.Filters {
		all = append(all, broker.Filter{Name: f.Name, Match: f.Match, Condition: f.When.Expression})
	}
	return append(all, uplink.ContentFilters(c.Streams)...)
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
