package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const maxFile = 1 << 20 // bytes

// read returns the content of a file, which is bounded whatever stands behind the path.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return data, nil
}

// parse returns the one document of the file, or nil after an error.
func (d *decoder) parse(data []byte) *yaml.Node {
	if problem, hint := unreadable(data); problem != "" {
		d.wrongAt(0, 0, problem, hint)
		return nil
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			d.wrongAt(i+1, 1, "the line is not UTF-8", "save the file as UTF-8")
			return nil
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	root, err := document(decoder)
	if err != nil {
		d.syntax(data, err)
		return nil
	}
	if root == nil || len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		d.wrongAt(1, 1, "the file is empty", "the smallest station: sensors: {air: {driver: bme280}}")
		return nil
	}
	if second, err := document(decoder); err != nil {
		d.syntax(data, err)
		return nil
	} else if second != nil {
		d.wrongAt(second.Line, second.Column, "a second document begins", "one file holds one document: remove the line ---")
		return nil
	}
	return root.Content[0]
}

// unreadable tells files from text that some editor, or a power cut, left behind.
func unreadable(data []byte) (problem, hint string) {
	switch {
	case len(data) > maxFile:
		return fmt.Sprintf("the file is larger than %v", Size(maxFile)), "is this the right file?"
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return "the file is UTF-16", "save it as UTF-8"
	case bytes.IndexByte(data, 0) >= 0:
		return "the file holds zero bytes and is no text", "is this the right file, or was the power cut while it was saved?"
	}
	return "", ""
}

// document returns the next document, nil at the end of the file.
func document(d *yaml.Decoder) (n *yaml.Node, err error) {
	// The library signals its own errors by panics and lets through those that it did not foresee.
	defer func() {
		if r := recover(); r != nil {
			n, err = nil, errors.New("yaml: this is not understood as YAML")
		}
	}()
	n = new(yaml.Node)
	if err := d.Decode(n); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return n, nil
}

var (
	lineOf   = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)`)
	anchorIn = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

// syntax reports what the YAML library found, at the best place that can be had: it gives lines only, and for a group of
// its errors the line before.
func (d *decoder) syntax(data []byte, err error) {
	m := lineOf.FindStringSubmatch(err.Error())
	line, problem := 1, m[2]
	if m[1] != "" {
		line, _ = strconv.Atoi(m[1])
	}
	lines := strings.Split(strings.TrimRight(string(data), " \r\n"), "\n")
	if m[1] != "" && strings.HasPrefix(problem, "did not find expected") {
		line++
	}
	line = max(1, min(line, len(lines)))
	text := strings.TrimPrefix(lines[line-1], "\ufeff")
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	column := len(indent) + 1
	hint := ""
	if a := anchorIn.FindStringSubmatch(problem); a != nil {
		line, column = find(lines, "*"+a[1])
		problem, hint = fmt.Sprintf("*%s refers to nothing", a[1]), fmt.Sprintf("an anchor &%s stands before its use; a text with * needs quotes", a[1])
	} else if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		column, problem, hint = tab+1, "a tab indents the line", "YAML indents with spaces"
	} else {
		problem, hint = explain(problem)
	}
	d.wrongAt(line, column, problem, hint)
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
		{"expected ',' or ']'", "a list in [ ] is not closed, or a comma is missing", ""},
		{"expected ',' or '}'", "a map in { } is not closed, or a comma is missing", ""},
		{"unexpected end of stream", "a quote is not closed", ""},
		{"did not find expected key", "the line fits to no key before it", "is it indented like its neighbours? Is a quote or a bracket left over?"},
		{"did not find expected '-'", "a key stands among the items of a list", "is the line indented like its neighbours?"},
		{"block sequence entries are not allowed", "a list item stands where none can be", "begin the list on a line of its own"},
		{"tab character", "a tab indents the line", "YAML indents with spaces"},
		{"did not find expected node content", "a value is missing, or a bracket is not closed", ""},
		{"expected <document start>", "something stands beside the one map that a file is", "is the line indented like its neighbours?"},
		{"exceeded max depth", "brackets or lists are nested too deeply", ""},
		{"incompatible YAML document", "the file says that it is another version of YAML", "remove the line %YAML"},
		{"control characters", "the file holds a control character", ""},
	} {
		if strings.Contains(problem, e.part) {
			return e.problem, e.hint
		}
	}
	return problem, ""
}
