package packet

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// MaxString is the length in bytes of the longest UTF-8 Encoded String or Binary Data (sections 1.5.4, 1.5.6).
const MaxString = 65_535

// CheckString tells whether s can be sent as a UTF-8 Encoded String: not too
// long, well-formed UTF-8 without surrogates [MQTT-1.5.4-1], no U+0000 [MQTT-1.5.4-2].
func CheckString(s string) error {
	switch {
	case len(s) > MaxString:
		return malformed(0, "1.5.4", "string is longer than 65,535 bytes")
	case !utf8.ValidString(s):
		return malformed(0, "MQTT-1.5.4-1", "string is not well-formed UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return malformed(0, "MQTT-1.5.4-2", "string contains U+0000")
	}
	return nil
}

// CheckTopicName tells whether s can be sent as a Topic Name: a string as
// CheckString says, not empty [MQTT-4.7.3-1], no wildcards [MQTT-3.3.2-2].
func CheckTopicName(s string) error {
	switch {
	case s == "":
		return malformed(0, "MQTT-4.7.3-1", "topic name is empty")
	case strings.ContainsAny(s, "+#"):
		return protocolError(0, "MQTT-3.3.2-2", "topic name contains a wildcard")
	}
	return CheckString(s)
}

// validString is the rule of section 1.5.4 for bytes that were read.
func validString(b []byte) bool {
	for i, c := range b {
		if c == 0 {
			return false
		}
		if c >= utf8.RuneSelf {
			return utf8.Valid(b[i:]) && bytes.IndexByte(b[i:], 0) < 0
		}
	}
	return true
}

// badString says which rule a string breaks that is not valid.
func badString(t Type, field string, b []byte) error {
	if bytes.IndexByte(b, 0) >= 0 {
		return malformed(t, "MQTT-1.5.4-2", field+" contains U+0000")
	}
	return malformed(t, "MQTT-1.5.4-1", field+" is not well-formed UTF-8")
}

// hasWildcard tells whether b holds a character that only Topic Filters may have.
func hasWildcard(b []byte) bool {
	for _, c := range b {
		if c == '+' || c == '#' {
			return true
		}
	}
	return false
}

func appendString[T string | []byte](dst []byte, s T) []byte {
	if len(s) > MaxString {
		panic("packet: string or binary data longer than 65,535 bytes")
	}
	dst = append(dst, byte(len(s)>>8), byte(len(s)))
	return append(dst, s...)
}

func appendUint16(dst []byte, v uint16) []byte { return append(dst, byte(v>>8), byte(v)) }

func appendUint32(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}
