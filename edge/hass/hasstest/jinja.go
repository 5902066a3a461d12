// Package hasstest reads messages as Home Assistant does, for tests of what it is told.
//
// # Vocabulary
//
// A template is Jinja: `value` is the payload as text, and `value_json` what it comes to as JSON, not defined if it is none.
//
// # Guarantees
//
// What Jinja would refuse is an error: attributes of what is not defined, filters that do not exist, conditions that are none.
//
// # Limits
//
// The part of Jinja that package hass writes, and no more: an unknown word is an error.
package hasstest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Render evaluates a template on a payload as Home Assistant does: the part of Jinja that discovery here uses, in its words and with its
// strictness. What is not defined has no attributes.
func Render(template, payload string) (result string, err error) {
	inner, found := strings.CutPrefix(template, "{{ ")
	inner, closed := strings.CutSuffix(inner, " }}")
	if !found || !closed {
		return "", fmt.Errorf("no expression: %s", template)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v in %s on %q", r, template, payload)
		}
	}()
	j := &jinja{tokens: tokens(inner), names: map[string]any{"value": payload}}
	var parsed any
	if json.Unmarshal([]byte(payload), &parsed) == nil {
		d := json.NewDecoder(strings.NewReader(payload))
		d.UseNumber()
		if d.Decode(&parsed) == nil {
			j.names["value_json"] = parsed
		}
	}
	x := j.conditional()
	if len(j.tokens) > 0 {
		panic(fmt.Sprint("left over: ", j.tokens))
	}
	return text(x), nil
}

// undefined is what Jinja has for what is not there.
type undefined struct{ what string }

type jinja struct {
	tokens []string
	names  map[string]any
}

var token = regexp.MustCompile(`^(?:'(?:[^'\\]|\\.)*'|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[.()\[\]{},:|])`)

func tokens(s string) (all []string) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		t := token.FindString(s)
		if t == "" {
			panic("no token at " + s)
		}
		all, s = append(all, t), s[len(t):]
	}
	return all
}

func (j *jinja) is(t string) bool { return len(j.tokens) > 0 && j.tokens[0] == t }

func (j *jinja) take() string {
	t := j.tokens[0]
	j.tokens = j.tokens[1:]
	return t
}

func (j *jinja) skip(t string) bool {
	if j.is(t) {
		j.take()
		return true
	}
	return false
}

func (j *jinja) must(t string) {
	if !j.skip(t) {
		panic(fmt.Sprintf("wants %q before %v", t, j.tokens))
	}
}

// conditional is X if C else Y. What is not chosen is not evaluated: it is parsed without names.
func (j *jinja) conditional() any {
	x := j.conjunction()
	if !j.skip("if") {
		return x
	}
	c := truth(j.conjunction())
	j.must("else")
	y := j.conditional()
	if c {
		return x
	}
	return y
}

// conjunction stops at the first that is not true, as Jinja does: what comes behind it may not be defined.
func (j *jinja) conjunction() any {
	x := j.comparison()
	for j.skip("and") {
		if truth(x) {
			x = j.comparison()
			continue
		}
		for depth := 0; len(j.tokens) > 0 && (depth > 0 || !j.is("else") && !j.is("if")); {
			switch j.take() {
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
		}
	}
	return x
}

func (j *jinja) comparison() any {
	x := j.filtered()
	switch {
	case j.skip("is"):
		j.must("defined")
		_, missing := x.(undefined)
		return !missing
	case j.skip("in"):
		for _, y := range j.filtered().([]any) {
			if x == y {
				return true
			}
		}
		return false
	}
	return x
}

func (j *jinja) filtered() any {
	x := j.postfix()
	for j.skip("|") {
		name := j.take()
		var args []any
		if j.skip("(") {
			args = j.list(")")
		}
		x = filter(name, x, args)
	}
	return x
}

func filter(name string, x any, args []any) any {
	switch name {
	case "regex_findall": // a filter of Home Assistant: re.findall
		var all []any
		for _, m := range regexp.MustCompile(args[0].(string)).FindAllStringSubmatch(x.(string), -1) {
			all = append(all, m[min(1, len(m)-1)])
		}
		return all
	case "first":
		if all := x.([]any); len(all) > 0 {
			return all[0]
		}
		return undefined{"first"}
	case "default":
		if _, missing := x.(undefined); missing {
			return args[0]
		}
		return x
	}
	panic("no filter " + name)
}

func (j *jinja) postfix() any {
	x := j.primary()
	for {
		switch {
		case j.skip("["):
			key := j.conditional()
			j.must("]")
			x = item(x, key)
		case j.skip("."):
			if method := j.take(); method != "get" {
				panic("no attribute " + method)
			}
			j.must("(")
			x = get(x, j.list(")"))
		default:
			return x
		}
	}
}

func item(x, key any) any {
	if y, ok := mapOf(x)[key.(string)]; ok {
		return y
	}
	return undefined{key.(string)}
}

func get(x any, args []any) any {
	if y, ok := mapOf(x)[args[0].(string)]; ok {
		return y
	}
	if len(args) > 1 {
		return args[1]
	}
	return nil
}

func mapOf(x any) map[string]any {
	if u, missing := x.(undefined); missing {
		panic(u.what + " is undefined")
	}
	return x.(map[string]any)
}

func (j *jinja) primary() any {
	t := j.take()
	switch {
	case t[0] == '\'':
		return unquote(t)
	case t == "[":
		return j.list("]")
	case t == "{":
		m := map[string]any{}
		for !j.skip("}") {
			key := j.conditional().(string)
			j.must(":")
			m[key] = j.conditional()
			j.skip(",")
		}
		return m
	case unicode.IsLetter(rune(t[0])):
		if x, ok := j.names[t]; ok {
			return x
		}
		return undefined{t}
	}
	panic("unexpected " + t)
}

func (j *jinja) list(end string) (all []any) {
	for !j.skip(end) {
		all = append(all, j.conditional())
		j.skip(",")
	}
	return all
}

// unquote reads a string as Python does: \\ and \' are all that is written here.
func unquote(t string) string {
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(t[1 : len(t)-1])
}

func truth(x any) bool {
	switch x := x.(type) {
	case bool:
		return x
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	}
	panic(fmt.Sprintf("%T as a condition", x))
}

// text is what str() makes of a value in Python.
func text(x any) string {
	switch x.(type) {
	case nil:
		return "None"
	case undefined:
		return ""
	}
	return fmt.Sprint(x)
}
