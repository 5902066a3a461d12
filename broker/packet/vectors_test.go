package packet_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/broker/packet"
)

// vector is one line of a file in testdata. The notation of the bytes: hex
// digits stand for themselves, "text" is a string with its length of two bytes
// in front, and [ ] puts the length of what is inside in front of it as a Variable Byte Integer.
type vector struct {
	where   string
	version packet.Version
	columns []string // between version and bytes
	bytes   []byte
}

// readVectors reads `version column... : bytes # remark` lines.
func readVectors(tb testing.TB, pattern string) []vector {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		tb.Fatalf("no vectors match %s: %v", pattern, err)
	}
	var vectors []vector
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for number := 1; lines.Scan(); number++ {
			line, remark, _ := strings.Cut(lines.Text(), " #")
			if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
				continue
			}
			where := fmt.Sprintf("%s:%d %s", filepath.Base(name), number, strings.TrimSpace(remark))
			vectors = append(vectors, parseVectors(tb, where, line)...)
		}
	}
	return vectors
}

// parseVectors reads one line, which gives a vector for each version that it names.
func parseVectors(tb testing.TB, where, line string) (vectors []vector) {
	tb.Helper()
	head, body, ok := strings.Cut(line, ":")
	columns := strings.Fields(head)
	if !ok || len(columns) == 0 {
		tb.Fatalf("%s: not a vector: %s", where, line)
	}
	bytes, rest, err := parseBytes(body)
	if err != nil || rest != "" {
		tb.Fatalf("%s: %v, left over %q", where, err, rest)
	}
	for name := range strings.SplitSeq(columns[0], ",") {
		version, ok := map[string]packet.Version{"3.1": packet.V31, "3.1.1": packet.V311, "5.0": packet.V5}[name]
		if !ok {
			tb.Fatalf("%s: unknown version %q", where, name)
		}
		vectors = append(vectors, vector{where + " in " + name, version, columns[1:], bytes})
	}
	return vectors
}

func parseBytes(s string) (b []byte, rest string, err error) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		switch s[0] {
		case ']':
			return b, s[1:], nil
		case '[':
			var inner []byte
			if inner, s, err = parseBytes(s[1:]); err != nil {
				return nil, s, err
			}
			b = append(appendLength(b, len(inner)), inner...)
		case '"':
			text, tail, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return nil, s, fmt.Errorf("open quote")
			}
			b = append(b, byte(len(text)>>8), byte(len(text)))
			b, s = append(b, text...), tail
		default:
			end := strings.IndexAny(s+" ", " []\"")
			raw, err := hex.DecodeString(s[:end])
			if err != nil {
				return nil, s, err
			}
			b, s = append(b, raw...), s[end:]
		}
	}
	return b, "", nil
}

func appendLength(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// decoder is what all packets but CONNECT have in common; connect fits it to the others.
type decoder interface {
	Decode(packet.Version, packet.Header) error
	Append([]byte, packet.Version) []byte
}

type connect struct{ packet.Connect }

func (c *connect) Decode(_ packet.Version, h packet.Header) error { return c.Connect.Decode(h) }
func (c *connect) Append(dst []byte, _ packet.Version) []byte     { return c.Connect.Append(dst) }
func (c *connect) Size(packet.Version) int                        { return c.Connect.Size() }

// newDecoder gives an empty packet of the type.
func newDecoder(t packet.Type) decoder {
	switch t {
	case packet.CONNECT:
		return &connect{}
	case packet.CONNACK:
		return &packet.Connack{}
	case packet.PUBLISH:
		return &packet.Publish{}
	case packet.SUBSCRIBE:
		return &packet.Subscribe{}
	case packet.SUBACK:
		return &packet.Suback{}
	case packet.UNSUBSCRIBE:
		return &packet.Unsubscribe{}
	case packet.UNSUBACK:
		return &packet.Unsuback{}
	case packet.PINGREQ:
		return &packet.Pingreq{}
	case packet.PINGRESP:
		return &packet.Pingresp{}
	case packet.DISCONNECT:
		return &packet.Disconnect{}
	case packet.AUTH:
		return &packet.Auth{}
	}
	return &packet.Ack{}
}

// decode reads one whole packet.
func decode(v packet.Version, frame []byte) (decoder, error) {
	h, err := packet.Split(frame)
	if err != nil {
		return nil, err
	}
	d := newDecoder(h.Type)
	return d, d.Decode(v, h)
}
