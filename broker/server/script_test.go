package server_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"skerry/broker/server"
)

// The conversations in testdata are played byte by byte against a server. A file holds the cases of one chapter of
// the specification:
//
//	connect = 10: 'MQTT' 04 02 003c 'a'    a name for a piece of text, used as $connect
//
//	# MQTT-3.1.0-2: what is tested         begins a case, on a fresh server
//	limit inflight 2                       sets a field of server.Limits
//	a> $connect | c0:                      Client a sends packets in one write. Its first line connects it
//	a< 20: 00 00                           ... and gets exactly this
//	a< closed                              ... and then the end of the connection
//	a> close                               Client a closes the connection
//
// A packet is its first byte, a colon (which stands for the Remaining Length), and the rest; without a colon all
// bytes are given. Bytes are hexadecimal; 'text' is text with its length in front, "text" without; ?? is any byte,
// ??*5 are five.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt")
		t.Run(name, func(t *testing.T) { playFile(t, string(text)) })
	}
}

func playFile(t *testing.T, text string) {
	names := []string{}
	var title string
	var lines []string
	flush := func() {
		if title != "" {
			t.Run(title, func(t *testing.T) { playCase(t, lines) })
		}
		lines = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch name, value, isName := strings.Cut(line, " = "); {
		case line == "":
		case strings.HasPrefix(line, "# "):
			flush()
			title = line[2:]
		case isName:
			names = append(names, "$"+name, strings.NewReplacer(names...).Replace(value))
		default:
			lines = append(lines, strings.NewReplacer(names...).Replace(line))
		}
	}
	flush()
}

func playCase(t *testing.T, lines []string) {
	limits := server.Limits{}
	for len(lines) > 0 && strings.HasPrefix(lines[0], "limit ") {
		setLimit(t, &limits, lines[0])
		lines = lines[1:]
	}
	_, address := start(t, limits)
	peers := map[string]*peer{}
	for _, line := range lines {
		playLine(t, line, func(name string) *peer {
			if peers[name] == nil {
				peers[name] = dial(t, address)
			}
			return peers[name]
		})
	}
}

func setLimit(t *testing.T, l *server.Limits, line string) {
	t.Helper()
	var name string
	var value int
	if _, err := fmt.Sscanf(line, "limit %s %d", &name, &value); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	switch name {
	case "inflight":
		l.Inflight = value
	case "packet":
		l.Packet = value
	default:
		t.Fatalf("%s: no such limit", line)
	}
}

func playLine(t testing.TB, line string, find func(name string) *peer) {
	t.Helper()
	i := strings.IndexAny(line, "<>")
	if i < 0 {
		t.Fatalf("%s: neither sends nor expects", line)
	}
	p, what := find(line[:i]), strings.TrimSpace(line[i+1:])
	switch {
	case line[i] == '>' && what == "close":
		p.nc.Close()
	case line[i] == '>':
		b, _ := encode(t, what)
		p.send(b)
	case what == "closed":
		expectClosed(t, line, p)
	default:
		expect(t, line, p, what)
	}
}

func expect(t testing.TB, line string, p *peer, what string) {
	t.Helper()
	want, mask := encode(t, what)
	got, err := p.read(len(want))
	masked := bytes.Clone(got)
	for i := range masked {
		masked[i] &= mask[i]
	}
	if err != nil || !bytes.Equal(masked, want) {
		t.Fatalf("%s:\n got %x (%v)\nwant %x", line, got, err, want)
	}
}

func expectClosed(t testing.TB, line string, p *peer) {
	t.Helper()
	got, err := p.read(1)
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%s: got %x (%v), want the end of the connection", line, got, err)
	}
}

// encode gives the bytes of packets, and a mask with 0 for each byte that may be anything.
func encode(t testing.TB, text string) (b, mask []byte) {
	t.Helper()
	for packet := range strings.SplitSeq(text, " | ") {
		first, rest, framed := strings.Cut(packet, ":")
		if !framed || len(strings.TrimSpace(first)) != 2 {
			first, rest, framed = "", packet, false
		}
		body, bodyMask := encodeWords(t, rest)
		if framed {
			head, _ := encodeWords(t, first)
			for n := len(body); ; n >>= 7 {
				if n < 0x80 {
					head = append(head, byte(n))
					break
				}
				head = append(head, byte(n)|0x80)
			}
			b, mask = append(b, head...), append(mask, bytes.Repeat([]byte{0xFF}, len(head))...)
		}
		b, mask = append(b, body...), append(mask, bodyMask...)
	}
	return b, mask
}

func encodeWords(t testing.TB, text string) (b, mask []byte) {
	t.Helper()
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var word string
		if text[0] == '\'' || text[0] == '"' {
			end := strings.IndexByte(text[1:], text[0]) + 2
			word, text = text[:end], text[end:]
		} else if word, text, _ = strings.Cut(text, " "); strings.HasPrefix(word, "??") {
			n := 1
			if _, count, ok := strings.Cut(word, "*"); ok {
				n, _ = strconv.Atoi(count)
			}
			b, mask = append(b, make([]byte, n)...), append(mask, make([]byte, n)...)
			continue
		}
		raw := encodeWord(t, word)
		b, mask = append(b, raw...), append(mask, bytes.Repeat([]byte{0xFF}, len(raw))...)
	}
	return b, mask
}

func encodeWord(t testing.TB, word string) []byte {
	t.Helper()
	switch word[0] {
	case '"':
		return []byte(word[1 : len(word)-1])
	case '\'':
		s := word[1 : len(word)-1]
		return append([]byte{byte(len(s) >> 8), byte(len(s))}, s...)
	}
	raw, err := hex.DecodeString(word)
	if err != nil {
		t.Fatalf("%q: %v", word, err)
	}
	return raw
}
