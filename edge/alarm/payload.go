package alarm

import (
	"bytes"
	"encoding/json"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/edge/mapping"
	"skerry/queue"
)

// payload is what is published of an alarm.
type payload struct {
	Alarm     string           `json:"alarm"`
	State     string           `json:"state"`               // raised, cleared
	Time      string           `json:"time"`                // the first time of the payload: the one that mapping.Resolve puts right
	Since     string           `json:"since,omitempty"`     // cleared: when it was raised, if that is known
	Condition string           `json:"condition,omitempty"` // that holds now
	Reason    string           `json:"reason,omitempty"`
	Values    map[string]input `json:"values,omitempty"`
	Quality   string           `json:"quality,omitempty"` // clock-unset: of time
}

// input is what a value was when the alarm changed.
type input struct {
	Value   json.RawMessage `json:"value"`
	Unit    string          `json:"unit,omitempty"`
	Time    string          `json:"time,omitempty"`
	Quality string          `json:"quality,omitempty"`
}

// message is that of a change.
func (s *Set) message(a *alarm, c change, at time.Time) *broker.Message {
	deciding := a.deciding(c)
	p := payload{Alarm: a.config.Name, State: "raised", Condition: deciding.Text, Values: map[string]input{}}
	if c == clearing {
		p.State, p.Since = "cleared", stamp(s.since(a))
		if a.config.Clear.Condition == nil {
			p.Condition = "not (" + p.Condition + ")"
		}
	}
	for _, in := range deciding.Condition.Inputs {
		p.Values[in.String()] = describe(s.values, in.String())
	}
	return s.publishable(a.config.Topic, p, at)
}

// removed is the message of an alarm that is configured no longer.
func (s *Set) removed(name string, k keptAlarm, at time.Time) *broker.Message {
	return s.publishable(k.Topic, payload{Alarm: name, State: "cleared", Since: stamp(k.Since), Reason: "not configured any more"}, at)
}

func (s *Set) publishable(topic string, p payload, at time.Time) *broker.Message {
	date, right := s.date(at)
	p.Time = stamp(date)
	if !right {
		p.Quality = drivers.ClockUnset.String()
	}
	return &broker.Message{TopicName: topic, Payload: encode(p), QoS: 1, Retain: true, Origin: queue.Gateway, Unresolved: !right}
}

// encode writes JSON in which < stays <.
func encode(p payload) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic(err) // texts, and numbers that were printed before
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// describe tells what a value is, and how good. One that nothing is known of is bad.
func describe(values map[string]mapping.Now, name string) input {
	v, known := values[name]
	if !known {
		return input{Value: json.RawMessage("null"), Quality: drivers.Bad.String()}
	}
	i := input{Value: json.RawMessage("null"), Unit: v.Unit, Time: stamp(v.Time)}
	if v.Undated && v.Quality != drivers.ClockUnset { // there is no mark for it here
		i.Time = ""
	}
	switch {
	case v.Text != "":
		text, err := json.Marshal(v.Text)
		if err == nil {
			i.Value = text
		}
	case v.Rounded != nil:
		i.Value = v.Rounded
	}
	if v.Quality != drivers.Good {
		i.Quality = v.Quality.String()
	}
	return i
}

// stamp is RFC 3339 with milliseconds, as in the payloads of readings; "" for no time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
