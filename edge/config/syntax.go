package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	libraryError  = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

// syntax reports what the YAML library found, at the best place that can be had: the library gives lines only.
func (d *decoder) syntax(data []byte, err error) {
	m := libraryError.FindStringSubmatch(err.Error())
	line, problem := m[1], m[2]
	lines := strings.Split(strings.TrimRight(string(data), " \r\n"), "\n")
	if a := unknownAnchor.FindStringSubmatch(problem); a != nil {
		n, column := find(lines, "*"+a[1])
		d.report(place{n, column}, "", fmt.Sprintf("*%s refers to nothing", a[1]),
			fmt.Sprintf("an anchor &%s stands before its use; a text with * needs quotes", a[1]))
		return
	}
	n, indent := lineOf(lines, line, problem)
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		d.report(place{n, tab + 1}, "", "a tab indents the line", "YAML indents with spaces")
		return
	}
	problem, hint := explain(problem)
	d.report(place{n, len(indent) + 1}, "", problem, hint)
}

// lineOf returns the number of the line that an error is about, and its indent. One group of errors has the line before.
func lineOf(lines []string, line, problem string) (n int, indent string) {
	n, _ = strconv.Atoi(line)
	if n > 0 && strings.HasPrefix(problem, "did not find expected") {
		n++
	}
	n = max(1, min(n, len(lines)))
	text := strings.TrimPrefix(lines[n-1], "\ufeff")
	return n, text[:len(text)-len(strings.TrimLeft(text, " \t"))]
}

// find returns the place of the first line that holds a text.
func find(lines []string, text string) (line, column int) {
	for i, l := range lines {
		if at := strings.Index(l, text); at >= 0 {
			return i + 1, utf8.RuneCountInString(l[:at]) + 1
		}
	}
	return 1, 1
}

// explain puts the words of the library, which speak of tokens, into those of who writes the file.
func explain(problem string) (string, string) {
	for _, e := range []struct{ part, problem, hint string }{
		{"mapping values are not allowed", "a key stands where none can be", "is the line indented like its neighbours? A text with \": \" needs quotes"},
		{"cannot start any token", "a text begins with a character that has a meaning in YAML", "put it into quotes"},
		{"could not find expected ':'", "the line is not a key with a value", "write KEY: VALUE"},
		{"expected ',' or ']'", "a list in [ ] is not closed, or a comma is missing", "[A, B]; the place is where that shows, and the mistake before it"},
		{"expected ',' or '}'", "a map in { } is not closed, or a comma is missing", "{KEY: VALUE, KEY: VALUE}; the place is where that shows, and the mistake before it"},
		{"unexpected end of stream", "a quote is not closed", "the place is where that shows, and the mistake before it"},
		{"did not find expected key", "the line fits to no key before it", "is it indented like its neighbours? Is a quote or a bracket left over?"},
		{"did not find expected '-'", "a key stands among the items of a list", "is the line indented like its neighbours?"},
		{"block sequence entries are not allowed", "a list item stands where none can be", "begin the list on a line of its own"},
		{"tab character", "a tab indents the line", "YAML indents with spaces"},
		{"did not find expected node content", "a value is missing, or a bracket is not closed", "the place is where that shows, and the mistake may stand before it"},
		{"expected <document start>", "something stands beside the one map that a file is", "is the line indented like its neighbours?"},
		{"exceeded max depth", "brackets or lists are nested too deeply", "is this the right file?"},
		{"incompatible YAML document", "the file says that it is another version of YAML", "remove the line %YAML"},
		{"control characters", "the file holds a control character", "is it hidden in a text that was copied from somewhere?"},
	} {
		if strings.Contains(problem, e.part) {
			return e.problem, e.hint
		}
	}
	return problem, "it is not understood as YAML from here on"
}
