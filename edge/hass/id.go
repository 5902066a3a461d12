package hass

import (
	"fmt"
	"strings"
)

// deviceID makes an id of names: of a gateway, or of a gateway and a sensor. It may stand in a topic of discovery, which has letters,
// digits, _ and - only. Two lists of names never have the same id: what is not a plain letter, a digit or - is written as _HEX_, its code
// point, and __ stands between names.
func deviceID(names ...string) string {
	var b strings.Builder
	b.WriteString("skerry")
	for _, name := range names {
		b.WriteString("__")
		for _, r := range name {
			if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, "_%x_", r)
			}
		}
	}
	return b.String()
}

// uniqueID is that of an entity of a device. No name has a colon.
func uniqueID(device string, parts ...string) string { return device + ":" + strings.Join(parts, ":") }
