package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const maxFile = 1 << 20 // bytes

// read returns the content of a file, which is bounded whatever stands behind the path.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, readError(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, readError(err)
	}
	return data, nil
}

func readError(err error) error {
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = " (hint: name a file that exists, or make this one; the smallest station is one line: sensors: {air: {driver: bme280}})"
	case errors.Is(err, fs.ErrPermission):
		hint = " (hint: make it readable for the user that runs skerry)"
	case errors.Is(err, syscall.EISDIR):
		hint = " (hint: this is a folder; name the file in it)"
	}
	return fmt.Errorf("read the configuration: %w%s", err, hint)
}

// parse returns the one document of the file, or nil after an error.
func (d *decoder) parse(data []byte) *yaml.Node {
	if problem, hint := unreadable(data); problem != "" {
		d.report(place{1, 1}, "", problem, hint)
		return nil
	}
	if at, problem, hint := notText(data); problem != "" {
		d.report(at, "", problem, hint)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	root, err := document(decoder)
	if err != nil {
		d.syntax(data, err)
		return nil
	}
	if root == nil || len(root.Content) == 0 || root.Content[0].Tag == "!!null" {
		d.report(place{1, 1}, "", "the file is empty", "the smallest station: sensors: {air: {driver: bme280}}")
		return nil
	}
	if second, err := document(decoder); err != nil {
		d.syntax(data, err)
		return nil
	} else if second != nil {
		d.wrong(second, "", "a second document begins", "one file holds one document: remove the line ---")
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

// notText finds the first character that no text file has. The library tells its like without a place.
func notText(data []byte) (at place, problem, hint string) {
	at = place{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '\n':
			at = place{at.line + 1, 0}
		case r == utf8.RuneError && size == 1:
			return at, "this is not UTF-8", "save the file as UTF-8"
		case r == 0x7f || r < ' ' && r != '\t' && r != '\r':
			return at, fmt.Sprintf("the control character U+%04X stands here", r), "was it copied along with a text?"
		}
		at.column++
		data = data[size:]
	}
	return place{}, "", ""
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
