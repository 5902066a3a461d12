package hass

import (
	"errors"
	"regexp"
	"strings"

	"skerry/edge/config"
)

// The templates are Jinja as Home Assistant renders it: `value` is the payload as text, `value_json` what it comes to as JSON, and not defined if
// it is none, as an empty payload. Source: www.home-assistant.io/docs/configuration/templating, "Processing incoming data".

// reading is how one value is read from the messages of its topic.
type reading struct {
	value     string // template of the state; "": the payload is the state
	available string // template that comes to online or offline
}

// believable are the qualities of a value that can be computed with, as text of a list.
const believable = "['good', 'clock-unset']"

// read finds out how Home Assistant can read a value. The error says why it cannot.
func read(s *config.Sensor, v *config.Value) (reading, error) {
	form := v.Payload
	if v.Topic == "" {
		form = s.Payload
	}
	switch {
	case form == config.CBOR:
		return reading{}, errors.New("the payload cbor is no text")
	case form == config.Bare:
		return reading{available: whether("value")}, nil
	case form == config.Formatted:
		return readTemplate(s, v)
	case v.Topic == "":
		// Not value_json.values: that is what a map has by itself.
		of := "value_json['values'].get(" + quoted(v.Name) + ", "
		return reading{
			value:     "{{ " + of + "{}).get('value') }}",
			available: whether("value_json is defined and " + of + "{'quality': 'bad'}).get('quality', 'good') in " + believable),
		}, nil
	}
	return oneValue, nil
}

// oneValue reads an object of one value and its quality.
var oneValue = reading{
	value:     "{{ value_json.get('value') }}",
	available: whether("value_json is defined and value_json.get('quality', 'good') in " + believable),
}

// whether is a template that comes to online if a condition holds.
func whether(condition string) string {
	return "{{ '" + online + "' if " + condition + " else '" + offline + "' }}"
}

// quoted is a text as Jinja has it.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// What may stand for a placeholder. The sets are as small as they can be, so that what stands beside them is not taken for a part.
var patterns = map[string]string{
	"time": `[0-9TZ:.-]*`, "unix": `-?[0-9]*`, "unix_ms": `-?[0-9]*`, "quality": `[a-z-]+`,
}

const (
	numberPattern = `-?[0-9.]+(?:[eE][+-]?[0-9]+)?`
	textPattern   = `.*?`
	stringPattern = `(?:[^"\\]|\\.)*`
	goodPattern   = `(?:good|clock-unset)`
)

// readTemplate reads a payload in words of the user by a regular expression, as it was written: what surrounds the value is known.
func readTemplate(s *config.Sensor, v *config.Value) (reading, error) {
	t := v.Template
	if err := separate(s, v); err != nil {
		return reading{}, err
	}
	any, good, taken := "^", "^", false
	for _, p := range t.Parts {
		fixed, isFixed := fixedPart(s, v, p)
		one, trusted := "", ""
		switch {
		case isFixed:
			one = regexp.QuoteMeta(fixed)
		case p.Word == "value" || p.Word == "quoted":
			one, taken = valuePattern(p.Word, v.Doc.Text, !taken), true
		default:
			one = patterns[p.Word]
		}
		if trusted = one; p.Word == "quality" {
			trusted = goodPattern
		}
		any, good = any+one, good+trusted
	}
	r := reading{
		value:     "{{ value | regex_findall(" + quoted(any+"$") + ") | first | default('') }}",
		available: whether("value"),
	}
	if t.Has("quality") {
		r.available = whether("value | regex_findall(" + quoted(good+"$") + ")")
	}
	return r, nil
}

// valuePattern is what may stand for the value; the first place of it is taken out of the text.
func valuePattern(word string, text, first bool) string {
	pattern, before, after := numberPattern, "", ""
	switch {
	case text && word == "quoted":
		pattern, before, after = stringPattern, `"`, `"`
	case text:
		pattern = textPattern
	}
	if first {
		return before + "(" + pattern + ")" + after
	}
	return before + "(?:" + pattern + ")" + after
}

// fixedPart is a part of a template that is the same in each message.
func fixedPart(s *config.Sensor, v *config.Value, p config.TemplatePart) (string, bool) {
	switch p.Word {
	case "":
		return p.Text, true
	case "unit":
		return v.Unit, true
	case "name":
		return v.Name, true
	case "sensor":
		return s.Name, true
	case "gateway":
		return s.Gateway, true
	case "site":
		return s.Site, true
	}
	return "", false
}

// separate refuses a template in which nobody can tell where the value ends.
func separate(s *config.Sensor, v *config.Value) error {
	before := "" // what changes, directly before this part
	for _, p := range v.Template.Parts {
		fixed, isFixed := fixedPart(s, v, p)
		switch {
		case isFixed && fixed != "":
			before = ""
		case isFixed:
		case before != "" && (isValue(before) || isValue(p.Word)):
			return errors.New("in its template nothing stands between {" + before + "} and {" + p.Word + "}")
		default:
			before = p.Word
		}
	}
	return nil
}

func isValue(word string) bool { return word == "value" || word == "quoted" }
