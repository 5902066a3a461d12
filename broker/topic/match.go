package topic

import "strings"

// Match tells whether a valid Topic Filter matches a valid Topic Name. A caller with many filters keeps them in a [Tree].
func Match(filter, name string) bool {
	if hidden(name) && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	return MatchBelow(filter, name)
}

// MatchBelow is Match for what stands behind a prefix, where a "$" is nothing special.
func MatchBelow(filter, name string) bool {
	for {
		want, filterRest, filterMore := strings.Cut(filter, "/")
		if want == "#" {
			return true
		}
		level, nameRest, nameMore := strings.Cut(name, "/")
		if want != "+" && want != level {
			return false
		}
		if !nameMore {
			// "a/#" matches "a" as well (section 4.7.1.2).
			return !filterMore || filterRest == "#"
		}
		if !filterMore {
			return false
		}
		filter, name = filterRest, nameRest
	}
}

// hidden names are not found by a filter that begins with a wildcard. [MQTT-4.7.2-1]
func hidden(name string) bool { return name[0] == '$' }
