package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Template is a payload in words of the user.
type Template struct {
	Text  string
	Parts []TemplatePart
}

// TemplatePart is a text, or what stands in the place of a placeholder.
type TemplatePart struct {
	Text string // as it is
	Word string // one of TemplateWords; "": Text
}

// TemplateWords are the placeholders of a payload.
var TemplateWords = []string{"value", "quoted", "unit", "time", "unix", "unix_ms", "quality", "name", "sensor", "gateway", "site"}

// placeholder is what looks like one; all other braces are text, as those of JSON.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// UnmarshalText reads {value} {unit}.
func (t *Template) UnmarshalText(b []byte) error {
	text := string(b)
	if text == "" {
		return &hinted{"is empty", `"{value} {unit}"`}
	}
	t.Text, t.Parts = text, nil
	rest := 0
	for _, at := range placeholder.FindAllStringIndex(text, -1) {
		word := text[at[0]+1 : at[1]-1]
		if !slices.Contains(TemplateWords, word) {
			return &hinted{fmt.Sprintf("placeholder {%s} is not known here", word), suggestPlaceholder(word, TemplateWords)}
		}
		if at[0] > rest {
			t.Parts = append(t.Parts, TemplatePart{Text: text[rest:at[0]]})
		}
		t.Parts = append(t.Parts, TemplatePart{Word: word})
		rest = at[1]
	}
	if rest < len(text) {
		t.Parts = append(t.Parts, TemplatePart{Text: text[rest:]})
	}
	return nil
}

// Has reports whether a placeholder stands in the template.
func (t *Template) Has(word string) bool {
	return slices.ContainsFunc(t.Parts, func(p TemplatePart) bool { return p.Word == word })
}

// payloads checks that each payload has what it needs, and can be told apart from others.
func (d *decoder) payloads(at string, s *Sensor, v vars) {
	for i := range s.Values {
		one := &s.Values[i]
		place := below(below(at, "values"), one.Name)
		if one.Topic == "" {
			d.ofGroup(place, s)
			if s.Payload == CBOR {
				d.senmlName(place, v["site"]+"/"+v["gateway"]+"/"+s.Name+"/"+one.Name)
			}
			continue
		}
		d.payload(d.nearest(d.nearest(at, below(at, "payload")), below(place, "payload")), one)
		if one.Payload == CBOR {
			d.senmlName(place, v["site"]+"/"+v["gateway"]+"/"+s.Name+"/"+one.Name)
		}
		if own := below(place, "template"); d.given(own) && one.Payload != Formatted {
			d.fail(own, fmt.Sprintf("has no place in the payload %s", one.Payload), "payload: template")
		}
	}
	uses := func(v Value) bool { return v.Topic != "" && v.Payload == Formatted }
	if own := below(at, "template"); d.given(own) && s.Payload != Formatted && !slices.ContainsFunc(s.Values, uses) {
		d.fail(own, fmt.Sprintf("has no place in the payload %s", s.Payload), "payload: template")
	}
}

// payload checks that of one value.
func (d *decoder) payload(key string, v *Value) {
	if v.Payload == Formatted && v.Template == nil {
		d.fail(key, "says nothing about what is published", `template: "{value} {unit}"`)
	}
	if v.Payload == Formatted && v.Template != nil && !v.Template.Has("value") && !v.Template.Has("quoted") {
		d.fail(d.nearest(key, strings.TrimSuffix(key, "payload")+"template"), "a template without {value} says nothing", `"{value} {unit}"`)
	}
}

// ofGroup refuses what one value of a group cannot have.
func (d *decoder) ofGroup(place string, s *Sensor) {
	for _, key := range []string{"payload", "template", "qos", "retain"} {
		if own := below(place, key); d.given(own) {
			d.fail(own, "is that of one value, which is published together with others to "+s.Topic, "give the value a topic of its own")
		}
	}
}

var senmlName = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9:./_]*$`)

// senmlName refuses a name that SenML cannot hold (RFC 8428, section 4.5.1).
func (d *decoder) senmlName(place, name string) {
	if !senmlName.MatchString(name) {
		d.fail(place, fmt.Sprintf("the name %s has letters that SenML has not", name), "A to Z, digits, - : . / and _; or another payload")
	}
}
