package server

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Small frames that have arrived together are read together, up to one that is not complete or has to be answered:
// packets of one segment are handled as one input.
func TestStreamReadsWhatIsHere(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	s := &stream{Conn: theirs, excuse: func(err error) error { return err }}
	opened := make(chan error, 1)
	go func() { opened <- s.upgrade(&WebSocket{Path: "/mqtt"}) }()
	fmt.Fprint(ours, "GET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")
	if r, err := http.ReadResponse(bufio.NewReader(ours), nil); err != nil || r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r, err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	const a, start, end = "\x82\x81\x00\x00\x00\x00a", "\x02\x81\x00\x00\x00\x00s", "\x80\x81\x00\x00\x00\x00e"
	pong := "\x8a\x80\x00\x00\x00\x00" // asks for no answer, but who knows that before it is read
	go fmt.Fprint(ours, strings.Repeat(a, 9)+start+end+pong+a+a[:4])
	b := make([]byte, 100)
	for _, want := range []string{"aaaaaaaaase", "a"} {
		if n, err := s.Read(b); string(b[:n]) != want || err != nil {
			t.Errorf("read %q (%v), want %q", b[:n], err, want)
		}
	}
}
