package alarm

import (
	"time"

	"skerry/broker"
	"skerry/edge/config"
	"skerry/edge/mapping"
)

// Examples are the messages of an alarm that is raised while values are what they are, and cleared as long later as it has lasted: for who wants to
// know how large they are. values are by SENSOR.VALUE.
func Examples(c config.Alarm, values map[string]mapping.Now, at time.Time, lasted time.Duration) (raised, cleared *broker.Message) {
	s := &Set{values: values}
	a := &alarm{config: c, at: at}
	return s.message(a, raise, at), s.message(a, clearing, at.Add(lasted))
}
