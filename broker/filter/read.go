package filter

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

const (
	// MaxPayload is the largest payload that is looked into, in bytes.
	MaxPayload = 64 << 10
	// MaxValues is how many values a payload of JSON or CBOR may have: numbers, texts, lists, maps and their keys.
	MaxValues = 1024
	// MaxDepth is how deep they may be nested.
	MaxDepth = 16
)

// readPayload finds data and value. A payload is a bare number, JSON, or CBOR; anything else has neither.
func (s *Subject) readPayload() {
	if s.read {
		return
	}
	s.read = true
	if len(s.Payload) == 0 || len(s.Payload) > MaxPayload {
		return
	}
	if kind := form(s.contentType()); kind == "cbor" || kind == "" && looksLikeCBOR(s.Payload) {
		s.data = readCBOR(s.Payload)
	} else if n, ok := number(s.Payload); ok {
		s.data = n
	} else {
		s.data = readJSON(s.Payload)
	}
	switch d := s.data.(type) {
	case float64:
		s.value = d
	case map[string]any:
		s.value = d["value"]
	}
}

// form is what a content type says about the payload: "json", "cbor", or "" if it says neither.
func form(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	for _, kind := range []string{"json", "cbor"} {
		if media == "application/"+kind || strings.HasSuffix(media, "+"+kind) {
			return kind
		}
	}
	return ""
}

// number reads a payload that is a number and nothing else. It takes a little more than JSON does: +5, .5, 05.
func number(payload []byte) (float64, bool) {
	const longest = 64
	text := bytes.TrimSpace(payload)
	if len(text) == 0 || len(text) > longest {
		return 0, false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return n, err == nil
}

// readJSON returns a payload of JSON; nil if it is none, or too much.
func readJSON(payload []byte) any {
	if !scanJSON(payload) {
		return nil
	}
	var v any
	if json.Unmarshal(payload, &v) != nil {
		return nil
	}
	return v
}

// scanJSON tells whether JSON is within the bounds, before anything is made of it. Whether it is JSON at all it does not ask:
// it counts the commas, colons and brackets outside of texts, which is at least the number of values.
func scanJSON(payload []byte) bool {
	values, depth := 1, 0
	quoted := false
	for i := 0; i < len(payload); i++ {
		c := payload[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			values++
			if depth++; depth > MaxDepth {
				return false
			}
		case c == ']' || c == '}':
			depth--
		case c == ',' || c == ':':
			values++
		}
		if values > MaxValues {
			return false
		}
	}
	return true
}

// finite is a number that has a place in a comparison.
func finite(n float64) any {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	return n
}
