package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"skerry/edge/config"
)

// Refusal is why a command is not carried out.
type Refusal struct {
	Code string
	Text string // for people
}

func (r *Refusal) Error() string { return r.Text }

// The codes of refusals.
const (
	Malformed   = "malformed" // it is not understood, or no value that the output can have
	Retained    = "retained"
	Late        = "late"      // it came, or would be carried out, after its time
	Undated     = "undated"   // it does not say when it was given and has to, or the date is not known here, or cannot be
	Overtaken   = "overtaken" // a younger one was carried out before it, or took its place
	Interlocked = "interlock"
	Failed      = "failed" // the device could not be set in time
	Ending      = "ending" // the station stops
)

// Message is a command as it came.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool
	Arrived  time.Time     // with Go's monotonic reading
	Left     time.Duration // by Message Expiry Interval; counts with Expires
	Expires  bool
}

// order is what a payload says.
type order struct {
	value string
	time  time.Time // when it was given; zero: it does not say
	id    string
}

// maxPayload is far more than a command needs.
const maxPayload = 1024

// read understands a payload: a value alone, or an object {"value": ..., "time": ..., "id": ...}.
func read(payload []byte) (order, *Refusal) {
	text := bytes.TrimSpace(payload)
	if len(text) > maxPayload {
		return order{}, &Refusal{Malformed, fmt.Sprintf("a command of %d bytes", len(text))}
	}
	if len(text) == 0 || text[0] != '{' {
		return order{value: strings.Trim(string(text), `"`)}, nil
	}
	var p struct {
		Value json.RawMessage `json:"value"`
		Time  json.RawMessage `json:"time"`
		ID    json.RawMessage `json:"id"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if _, more := d.Token(); err == nil && more != io.EOF { // of two commands, or one that is garbled, neither
		err = errors.New("something stands behind the object")
	}
	if err != nil {
		return order{id: salvage(text)}, &Refusal{Malformed, fmt.Sprintf("not a command: %v; wanted is a value, or {\"value\": ..., \"time\": ..., \"id\": ...}", err)}
	}
	o := order{value: scalar(p.Value), id: scalar(p.ID)}
	if p.Time != nil {
		at, err := parseTime(scalar(p.Time))
		if err != nil {
			return order{id: o.id}, &Refusal{Malformed, err.Error()}
		}
		o.time = at
	}
	return o, nil
}

// salvage finds the id of an object that is no command, so that who has sent it hears of it; "" if there is none.
func salvage(text []byte) string {
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(text, &p) != nil {
		return ""
	}
	return scalar(p.ID)
}

// scalar is a JSON value as text, without quotes.
func scalar(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// parseTime reads RFC 3339, or seconds since 1970.
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	var seconds float64
	if err := json.Unmarshal([]byte(text), &seconds); err != nil || seconds < 5e8 || seconds > 1e11 {
		return time.Time{}, fmt.Errorf("%.40q is not a time: 2026-11-29T21:57:14Z, or seconds since 1970", text)
	}
	return time.UnixMilli(int64(seconds * 1000)), nil
}

// ahead is how far the clock of who commands may be before ours.
const ahead = time.Minute

// judge finds out until when a command may be carried out, or why not. date is that of now, and known tells whether it is right.
func judge(c *config.Command, m *Message, given, last, now, date time.Time, known bool) (deadline time.Time, r *Refusal) {
	age := now.Sub(m.Arrived)
	switch {
	case given.IsZero() && m.Retained:
		return deadline, &Refusal{Retained, "a retained message comes again with each connection; publish commands without RETAIN"}
	case given.IsZero() && c.Time == config.TimeRequired:
		return deadline, &Refusal{Undated, `it does not say when it was given: {"value": ..., "time": "2026-11-29T21:57:14Z"}`}
	case given.IsZero():
	case !known:
		return deadline, &Refusal{Undated, "it says when it was given, and the station does not know the date"}
	case given.Sub(date) > ahead:
		return deadline, &Refusal{Undated, fmt.Sprintf("it was given %v from now; one of the two clocks is wrong", round(given.Sub(date)))}
	case given.Before(last):
		return deadline, &Refusal{Overtaken, fmt.Sprintf("one that was given %v later came before it", round(last.Sub(given)))}
	default:
		age = max(age, date.Sub(given))
	}
	if age >= c.Expires {
		return deadline, &Refusal{Late, fmt.Sprintf("it is %v old, and counts for %v", round(age), c.Expires)}
	}
	deadline = now.Add(c.Expires - age)
	if m.Expires {
		if m.Left <= now.Sub(m.Arrived) {
			return deadline, &Refusal{Late, "its Message Expiry Interval has passed"}
		}
		if end := m.Arrived.Add(m.Left); end.Before(deadline) {
			deadline = end
		}
	}
	return deadline, nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Second) }
