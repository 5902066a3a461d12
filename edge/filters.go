package edge

import (
	"strconv"

	"skerry/broker"
	"skerry/edge/config"
)

// filters are the content filters of the configuration as the broker wants them.
func filters(list []config.Filter) []broker.Filter {
	all := make([]broker.Filter, len(list))
	for i, f := range list {
		all[i] = broker.Filter{Name: f.Name, Match: f.Match, Condition: f.When.Expression}
	}
	return all
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
