package reduce

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// maxPayload is the largest payload that is looked into, in bytes.
const maxPayload = 64 << 10

// input is a payload as it was read.
type input struct {
	form     form
	one      reading
	order    []string
	values   map[string]reading
	measured time.Time // zero: it does not say
}

// read takes a payload apart. What it cannot read is raw.
func read(payload []byte) input {
	text := bytes.TrimSpace(payload)
	if len(text) == 0 || len(text) > maxPayload {
		return input{form: raw}
	}
	if text[0] != '{' {
		if _, err := strconv.ParseFloat(string(text), 64); err != nil || !json.Valid(text) {
			return input{form: raw}
		}
		return input{form: bare, one: reading{Value: json.Number(text)}}
	}
	var p struct {
		Value   json.RawMessage `json:"value"`
		Unit    json.RawMessage `json:"unit"`
		Quality string          `json:"quality"`
		Values  json.RawMessage `json:"values"`
		Time    json.RawMessage `json:"time"`
	}
	if json.Unmarshal(text, &p) != nil {
		return input{form: raw}
	}
	measured := timeOf(p.Time)
	switch {
	case len(p.Value) > 0:
		n, ok := number(p.Value)
		if !ok {
			return input{form: raw}
		}
		return input{form: value, one: reading{n, textOf(p.Unit), p.Quality}, measured: measured}
	case len(p.Values) > 0:
		in := input{form: group, measured: measured, values: map[string]reading{}}
		if !in.readGroup(p.Values) {
			return input{form: raw}
		}
		return in
	}
	return input{form: raw}
}

// timeOf reads a time as readings of this program have it; zero for anything else, such as seconds since 1970: then the broker's counts.
func timeOf(text json.RawMessage) (at time.Time) {
	if json.Unmarshal(text, &at) != nil {
		return time.Time{}
	}
	return at
}

// textOf reads a text; "" for anything else.
func textOf(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// number reads a number of JSON. Null is no number, and sound: there is no value.
func number(text json.RawMessage) (json.Number, bool) {
	if string(text) == "null" {
		return "", true
	}
	if len(text) == 0 || text[0] == '"' {
		return "", false
	}
	var n json.Number
	err := json.Unmarshal(text, &n)
	return n, err == nil
}

// readGroup reads {"NAME": {"value": ...}, ...} in its order. False: there is something else in it.
func (in *input) readGroup(text json.RawMessage) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		var r struct {
			Value   json.RawMessage `json:"value"`
			Unit    json.RawMessage `json:"unit"`
			Quality string          `json:"quality"`
		}
		if err != nil || !ok || d.Decode(&r) != nil {
			return false
		}
		n, ok := number(r.Value)
		if !ok || len(r.Value) == 0 {
			return false
		}
		if _, twice := in.values[name]; !twice {
			in.order = append(in.order, name)
		}
		in.values[name] = reading{n, textOf(r.Unit), r.Quality}
	}
	return len(in.order) > 0
}

// timeLayout is RFC 3339 with milliseconds, as in the readings themselves (edge/mapping).
const timeLayout = "2006-01-02T15:04:05.000Z"

// payload is what comes out of a window of a topic.
func (t *topic) payload(to []string) []byte {
	switch t.Form {
	case raw:
		return t.Raw
	case bare:
		if len(to) == 1 && t.One.Count > 0 {
			return t.One.appendNumber(nil, to[0])
		}
	}
	b := []byte{'{'}
	if t.Form == group {
		b = append(b, `"values":{`...)
		for i, name := range t.Order {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, quoted(name)...), ':', '{')
			b = append(t.Values[name].append(b, to), '}')
		}
		b = append(b, '}')
	} else {
		b = t.One.append(b, to)
	}
	b = appendTime(b, "from", t.From)
	b = appendTime(b, "time", t.Time)
	return append(b, '}')
}

// append writes what is asked for, unit, count and quality.
func (s *sum) append(b []byte, to []string) []byte {
	for i, what := range to {
		name := what
		if len(to) == 1 {
			name = "value"
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendNumber(append(b, `"`+name+`":`...), what)
	}
	if s.Unit != "" {
		b = append(append(b, `,"unit":`...), quoted(s.Unit)...)
	}
	b = strconv.AppendInt(append(b, `,"count":`...), int64(s.Count), 10)
	switch {
	case s.Count == 0:
		b = append(append(b, `,"quality":`...), quoted(s.Quality)...)
	case s.Marked:
		b = append(b, `,"quality":"`+clockUnset+`"`...)
	}
	return b
}

// appendNumber writes one of the numbers; null if there was no reading. A mean has two decimals more than the readings.
func (s *sum) appendNumber(b []byte, what string) []byte {
	if s.Count == 0 {
		return append(b, "null"...)
	}
	switch what {
	case "last":
		return append(b, s.Last...)
	case "min":
		return appendDecimal(b, s.Min, s.Decimals)
	case "max":
		return appendDecimal(b, s.Max, s.Decimals)
	}
	return appendDecimal(b, s.Sum/float64(s.Count), s.Decimals+2)
}

// appendDecimal writes a number with at most so many decimals.
func appendDecimal(b []byte, x float64, decimals int) []byte {
	if x != 0 && (x > 1e15 || x < -1e15 || x < 1e-9 && x > -1e-9) {
		return strconv.AppendFloat(b, x, 'g', -1, 64)
	}
	text := strconv.FormatFloat(x, 'f', min(decimals, mostDecimals), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		text = "0"
	}
	return append(b, text...)
}

func appendTime(b []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return b
	}
	return append(at.UTC().AppendFormat(append(b, `,"`+name+`":"`...), timeLayout), '"')
}

// quoted is a text as JSON has it, with < and > as they are.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded, and a buffer takes it
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
