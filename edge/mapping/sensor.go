package mapping

import (
	"bytes"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/queue"
)

// Sensor is how the readings of one sensor become messages, with what was published last.
type Sensor struct {
	config config.Sensor
	values []*value
	group  []*value // those without a topic of their own
	since  time.Time
	born   time.Time // when readings were first waited for
	buffer []byte    // payloads are written here and then copied at their size
}

// New prepares the mapping of a sensor. A reading from before clockFloor, a time that is certainly past, was made with a
// clock that was not set. Errors are *drivers.OptionError, one or joined, with keys below the sensor.
func New(c config.Sensor, clockFloor time.Time) (*Sensor, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	s := &Sensor{config: c, since: clockFloor}
	for _, cv := range c.Values {
		v := newValue(cv)
		s.values = append(s.values, v)
		if cv.Topic == "" {
			s.group = append(s.group, v)
		}
	}
	return s, nil
}

// Messages appends what is to be published of readings that came at now. Readings of values that are not configured are
// passed over. now should carry Go's monotonic reading, so that a step of the clock moves no heartbeat and makes nothing stale.
func (s *Sensor) Messages(dst []*broker.Message, now time.Time, readings []drivers.Reading) []*broker.Message {
	s.begin(now)
	together := false
	for _, r := range readings {
		v := s.find(r.Value)
		if v == nil {
			continue
		}
		v.take(now, r, s.since)
		if !v.due(now, s.slack()) {
			continue
		}
		if v.config.Topic == "" {
			together = true
			continue
		}
		dst = s.alone(dst, now, v)
	}
	if together {
		dst = s.together(dst, now)
	}
	return dst
}

// Stale appends the messages of values that were good for long enough and had no reading since, once for each.
func (s *Sensor) Stale(dst []*broker.Message, now time.Time) []*broker.Message {
	s.begin(now)
	if s.config.Stale == 0 {
		return dst
	}
	together := false
	for _, v := range s.values {
		if !v.expire(now, s.born, s.config.Stale-s.staleSlack()) {
			continue
		}
		if v.config.Topic == "" {
			together = true
			continue
		}
		dst = s.alone(dst, now, v)
	}
	if together {
		dst = s.together(dst, now)
	}
	return dst
}

func (s *Sensor) begin(now time.Time) {
	if s.born.IsZero() {
		s.born = now
	}
}

// slack is how much too early something counts as due. Readings come a little before or after their place on the schedule,
// and a heartbeat that missed by a millisecond would wait for one reading more, each time.
func (s *Sensor) slack() time.Duration { return s.config.Every / 2 }

// staleSlack is that of Stale: no reading is stale before the next one is due.
func (s *Sensor) staleSlack() time.Duration { return min(s.slack(), (s.config.Stale-s.config.Every)/2) }

func (s *Sensor) find(name string) *value {
	for _, v := range s.values {
		if v.config.Name == name {
			return v
		}
	}
	return nil
}

// alone appends the message of a value with a topic of its own, unless there is nothing to say.
func (s *Sensor) alone(dst []*broker.Message, now time.Time, v *value) []*broker.Message {
	v.mark(now)
	if s.config.Payload != config.Bare {
		return append(dst, s.message(v.config.Topic, v.appendJSON(s.buffer[:0], time.Time{}), v.now.quality))
	}
	payload, ok := v.appendBare(s.buffer[:0])
	if !ok {
		return dst
	}
	return append(dst, s.message(v.config.Topic, payload, v.now.quality))
}

// together appends the message of the values under the sensor's topic. The configuration has made sure that it is JSON.
func (s *Sensor) together(dst []*broker.Message, now time.Time) []*broker.Message {
	worst := drivers.Good
	for _, v := range s.group {
		v.mark(now)
		worst = max(worst, v.now.quality)
	}
	return append(dst, s.message(s.config.Topic, appendGroup(s.buffer[:0], s.group), worst))
}

func (s *Sensor) message(topic string, payload []byte, q drivers.Quality) *broker.Message {
	s.buffer = payload
	return &broker.Message{
		TopicName:  topic,
		Payload:    bytes.Clone(payload),
		QoS:        s.config.QoS,
		Retain:     s.config.Retain,
		Origin:     queue.Gateway,
		Unresolved: q == drivers.ClockUnset,
	}
}
