package mapping

import (
	"math"
	"time"
	"unicode/utf8"

	"skerry/drivers"
)

// timeLayout is RFC 3339 with milliseconds: what sensors and their consumers can tell apart, and no more bytes.
const timeLayout = "2006-01-02T15:04:05.000Z"

// appendJSON writes the present state as an object. A time equal to known is left out: the reader has it already.
func (v *value) appendJSON(dst []byte, known time.Time) []byte {
	s := &v.now
	dst = v.appendNumber(append(dst, `{"value":`...))
	dst = append(dst, v.keep...)
	if !s.time.IsZero() && !s.time.Equal(known) {
		dst = appendTime(append(dst, `,"time":`...), s.time)
	}
	if s.quality != drivers.Good {
		dst = append(dst, `,"quality":"`...)
		dst = append(append(dst, s.quality.String()...), '"')
	}
	if s.marked() {
		dst = append(dst, unsetClock...)
	}
	if !math.IsNaN(s.rejected) {
		dst = v.step.append(append(dst, `,"rejected":`...), s.rejected)
	}
	return append(dst, '}')
}

// appendNumber writes the number or text as JSON has it.
func (v *value) appendNumber(dst []byte) []byte {
	switch {
	case v.config.Doc.Text && v.now.text != "":
		return appendString(dst, v.now.text)
	case math.IsNaN(v.now.number):
		return append(dst, "null"...)
	}
	return v.step.append(dst, v.now.number)
}

// newest is the time of the newest of several values.
func newest(values []*value) (at time.Time) {
	for _, v := range values {
		if v.now.time.After(at) {
			at = v.now.time
		}
	}
	return at
}

// appendGroup writes the values that anything is known of as one object under the time of the newest.
func appendGroup(dst []byte, group []*value) []byte {
	newest := newest(group)
	dst = append(dst, '{')
	if !newest.IsZero() {
		dst = append(appendTime(append(dst, `"time":`...), newest), ',')
	}
	dst = append(dst, `"values":{`...)
	start := len(dst)
	for _, v := range group {
		if !v.known() {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, v.config.Name), ':')
		dst = v.appendJSON(dst, newest)
	}
	return append(dst, '}', '}')
}

// appendBare writes the payload without any wrapping: nothing when the value is not to be believed. False: that was said before.
func (v *value) appendBare(dst []byte) ([]byte, bool) {
	if !v.believed() {
		changed := v.shown
		v.shown = false
		return dst, changed
	}
	v.shown = true
	if v.config.Doc.Text {
		return append(dst, v.now.text...), true
	}
	return v.step.append(dst, v.now.number), true
}

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), timeLayout), '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xF])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
