package line

import (
	"bytes"
	"strings"
	"time"

	"skerry/drivers"
)

// decoder makes readings of lines. It is a drivers.Decoder.
type decoder struct {
	opts   Opts
	values []value

	partial []byte
	lost    bool // the line that is under way is not whole

	found map[string]drivers.Reading
	lines int    // heard since start
	last  string // the last one that did not fit
}

func newDecoder(o Opts, values []value) *decoder {
	return &decoder{opts: o, values: values, lost: true, found: map[string]drivers.Reading{}}
}

// start forgets what was found.
func (d *decoder) start() {
	clear(d.found)
	d.lines, d.last = 0, ""
}

// Reset forgets a line under way, and with clean believes the next one from its first byte.
func (d *decoder) Reset(clean bool) {
	d.partial, d.lost = d.partial[:0], !clean
	d.start()
}

// Feed takes bytes, and tells whether each value has been found.
func (d *decoder) Feed(b []byte) bool {
	end := []byte(d.opts.End)
	for _, c := range b {
		d.partial = append(d.partial, c)
		switch {
		case bytes.HasSuffix(d.partial, end):
			line := bytes.TrimSuffix(d.partial, end)
			if !d.lost {
				d.take(bytes.TrimSuffix(line, []byte{'\r'}))
			}
			d.partial, d.lost = d.partial[:0], false
		case len(d.partial) > d.opts.MaxLength+len(end):
			d.lost = true
			d.partial = append(d.partial[:0], d.partial[len(d.partial)-len(end):]...)
		}
	}
	return len(d.found) == len(d.values)
}

// take reads a whole line.
func (d *decoder) take(line []byte) {
	if len(line) == 0 {
		return
	}
	d.lines++
	text, ok := decode(line, d.opts.Encoding)
	parts, fits := d.parts(text)
	if !ok || !fits {
		d.last = string(line)
		return
	}
	at := time.Now()
	for _, v := range d.values {
		if part, ok := parts[v.name]; ok {
			d.found[v.name] = d.reading(v, part, at)
		}
	}
}

// parts gives the values of a line that fits. A group that takes no part in the match is not among them.
func (d *decoder) parts(text string) (map[string]string, bool) {
	if d.opts.Separator != "" {
		return d.fields(text)
	}
	at := d.opts.Pattern.FindStringSubmatchIndex(text)
	if at == nil {
		return nil, false
	}
	parts := map[string]string{}
	for i, name := range d.opts.Pattern.SubexpNames() {
		if name != "" && at[2*i] >= 0 {
			parts[name] = text[at[2*i]:at[2*i+1]]
		}
	}
	return parts, true
}

func (d *decoder) fields(text string) (map[string]string, bool) {
	fields := strings.Split(text, string(d.opts.Separator))
	if d.opts.Separator == " " {
		fields = strings.Fields(text)
	}
	if d.opts.Fields != 0 && len(fields) != d.opts.Fields {
		return nil, false
	}
	parts := map[string]string{}
	for _, v := range d.values {
		if v.field > len(fields) {
			return nil, false
		}
		parts[v.name] = fields[v.field-1]
	}
	return parts, true
}

// reading is a value of a line. One that is empty, or no number, is not there.
func (d *decoder) reading(v value, part string, at time.Time) drivers.Reading {
	part = strings.TrimSpace(part)
	if v.text {
		if part == "" {
			return drivers.Missing(v.name, "", at)
		}
		return drivers.Text(v.name, part, at)
	}
	n, ok := parseNumber(part, d.opts.Comma)
	if !ok {
		return drivers.Missing(v.name, "", at)
	}
	return drivers.Number(v.name, n, "", at)
}
