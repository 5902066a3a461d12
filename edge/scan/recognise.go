package scan

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"skerry/drivers/frame"
	"skerry/drivers/nmea"
)

// recognise tells what a port says; nil: it makes no sense at this speed.
func recognise(heard []byte, path string, baud int) (what string, b *block) {
	b = &block{device: "serial: " + path}
	if baud != bauds[0] {
		b.device += fmt.Sprintf(", baud: %d", baud)
	}
	at := fmt.Sprintf(" at %d baud", baud)
	if nmea.Sentences(heard) > 0 {
		b.bus, b.name, b.keys = "gnss", "gps", []string{"driver: nmea"}
		return "a satellite receiver (NMEA 0183)" + at + ", driver nmea", b
	}
	if profile := frame.Recognise(heard); profile != "" {
		b.bus, b.name, b.keys = profile, profile, []string{"driver: frame", "profile: " + profile}
		return profile + at + ", driver frame", b
	}
	line, ok := textLine(heard)
	if !ok {
		return "", nil
	}
	b.bus, b.name = "text", "text"
	pattern := patternOf(line)
	b.keys = []string{"driver: line", "pattern: " + quoted(pattern)}
	if !strings.Contains(pattern, "(?P<") {
		b.doubt = "there is no number in the line"
	}
	return fmt.Sprintf("lines of text%s, such as %q, driver line", at, line), b
}

// leastLine is the shortest line that is taken for text: a wrong speed makes short ones now and then.
const leastLine = 4

// textLine finds a whole line, between two ends, when all that was heard is text.
func textLine(heard []byte) (string, bool) {
	parts := bytes.Split(heard, []byte{'\n'})
	if len(parts) < 2 {
		return "", false
	}
	parts = parts[:len(parts)-1]
	if len(parts) > 1 {
		parts = parts[1:] // the first may be the rest of one
	}
	best := ""
	for _, p := range parts {
		p = bytes.TrimSuffix(p, []byte{'\r'})
		for _, c := range p {
			if c < ' ' && c != '\t' || c > '~' {
				return "", false
			}
		}
		if best == "" && len(p) >= leastLine {
			best = string(p)
		}
	}
	return best, best != ""
}

var (
	number = regexp.MustCompile(`[-+]?[0-9]+(?:\.[0-9]+)?`)
	spaces = regexp.MustCompile(` +`)
)

// patternOf makes a pattern of a line whose numbers are its values. Devices pad their numbers with spaces.
func patternOf(line string) string {
	var b strings.Builder
	at := 0
	for n, m := range number.FindAllStringIndex(line, -1) {
		between := line[at:m[0]]
		switch before := strings.TrimRight(between, " "); {
		case before != "" || n == 0:
			b.WriteString(literally(before) + " *")
		default: // only spaces hold the two numbers apart, or nothing does
			b.WriteString(literally(between))
		}
		fmt.Fprintf(&b, "(?P<value_%d>[-+0-9.]+)", n+1)
		at = m[1]
	}
	return b.String() + literally(line[at:])
}

func literally(s string) string { return spaces.ReplaceAllString(regexp.QuoteMeta(s), " +") }

// quoted writes a text of YAML between single quotes.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
