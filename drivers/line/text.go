package line

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Escaped is a text of the configuration with control characters written as \r, \n, \t, \0, \\ or \x1B.
type Escaped string

// UnmarshalText replaces what is written by what is meant.
func (e *Escaped) UnmarshalText(b []byte) error {
	var out []byte
	for rest := string(b); rest != ""; {
		if rest[0] != '\\' {
			out, rest = append(out, rest[0]), rest[1:]
			continue
		}
		c, n, ok := escape(rest[1:])
		if !ok {
			return fmt.Errorf(`%q has an unknown escape; write \r, \n, \t, \0, \x1B or \\`, b)
		}
		out, rest = append(out, c), rest[1+n:]
	}
	*e = Escaped(out)
	return nil
}

// escape reads what stands behind a backslash, and gives its length.
func escape(s string) (c byte, n int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if i := strings.IndexByte(`rnt0\`, s[0]); i >= 0 {
		return "\r\n\t\x00\\"[i], 1, true
	}
	if s[0] == 'x' && len(s) >= 3 {
		v, err := strconv.ParseUint(s[1:3], 16, 8)
		return byte(v), 3, err == nil
	}
	return 0, 0, false
}

// Pattern is a regular expression that fits a whole line.
type Pattern struct{ *regexp.Regexp }

// UnmarshalText compiles a pattern in Go's syntax (RE2), which takes no more time than the line is long.
func (p *Pattern) UnmarshalText(b []byte) error {
	if _, err := regexp.Compile(string(b)); err != nil { // in the words of the configuration
		return fmt.Errorf("%w; see https://pkg.go.dev/regexp/syntax", err)
	}
	re, err := regexp.Compile("^(?:" + string(b) + ")$")
	p.Regexp = re
	return err
}

// groups are the names of the values.
func (p Pattern) groups() []string {
	var names []string
	if p.Regexp == nil {
		return nil
	}
	for _, n := range p.SubexpNames() {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// maxNumber bounds a number's text: more digits are a line gone wrong.
const maxNumber = 32

// parseNumber reads a decimal number: a sign, behind which scales fill up with spaces, digits with a point or, as configured, a comma, and an exponent.
func parseNumber(s string, comma bool) (float64, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "+ ") || strings.HasPrefix(s, "- ") {
		s = s[:1] + strings.TrimLeft(s[1:], " ")
	}
	if comma {
		if strings.Contains(s, ".") {
			return 0, false
		}
		s = strings.Replace(s, ",", ".", 1)
	}
	if s == "" || len(s) > maxNumber || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// decode makes a text of the bytes of a line. Control characters other than tabs are the sign of a wrong speed, or of no text at all.
func decode(b []byte, encoding string) (string, bool) {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7F || c > 0x7F && encoding == "ascii" {
			return "", false
		}
	}
	if encoding != "latin1" {
		return string(b), utf8.Valid(b)
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		if c >= 0x80 && c < 0xA0 {
			return "", false
		}
		runes[i] = rune(c)
	}
	return string(runes), true
}
