package server_test

import (
	"strings"
	"testing"

	"skerry/broker/brokertest"
)

// The tests of this package speak the language of package brokertest, in which the suite by chapters of the specification
// is written as well.

// script plays lines of a conversation: "> c0:", "< d0:".
func (p *peer) script(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		playLine(p.t, line, func(string) *peer { return p })
	}
}

// playLine plays one line; find gives the Client whose name stands in front of it.
func playLine(t testing.TB, line string, find func(name string) *peer) {
	t.Helper()
	i := strings.IndexAny(line, "<>")
	if i < 0 {
		t.Fatalf("%s: neither sends nor expects", line)
	}
	p := brokertest.Peer{Conn: find(line[:i]).nc, Patience: patience}
	if err := p.Do(line[i:]); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}

// encode gives the bytes of packets.
func encode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := brokertest.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
