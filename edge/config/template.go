package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"skerry/broker/topic"
)

// vars are the placeholders of a template and what they stand for.
type vars map[string]string

// expand replaces each {placeholder}. An unknown one stays as it is; checkTemplate has reported it.
func (v vars) expand(text string) string {
	pairs := make([]string, 0, 2*len(v))
	for name, value := range v {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

var (
	stationVars = []string{"site", "gateway"}
	sensorVars  = []string{"site", "gateway", "sensor", "value"}
)

// checkTemplate reports braces that hold no placeholder of the list.
func (d *decoder) checkTemplate(path, text string, allowed []string) bool {
	for rest := text; ; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			return true
		}
		name, tail, closed := strings.Cut(rest[open+1:], "}")
		if rest[open] == '}' || !closed {
			d.fail(path, fmt.Sprintf("a brace in %q has no partner", text), "placeholders are written {gateway}; other braces cannot stand here")
			return false
		}
		if !slices.Contains(allowed, name) {
			d.fail(path, fmt.Sprintf("placeholder {%s} is not known here", name), suggestPlaceholder(name, allowed))
			return false
		}
		rest = tail
	}
}

func suggestPlaceholder(name string, allowed []string) string {
	braced := make([]string, len(allowed))
	for i, a := range allowed {
		braced[i] = "{" + a + "}"
	}
	return suggest("{"+name+"}", braced)
}

// checkTopicName reports a text that no message can be published to.
func (d *decoder) checkTopicName(path, name string) bool {
	err := topic.ValidName(name)
	switch {
	case topic.HasWildcard(name):
		d.fail(path, fmt.Sprintf("topic %q holds a wildcard", name), "readings go to one topic; + and # are for match and receive")
	case err != nil:
		d.fail(path, topicProblem(name, err), "levels are divided by /: {site}/{gateway}/{sensor}/{value}")
	case strings.HasPrefix(name, "$"):
		d.fail(path, fmt.Sprintf("topic %q begins with $", name), "these topics belong to the broker")
	default:
		return true
	}
	return false
}

// checkFilter reports a text that nobody can subscribe to.
func (d *decoder) checkFilter(path, filter string) bool {
	if err := topic.ValidFilter(filter); err != nil {
		d.fail(path, topicProblem(filter, err), "+ stands for one level, # for all that follow: farm/+/temperature, farm/#")
		return false
	}
	return true
}

// topicProblem shortens the words of package topic, which speak of specification terms.
func topicProblem(text string, err error) string {
	if errors.Is(err, topic.ErrInvalid) && text == "" {
		return "the topic is empty"
	}
	_, why, _ := strings.Cut(err.Error(), ": ")
	if why == "" {
		why = err.Error()
	}
	const shown = 60
	if len(text) > shown {
		text = strings.ToValidUTF8(text[:shown], "") + "..."
	}
	return fmt.Sprintf("topic %q: %s", text, why)
}
