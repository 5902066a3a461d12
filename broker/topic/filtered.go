package topic

import (
	"fmt"
	"strings"
)

const filterPrefix = "$filter/"

// IsFiltered tells whether a Topic Name or a Topic Filter belongs to a content filter, well formed or not.
func IsFiltered(s string) bool {
	return strings.HasPrefix(s, filterPrefix) || s == "$filter"
}

// CutFiltered divides "$filter/{name}/{rest}". Of a Topic Filter the rest is what it asks for behind the content filter, of a
// Topic Name it is the name that the message was published to: what access control has to look at. ok is false for anything
// else.
func CutFiltered(s string) (name, rest string, ok bool) {
	behind, ok := strings.CutPrefix(s, filterPrefix)
	if !ok {
		return "", "", false
	}
	name, rest, ok = strings.Cut(behind, "/")
	return name, rest, ok && name != "" && rest != ""
}

// Filtered is the Topic Name under which a message goes to those behind a content filter.
func Filtered(name, topicName string) string { return filterPrefix + name + "/" + topicName }

// ValidFiltered tells whether a valid Topic Filter has the shape "$filter/{name}/{filter}" of a subscription to a content filter of
// this Server; nil if so. For other Servers these topics are nothing special.
func ValidFiltered(s string) error {
	name, rest, ok := CutFiltered(s)
	switch {
	case !ok:
		return fmt.Errorf("%w filter: %sNAME/FILTER has a name and a filter behind it", ErrInvalid, filterPrefix)
	case HasWildcard(name):
		return fmt.Errorf("%w filter: the name behind %s contains a wildcard", ErrInvalid, filterPrefix)
	case IsShared(rest), IsFiltered(rest):
		return fmt.Errorf("%w filter: %q cannot stand behind %s%s/", ErrInvalid, rest, filterPrefix, name)
	}
	return nil
}
