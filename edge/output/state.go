package output

import (
	"bytes"
	"encoding/json"
	"time"

	"skerry/broker"
	"skerry/drivers"
	"skerry/queue"
)

// payload is what is published of an output.
type payload struct {
	Value   json.RawMessage `json:"value"` // null: there was none
	Unit    string          `json:"unit,omitempty"`
	Time    string          `json:"time"` // of this state; the one that mapping.Resolve puts right
	Reason  Reason          `json:"reason,omitempty"`
	ID      string          `json:"id,omitempty"` // of the command that value came of
	Wanted  json.RawMessage `json:"wanted,omitempty"`
	Waits   string          `json:"waits,omitempty"` // what the wanted value waits for
	Refused *refused        `json:"refused,omitempty"`
	Error   string          `json:"error,omitempty"`
	Quality string          `json:"quality,omitempty"`
	Clock   string          `json:"clock,omitempty"` // unset, beside another quality
}

// refused is a command that is not carried out.
type refused struct {
	Value string `json:"value"`
	ID    string `json:"id,omitempty"`
	Why   string `json:"why"` // a code
	Text  string `json:"text"`
}

// message is the state of an output now.
func (o *output) message(r *refused, date time.Time, known bool) *broker.Message {
	p := payload{Value: json.RawMessage("null"), Unit: o.config.Unit, Time: stamp(date), Reason: o.reason, ID: o.id, Refused: r}
	if o.ever {
		p.Value = o.json(o.value)
	}
	if w := o.wanted(); w != nil {
		p.Wanted, p.Waits = o.json(w.value), o.waits
	}
	switch {
	case !o.ever:
		p.Quality = drivers.Bad.String()
	case !o.known:
		p.Quality = drivers.Stale.String()
	}
	if o.err != nil {
		p.Error = o.err.Error()
	}
	if !known && p.Quality == "" {
		p.Quality = drivers.ClockUnset.String()
	} else if !known {
		p.Clock = "unset"
	}
	return &broker.Message{TopicName: o.config.Topic, Payload: encode(p), QoS: 1, Retain: true, Origin: queue.Gateway, Unresolved: !known}
}

// wanted is what is asked for and not set yet; nil: nothing, or what the output has.
func (o *output) wanted() *want {
	w := o.pending
	if w == nil {
		w = o.doing
	}
	if w == nil || o.known && o.same(o.value, w.value) {
		return nil
	}
	return w
}

// json writes a value: a text of a switch, else a number.
func (o *output) json(value float64) json.RawMessage {
	text := o.config.Format(value)
	if o.config.Doc.Switch {
		text = `"` + text + `"`
	}
	return json.RawMessage(text)
}

// encode writes JSON in which < stays <.
func encode(p payload) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic(err) // texts, and numbers that are finite
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// stamp is RFC 3339 with milliseconds, as in the payloads of readings.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
