package reduce

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// sum is what is known of a topic, or of one of its values, in the open window.
type sum struct {
	Count    int         `json:"n,omitempty"`
	Sum      float64     `json:"s,omitempty"`
	Min      float64     `json:"a,omitempty"`
	Max      float64     `json:"z,omitempty"`
	Last     json.Number `json:"l,omitempty"`
	Decimals int         `json:"d,omitempty"` // the most that a number had
	Unit     string      `json:"u,omitempty"`
	Quality  string      `json:"q,omitempty"` // the worst of readings that are not in the sum
	Marked   bool        `json:"m,omitempty"` // the time of a reading in the sum is not known
}

// clockUnset is the quality of a reading that is good, but for its time.
const clockUnset = "clock-unset"

// severity orders the qualities. One that is not known here is bad.
func severity(quality string) int {
	switch quality {
	case "":
		return 0
	case "suspect":
		return 1
	case "stale":
		return 2
	}
	return 3
}

// huge numbers are no readings: a window of them could come to more than a number can be.
const huge = 1e300

// add takes a reading in.
func (s *sum) add(r reading) {
	if r.Unit != "" {
		s.Unit = r.Unit
	}
	if r.Quality == clockUnset {
		s.Marked, r.Quality = true, ""
	}
	x, err := r.Value.Float64()
	if r.Quality != "" || err != nil || !(math.Abs(x) < huge) {
		if r.Quality == "" {
			r.Quality = "bad"
		}
		if severity(r.Quality) > severity(s.Quality) {
			s.Quality = r.Quality
		}
		return
	}
	if s.Count == 0 {
		s.Min, s.Max = x, x
	}
	s.Count++
	s.Sum += x
	s.Min, s.Max, s.Last = min(s.Min, x), max(s.Max, x), r.Value
	s.Decimals = max(s.Decimals, decimals(string(r.Value)))
}

// mostDecimals are as many as a float64 between 0.1 and 1 has.
const mostDecimals = 15

// decimals is how many digits stand behind the point; the most that there can be if the number has an exponent.
func decimals(number string) int {
	if strings.ContainsAny(number, "eE") {
		return mostDecimals
	}
	_, behind, _ := strings.Cut(number, ".")
	return min(len(behind), mostDecimals)
}

// reading is one value of a payload.
type reading struct {
	Value   json.Number `json:"value"`
	Unit    string      `json:"unit"`
	Quality string      `json:"quality"`
}

// topic is what is known of a Topic Name in the open window.
type topic struct {
	Form    form            `json:"f"`
	One     *sum            `json:"1,omitempty"`
	Values  map[string]*sum `json:"v,omitempty"`
	Order   []string        `json:"o,omitempty"` // of Values, as they came
	From    time.Time       `json:"b,omitzero"`
	Time    time.Time       `json:"t,omitzero"`
	QoS     byte            `json:"q,omitempty"`
	Retain  bool            `json:"r,omitempty"`
	Removed bool            `json:"g,omitempty"` // of Before, what is empty has removed a retained message
	Raw     []byte          `json:"p,omitempty"` // the last payload, of what cannot be reduced
	Before  [][]byte        `json:"e,omitempty"` // what came out of payloads of another form in this window
	Props   []byte          `json:"x,omitempty"` // the MQTT properties of the last message
}

// form is what the payloads of a topic look like.
type form string

const (
	bare  form = "bare"  // a number
	value form = "value" // {"value": ...}
	group form = "group" // {"values": {...}}
	raw   form = "raw"   // anything else
)
