package topic

import (
	"fmt"
	"strings"
)

const sharePrefix = "$share/"

// IsShared tells whether a Topic Filter asks for a shared subscription, well formed or not.
func IsShared(filter string) bool {
	return strings.HasPrefix(filter, sharePrefix) || filter == "$share"
}

// ParseShared divides "$share/{ShareName}/{filter}" (MQTT 5.0 section 4.8.2).
func ParseShared(s string) (share, filter string, err error) {
	rest, ok := strings.CutPrefix(s, sharePrefix)
	if !ok {
		return "", "", fmt.Errorf("%w filter: it does not begin with %s", ErrInvalid, sharePrefix)
	}
	share, filter, ok = strings.Cut(rest, "/")
	switch {
	case share == "": // [MQTT-4.8.2-1]
		return "", "", fmt.Errorf("%w filter: the share name is empty", ErrInvalid)
	case strings.ContainsAny(share, "+#"): // [MQTT-4.8.2-2]
		return "", "", fmt.Errorf("%w filter: the share name contains a wildcard", ErrInvalid)
	case !ok || filter == "":
		return "", "", fmt.Errorf("%w filter: no filter follows the share name", ErrInvalid)
	}
	return share, filter, nil
}
