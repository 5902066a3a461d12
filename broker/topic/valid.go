package topic

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// MaxLength is the longest Topic Name or Topic Filter in bytes. [MQTT-4.7.3-3]
	MaxLength = 65535
	// MaxLevels bounds how deep a name or a filter may go. The specification has no bound; without one a single packet
	// could make tens of thousands of tree nodes. 200 is the bound of mosquitto.
	MaxLevels = 200
)

// ErrInvalid is wrapped by every error of this package: the text is no Topic Name or Topic Filter.
var ErrInvalid = errors.New("invalid topic")

// ErrTooDeep is wrapped beside ErrInvalid when the only thing wrong is a bound of ours: more than MaxLevels levels.
var ErrTooDeep = fmt.Errorf("more than %d levels", MaxLevels)

// ValidName tells whether s may be published to; nil if so.
func ValidName(s string) error {
	// [MQTT-3.3.2-2]: "The Topic Name in the PUBLISH packet MUST NOT contain wildcard characters."
	if strings.IndexByte(s, '+') >= 0 || strings.IndexByte(s, '#') >= 0 {
		return fmt.Errorf("%w name: it contains a wildcard", ErrInvalid)
	}
	return validText(s)
}

// ValidFilter tells whether s may be subscribed to; nil if so. For a shared subscription it checks the filter inside.
func ValidFilter(s string) error {
	if err := validText(s); err != nil {
		return err
	}
	if IsShared(s) {
		_, filter, err := ParseShared(s)
		if err != nil {
			return err
		}
		s = filter
	}
	return validWildcards(s)
}

// validText holds what names and filters have in common.
func validText(s string) error {
	switch {
	case s == "": // [MQTT-4.7.3-1]
		return fmt.Errorf("%w: it is empty", ErrInvalid)
	case len(s) > MaxLength:
		return fmt.Errorf("%w: it has %d bytes, more than %d", ErrInvalid, len(s), MaxLength)
	case strings.IndexByte(s, 0) >= 0: // [MQTT-4.7.3-2]
		return fmt.Errorf("%w: it contains U+0000", ErrInvalid)
	case !utf8.ValidString(s): // [MQTT-1.5.4-1]
		return fmt.Errorf("%w: it is not UTF-8", ErrInvalid)
	case strings.Count(s, "/") >= MaxLevels:
		return fmt.Errorf("%w: it has %w", ErrInvalid, ErrTooDeep)
	}
	return nil
}

// validWildcards checks that "#" stands alone in the last level and "+" alone in its level. [MQTT-4.7.1-1] [MQTT-4.7.1-2]
func validWildcards(filter string) error {
	for rest, more := filter, true; more; {
		var level string
		level, rest, more = strings.Cut(rest, "/")
		if level == "#" && more {
			return fmt.Errorf("%w filter: %q is not the last level", ErrInvalid, "#")
		}
		if len(level) > 1 && strings.ContainsAny(level, "+#") {
			return fmt.Errorf("%w filter: a wildcard shares its level with other characters", ErrInvalid)
		}
	}
	return nil
}

// HasWildcard tells whether a filter can match more than one name.
func HasWildcard(filter string) bool {
	return strings.IndexByte(filter, '+') >= 0 || strings.IndexByte(filter, '#') >= 0
}
