package uplink

import (
	"slices"
	"strconv"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/edge/config"
	payloads "skerry/edge/mapping"
	"skerry/queue"
)

// TimeProperty is the user property of MQTT 5 that says when a message was published here, if it leaves later than that: milliseconds since
// 1970-01-01, UTC, in decimal. A whole property is 20 bytes so; a date to be read by people is twice that. The gateway's own
// messages have it only if their payload does not say the time itself. A 3.1.1 Server cannot be told, unless it has properties in its topics.
const TimeProperty = "ts"

const (
	// lateAfter is how old a message is that leaves late.
	lateAfter = 5 * time.Second
)

// published gives the properties of a message for its PUBLISH.
func (l *link) published(d *broker.Delivery) (_ packet.Properties, late bool) {
	if l.conn.Version() != packet.V5 {
		return d.Message.Properties, false
	}
	return l.timed(d)
}

// timed gives the properties of a message with the time of its publishing, if it is late and has none. late tells that it was added.
func (l *link) timed(d *broker.Delivery) (_ packet.Properties, late bool) {
	m := d.Message
	stored := d.Retain && !m.Retain // a retained one for a new filter: whose it was is not known any more
	if l.u.broker.Age(m) < lateAfter || (m.Origin == queue.Gateway || stored) && saysTime(m.Payload) {
		return m.Properties, false
	}
	at, known := l.u.broker.Wall(m.Stamp)
	if !known || hasUserProperty(m.Properties, TimeProperty) {
		return m.Properties, false
	}
	return packet.Properties(slices.Clip(m.Properties)).AppendUserProperty(TimeProperty, strconv.FormatInt(at.UnixMilli(), 10)), true
}

// saysTime tells whether a payload is one of the gateway's own that have the time in them: an object of JSON, or a pack of SenML.
func saysTime(payload []byte) bool {
	_, ok := payloads.Time(payload)
	return ok || len(payload) > 0 && payload[0]>>5 == 4
}

func hasUserProperty(properties packet.Properties, name string) bool {
	for p := range properties.All() {
		if p.ID == packet.UserProperty && string(p.Data) == name {
			return true
		}
	}
	return false
}

// retains tells whether a message that was to be retained is to be retained upstream. In one stream each message is newer than the one
// before. But what another stream may have overtaken, what has waited while the streams were others, or what the Server had no room for while it took
// what was behind it, must not take the place of something newer. Nor must what came of a window that is over take the place of what another stream
// carries as it comes: for the Server that is one topic.
func (l *link) retains(s *stream, m *broker.Message) bool {
	if name := l.u.original(m.TopicName); name != m.TopicName && l.u.asItComes(s, name) {
		c := *m
		c.TopicName = name
		return l.u.broker.Newest(&c) // it is when it removes what is removed
	}
	if s.class != config.BackfillClass && !s.mixed && !s.shuffled.Load() && l.u.alone(s, plain(m.TopicName)) {
		return true
	}
	asked := m
	if name := plain(m.TopicName); name != m.TopicName {
		c := *m
		c.TopicName = name
		asked = &c
	}
	return l.u.broker.Newest(asked)
}

// alone tells whether no other stream carries a topic.
func (u *Uplink) alone(s *stream, name string) bool {
	return !slices.ContainsFunc(u.streams, func(o *stream) bool { return o != s && o.matches(name) })
}

// asItComes tells whether another stream carries the messages of a topic themselves.
func (u *Uplink) asItComes(s *stream, name string) bool {
	return slices.ContainsFunc(u.streams, func(o *stream) bool { return o != s && o.reduce == nil && o.matches(name) })
}

// matches tells whether a stream carries a topic, or what comes of its messages.
func (s *stream) matches(name string) bool {
	return slices.ContainsFunc(s.match, func(filter string) bool { return topic.Match(plain(filter), name) })
}

// plain is a Topic Name or Topic Filter without the content filter in front of it.
func plain(name string) string {
	if _, rest, ok := topic.CutFiltered(name); ok {
		return rest
	}
	return name
}
