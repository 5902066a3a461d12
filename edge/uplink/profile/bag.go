package profile

import (
	"net/url"
	"strings"
)

// property is one entry of a property bag.
type property struct{ name, value string }

const hexDigits = "0123456789ABCDEF"

// escape appends a text with everything but the unreserved characters of RFC 3986 as %XX. That is stricter than a query string needs
// to be: "+" and "#" must not stand in a topic.
func escape(dst []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}

// appendBag writes properties as name=value&name=value. "$." of a system property stays readable, as the hub wants it.
func appendBag(dst []byte, all []property) []byte {
	for i, p := range all {
		if i > 0 {
			dst = append(dst, '&')
		}
		if name, system := strings.CutPrefix(p.name, "$."); system {
			dst = escape(append(dst, "$."...), name)
		} else {
			dst = escape(dst, p.name)
		}
		dst = escape(append(dst, '='), p.value)
	}
	return dst
}

// parseBag reads a property bag. One that is not well formed is no reason to lose the message: what cannot be unescaped is taken as
// it stands.
func parseBag(bag string) []property {
	var all []property
	for part := range strings.SplitSeq(strings.TrimPrefix(bag, "?"), "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		all = append(all, property{unescape(name), unescape(value)})
	}
	return all
}

func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil { // "+" stays: it is no blank here
		return plain
	}
	return text
}
