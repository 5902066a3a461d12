package mapping

import (
	"bytes"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/drivers"
	"skerry/edge/config"
	"skerry/queue"
)

// Sensor is how the readings of one sensor become messages, with what was published last.
type Sensor struct {
	config  config.Sensor
	present *Present
	values  []*value
	group   []*value // those without a topic of their own
	since   time.Time
	born    time.Time // when readings were first waited for
	latest  time.Time // the time of the newest reading
	told    time.Time // when what is made into messages now is published
	asked   bool      // somebody waits for the next readings, whatever they are
	buffer  []byte    // payloads are written here and then copied at their size
}

// New prepares the mapping of a sensor. A reading from before clockFloor, a time that is certainly past, was made with a
// clock that was not set. What the values are now is written to present, from where derived values of others take it. Errors are
// *drivers.OptionError, one or joined, with keys below the sensor.
func New(c config.Sensor, clockFloor time.Time, present *Present) (*Sensor, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	s := &Sensor{config: c, since: clockFloor, present: present}
	for _, cv := range c.Values {
		v := newValue(cv)
		s.values = append(s.values, v)
		if cv.Topic == "" {
			s.group = append(s.group, v)
		}
	}
	return s, nil
}

// Ask has everything published that comes next, in spite of deadbands.
func (s *Sensor) Ask() { s.asked = true }

// Messages appends what is to be published of readings that came at now, and of values derived from them. Readings of values that
// are not configured are passed over. now should carry Go's monotonic reading, so that a step of the clock moves no heartbeat and
// makes nothing stale.
func (s *Sensor) Messages(dst []*broker.Message, now time.Time, readings []drivers.Reading) []*broker.Message {
	return s.Late(dst, now, now, readings)
}

// Late is Messages for readings that came at came, and were held back until now. Deadbands, heartbeats and windows go by when they came.
func (s *Sensor) Late(dst []*broker.Message, came, now time.Time, readings []drivers.Reading) []*broker.Message {
	s.told = now
	s.begin(came)
	together := false
	settle := func(v *value) { dst = s.settle(dst, came, v, &together) }
	for _, r := range readings {
		if v := s.find(r.Value); v != nil && v.config.Derive.Formula == nil {
			v.take(came, r, s.since)
			s.latest = r.Time
			settle(v)
		}
	}
	if len(readings) > 0 {
		s.derive(came, settle)
		s.asked = false
	}
	if together {
		dst = s.together(dst, came)
	}
	return dst
}

// settle has others see a value, and appends its message if it is due and published alone.
func (s *Sensor) settle(dst []*broker.Message, now time.Time, v *value, together *bool) []*broker.Message {
	s.present.Set(s.config.Name+"."+v.config.Name, v.present())
	switch {
	case !s.asked && !v.due(now, s.slack()):
	case v.config.Topic == "":
		*together = true
	default:
		return s.alone(dst, now, v)
	}
	return dst
}

// Stale appends the messages of values that were good for long enough and had no reading since, once for each; and those of values
// derived from other sensors that have become known, or worse, since this one was read.
func (s *Sensor) Stale(dst []*broker.Message, now time.Time) []*broker.Message {
	s.told = now
	s.begin(now)
	together := false
	for _, v := range s.values {
		if s.config.Stale > 0 && v.expire(now, s.born, s.config.Stale-s.staleSlack()) {
			dst = s.settle(dst, now, v, &together)
		}
	}
	s.follow(now, func(v *value) { dst = s.settle(dst, now, v, &together) })
	if together {
		dst = s.together(dst, now)
	}
	return dst
}

// Date puts the times of values right that were read while the date was not known, when it is: what is said of them later has the right
// time. date gives the date of a local moment, false while there is none.
func (s *Sensor) Date(date func(at time.Time) (time.Time, bool)) {
	for _, v := range s.values {
		if !v.now.undated {
			continue
		}
		at, known := date(v.now.time)
		if !known || at.Before(s.since) {
			continue
		}
		if s.latest.Equal(v.now.time) {
			s.latest = at
		}
		v.now.time, v.now.undated = at, false
		if v.now.quality == drivers.ClockUnset {
			v.now.quality = drivers.Good
		}
		s.present.Set(s.config.Name+"."+v.config.Name, v.present())
	}
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
	payload, ok := s.buffer[:0], true
	switch v.config.Payload {
	case config.Bare:
		payload, ok = v.appendBare(payload)
	case config.Formatted:
		payload, ok = s.appendTemplate(payload, v)
	case config.CBOR:
		payload = s.appendSenML(payload, []*value{v})
	default:
		payload = v.appendJSON(payload, time.Time{})
	}
	s.buffer = payload
	if !ok {
		return dst
	}
	return append(dst, message(v.config.Topic, payload, v.config.QoS, v.config.Retain, v.now.undated, v.config.Payload))
}

// together appends the message of the values under the sensor's topic. The configuration has made sure that it can hold them.
func (s *Sensor) together(dst []*broker.Message, now time.Time) []*broker.Message {
	dated, undated := false, false
	for _, v := range s.group {
		v.mark(now)
		undated = undated || v.now.undated
		dated = dated || !v.now.undated && !v.now.time.IsZero()
	}
	if s.config.Payload == config.CBOR {
		s.buffer = s.appendSenML(s.buffer[:0], s.group)
	} else {
		s.buffer = appendGroup(s.buffer[:0], s.group)
	}
	unresolved := undated && !dated // who puts it right later shifts all of it: among right times a wrong one keeps its mark
	return append(dst, message(s.config.Topic, s.buffer, s.config.QoS, s.config.Retain, unresolved, s.config.Payload))
}

// message makes a message of a payload, which it copies.
func message(topic string, payload []byte, qos byte, retain, unresolved bool, form config.Payload) *broker.Message {
	m := &broker.Message{
		TopicName: topic, Payload: bytes.Clone(payload), QoS: qos, Retain: retain,
		Origin: queue.Gateway, Unresolved: unresolved,
	}
	if form == config.CBOR {
		m.Properties = packet.Properties(nil).AppendString(packet.ContentType, senmlType)
	}
	return m
}
