package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
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
		d.report(place{0, 0}, "", problem, hint)
		return nil
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			d.report(place{i + 1, 1}, "", "the line is not UTF-8", "save the file as UTF-8")
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
