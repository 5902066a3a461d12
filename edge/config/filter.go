package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"skerry/broker/filter"
	"skerry/broker/topic"
)

const maxContentFilters = 64

// Filter is a content filter of the local Server: whoever subscribes to $filter/NAME/# gets the messages of which it holds.
type Filter struct {
	Name  string   `yaml:"-"`
	Match []string `yaml:"match"` // Topic Filters; default "#"
	When  When     `yaml:"when"`
}

// When is an expression over a message. The zero When is none.
type When struct {
	Text       string
	Expression *filter.Expression
}

// decodeNode reads and compiles an expression. It may have several lines.
func (w *When) decodeNode(d *decoder, n *yaml.Node, path string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(n, path, "wants an expression, not "+kindOf(n), `such as: "value > 30"; one with { or [ needs quotes`)
		return
	case empty(n), strings.TrimSpace(n.Value) == "":
		d.wrong(n, path, "has no expression", "such as: value > 30")
		return
	}
	w.Text = n.Value
	var err error
	if w.Expression, err = filter.Compile(w.Text); err != nil {
		d.wrongExpression(n, path, err)
	}
}

// wrongExpression reports what is wrong with an expression, at the character where that is, if it is known.
func (d *decoder) wrongExpression(n *yaml.Node, path string, err error) {
	e, ok := err.(*filter.SyntaxError)
	if !ok {
		d.wrong(n, path, err.Error(), "such as: value > 30")
		return
	}
	hint := e.Hint
	if e.Word != "" {
		hint = suggest(e.Word, append(filter.Names(), filter.Functions...))
	}
	if hint == "" {
		hint = "there is " + strings.Join(filter.Names(), ", ")
	}
	at := placeOf(n)
	at.column += insideScalar(n, e.Column)
	d.report(at, path, e.Problem, hint)
}

// insideScalar is how far from its beginning a character of a text stands in the file; 0 if that cannot be told, as of one with
// several lines.
func insideScalar(n *yaml.Node, character int) int {
	if character < 1 || strings.Contains(n.Value, "\n") {
		return 0
	}
	before := []rune(n.Value)
	before = before[:min(character-1, len(before))]
	escaped := ""
	switch n.Style {
	case yaml.DoubleQuotedStyle:
		escaped = `"\`
	case yaml.SingleQuotedStyle:
		escaped = "'"
	case 0:
		return len(before)
	default:
		return 0
	}
	more := 1 // the quote
	for _, r := range before {
		if strings.ContainsRune(escaped, r) {
			more++
		}
	}
	return len(before) + more
}

// filters resolves the content filters.
func (d *decoder) filters(list []Filter, v vars) {
	if len(list) > maxContentFilters {
		d.fail("broker.filters", fmt.Sprintf("has more than %d filters", maxContentFilters), "`or` joins two that go to the same clients")
	}
	for i := range list {
		f := &list[i]
		at := below("broker.filters", f.Name)
		key := at + ".match"
		if !d.given(at+".when") && d.sound(at) {
			d.fail(at, "says nothing about what passes", "when: value > 30")
		}
		if !d.given(key) {
			f.Match = []string{"#"}
		}
		d.filterMatch(key, f, v)
	}
}

// filterMatch resolves the topics of a content filter.
func (d *decoder) filterMatch(key string, f *Filter, v vars) {
	switch {
	case !d.sound(key):
		return
	case len(f.Match) == 0:
		d.fail(key, "matches nothing", `match: ["+/+/+/temperature"], or leave the line out for everything`)
	case len(f.Match) > maxFilters:
		d.fail(key, fmt.Sprintf("has more than %d filters", maxFilters), "wildcards say more with fewer: farm/#")
	}
	for i, m := range f.Match {
		at := fmt.Sprintf("%s[%d]", key, i)
		if d.checkTemplate(at, m, stationVars) {
			f.Match[i] = v.expand(m)
			d.checkLocalFilter(at, f.Match[i])
		}
	}
}

// checkLocalFilter checks what a gateway picks out of the traffic of its own broker.
func (d *decoder) checkLocalFilter(at, filter string) {
	switch {
	case !d.checkFilter(at, filter):
	case topic.IsShared(filter):
		d.fail(at, "a shared subscription has no place here", "leave $share/... out")
	case topic.IsFiltered(filter):
		d.fail(at, "what is behind a filter has no place here yet", "name the topics themselves")
	}
}
