package filter_test

import (
	"reflect"
	"strings"
	"testing"

	"skerry/broker/filter"
	"skerry/broker/packet"
)

// TestRead: what a payload is read as, with and without a word about its type.
func TestRead(t *testing.T) {
	const cbor, senml = "application/cbor", "application/senml+cbor"
	for _, tc := range []struct {
		name, media, payload string
		data, value          any
	}{
		{"number", "", "21.5", 21.5, 21.5},
		{"number, JSON", "application/json", "21", 21.0, 21.0},
		{"JSON text", "", `"on"`, "on", nil},
		{"JSON truth", "", " true", true, nil},
		{"JSON object", "", `{"value":1,"on":false}`, map[string]any{"value": 1.0, "on": false}, 1.0},
		{"JSON behind a byte order mark", "", "\ufeff{}", nil, nil},
		{"two JSON values", "", "{} {}", nil, nil},
		{"text", "", "hello", nil, nil},
		{"nothing", "", "", nil, nil},

		{"CBOR map", "", "\xa2\x65value\xfb\x40\x3f\x80\x00\x00\x00\x00\x00\x62on\xf5", map[string]any{"value": 31.5, "on": true}, 31.5},
		{"CBOR list", "", "\x82\x01\x20", []any{1.0, -1.0}, nil},
		{"CBOR self-described", "", "\xd9\xd9\xf7\x18\x2a", 42.0, 42.0},
		{"CBOR half float", cbor, "\xf9\x4f\xe0", 31.5, 31.5},
		{"CBOR number that looks like a digit", cbor, "\x33", -20.0, -20.0},
		{"the same without a type", "", "\x33", 3.0, 3.0},
		{"CBOR text in capitals and parameters", "Application/CBOR; x=y", "\x62on", "on", nil},
		{"CBOR bytes", cbor, "\x42on", "on", nil},
		{"CBOR infinity", cbor, "\xf9\x7c\x00", nil, nil},
		{"CBOR undefined", cbor, "\xf7", nil, nil},
		{"CBOR bignum", cbor, "\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00", 18446744073709551616.0, 18446744073709551616.0},
		{"CBOR time", cbor, "\xa1\x61t\xc1\x1a\x51\x4b\x67\xb0", map[string]any{"t": "2013-03-21T20:04:00Z"}, nil},
		{"CBOR unknown tag", cbor, "\xd8\x63\x05", 5.0, 5.0},
		{"CBOR keys that are numbers", senml, "\x81\xa2\x00\x61t\x02\x18\x1f", []any{map[string]any{"0": "t", "2": 31.0}}, nil},
		{"CBOR with more behind it", cbor, "\x01\x01", nil, nil},
		{"JSON that is said to be CBOR", cbor, `{"value":1}`, nil, nil},
		{"CBOR that is said to be JSON", "application/json", "\xa1\x65value\x01", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := message{payload: tc.payload}
			if tc.media != "" {
				m.properties = contentType(tc.media)
			}
			s := m.subject()
			if got := s.Saw("data"); !reflect.DeepEqual(got, tc.data) {
				t.Errorf("data %#v, want %#v", got, tc.data)
			}
			if got := s.Saw("value"); !reflect.DeepEqual(got, tc.value) {
				t.Errorf("value %#v, want %#v", got, tc.value)
			}
		})
	}
}

// TestBounds: the last payload that is read, and the first that is not.
func TestBounds(t *testing.T) {
	list := func(n int) string { return "[" + strings.Repeat("1,", n-2) + "1]" } // n values: the list and what is in it
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	cborList := func(n int) string {
		return "\x99" + string([]byte{byte((n - 1) >> 8), byte(n - 1)}) + strings.Repeat("\x01", n-1)
	}
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	for _, tc := range []struct {
		name, payload string
		read          bool
	}{
		{"values", list(filter.MaxValues), true},
		{"too many values", list(filter.MaxValues + 2), false},
		{"commas in a text", `"` + strings.Repeat(",[", filter.MaxValues) + `\"["`, true},
		{"depth", deep(filter.MaxDepth), true},
		{"too deep", deep(filter.MaxDepth + 1), false},
		{"size", text(filter.MaxPayload), true},
		{"too large", text(filter.MaxPayload + 1), false},
		{"CBOR values", cborList(filter.MaxValues), true},
		{"too many CBOR values", cborList(filter.MaxValues + 1), false},
		{"CBOR depth", strings.Repeat("\x81", filter.MaxDepth-1) + "\x80", true},
		{"CBOR too deep", strings.Repeat("\x81", filter.MaxDepth+1) + "\x80", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (message{payload: tc.payload}).subject().Saw("data") != nil; got != tc.read {
				t.Errorf("read: %v", got)
			}
		})
	}
}

func TestManyUserProperties(t *testing.T) {
	var p packet.Properties
	for range filter.MaxValues {
		p = p.AppendUserProperty("a", "b")
	}
	x := compile(t, `user.a == "b"`)
	if !x.Holds(message{properties: p}.subject()) {
		t.Error("does not hold")
	}
	if x.Holds(message{properties: p.AppendUserProperty("a", "b")}.subject()) {
		t.Error("holds of more than are looked at")
	}
}
