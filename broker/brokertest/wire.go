package brokertest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// pattern is what a packet, or a piece of the stream, is or has to be.
type pattern struct {
	bytes  []byte
	mask   []byte // 0 for each byte that may be anything
	framed bool   // it is one whole packet
	open   bool   // there may be more of it
}

// matches tells whether got is what is expected.
func (p *pattern) matches(got []byte) bool {
	if p.open {
		return p.matchesOpen(got)
	}
	if len(got) != len(p.bytes) {
		return false
	}
	for i := range got {
		if got[i]&p.mask[i] != p.bytes[i] {
			return false
		}
	}
	return true
}

// matchesOpen compares the first byte and the beginning of the body; the length in between is whatever it is.
func (p *pattern) matchesOpen(got []byte) bool {
	body := got[1:]
	for len(body) > 0 && body[0] >= 0x80 {
		body = body[1:]
	}
	want := p.bytes[1:]
	if got[0] != p.bytes[0] || len(body) < 1+len(want) {
		return false
	}
	for i := range want {
		if body[1+i]&p.mask[1+i] != want[i] {
			return false
		}
	}
	return true
}

// Encode gives the bytes that a line of a conversation stands for.
func Encode(text string) ([]byte, error) {
	patterns, err := parse(text)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, p := range patterns {
		if p.open || bytes.IndexByte(p.mask, 0) >= 0 {
			return nil, fmt.Errorf("%q: what is sent cannot be anything", text)
		}
		b = append(b, p.bytes...)
	}
	return b, nil
}

// parse reads packets that are separated by " | ".
func parse(text string) ([]pattern, error) {
	var all []pattern
	for packet := range strings.SplitSeq(text, " | ") {
		p, err := parsePacket(strings.TrimSpace(packet))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", packet, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func parsePacket(text string) (p pattern, err error) {
	first, rest, colon := strings.Cut(text, ":")
	raw, notHex := hex.DecodeString(first)
	if p.framed = colon && len(first) == 2 && notHex == nil; !p.framed {
		rest = text
	}
	rest, p.open = strings.CutSuffix(rest, "...")
	body, after, err := parseBytes(rest)
	switch {
	case err != nil:
		return p, err
	case after != "":
		return p, fmt.Errorf("a bracket too many before %q", after)
	case p.open && !p.framed:
		return p, fmt.Errorf("... belongs to a packet with a colon")
	case p.open:
		p.add(raw, 0xFF)
	case p.framed:
		p.add(appendVarint(raw, len(body.bytes)), 0xFF)
	}
	p.bytes, p.mask = append(p.bytes, body.bytes...), append(p.mask, body.mask...)
	return p, nil
}

// add appends bytes that are all masked alike.
func (p *pattern) add(b []byte, mask byte) {
	p.bytes = append(p.bytes, b...)
	p.mask = append(p.mask, bytes.Repeat([]byte{mask}, len(b))...)
}

// parseBytes reads words up to the end or a closing bracket, and gives what follows that.
func parseBytes(text string) (p pattern, after string, err error) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		switch text[0] {
		case ']':
			return p, text[1:] + " ", nil
		case '[':
			var inner pattern
			if inner, text, err = parseBytes(text[1:]); err != nil {
				return p, "", err
			}
			if text == "" {
				return p, "", fmt.Errorf("a bracket is not closed")
			}
			p.add(appendVarint(nil, len(inner.bytes)), 0xFF)
			p.bytes, p.mask = append(p.bytes, inner.bytes...), append(p.mask, inner.mask...)
		default:
			if text, err = p.addWord(text); err != nil {
				return p, "", err
			}
		}
	}
	return p, "", nil
}

// addWord reads the first word of text and gives the rest.
func (p *pattern) addWord(text string) (rest string, err error) {
	word, rest, err := cutWord(text)
	if err != nil {
		return "", err
	}
	word, count, err := cutCount(word)
	if err != nil {
		return "", err
	}
	raw, mask := []byte{0}, byte(0)
	if word != "??" {
		mask = 0xFF
		if raw, err = encodeWord(word); err != nil {
			return "", err
		}
	}
	p.add(bytes.Repeat(raw, count), mask)
	return rest, nil
}

// cutWord finds the end of a word: quoted text may hold blanks, and a count may stand behind the quote.
func cutWord(text string) (word, rest string, err error) {
	from := 0
	if text[0] == '\'' || text[0] == '"' {
		end := strings.IndexByte(text[1:], text[0])
		if end < 0 {
			return "", "", fmt.Errorf("a quote is not closed")
		}
		from = end + 2
	}
	if end := strings.IndexAny(text[from:], " ]"); end >= 0 {
		return text[:from+end], text[from+end:], nil
	}
	return text, "", nil
}

// cutCount takes the count off "word*5".
func cutCount(word string) (_ string, count int, err error) {
	i := strings.LastIndexByte(word, '*')
	if i < 0 || i < strings.LastIndexAny(word, `'"`) {
		return word, 1, nil
	}
	count, err = strconv.Atoi(word[i+1:])
	return word[:i], count, err
}

func encodeWord(word string) ([]byte, error) {
	switch word[0] {
	case '"':
		return []byte(word[1 : len(word)-1]), nil
	case '\'':
		s := word[1 : len(word)-1]
		return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...), nil
	}
	return hex.DecodeString(word)
}

func appendVarint(dst []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}
