package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/broker/server"
	"skerry/queue/vfs"
)

// Opcodes of frames.
const (
	continuation = 0
	textFrame    = 1
	binaryFrame  = 2
	closeFrame   = 8
	pingFrame    = 9
	pongFrame    = 10
	final        = 0x80
)

// frame is a frame as a Client sends it.
func frame(head byte, payload []byte) []byte {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	key := []byte{0x11, 0x22, 0x33, 0x44}
	b = append(b, key...)
	for i, x := range payload {
		b = append(b, x^key[i%4])
	}
	return b
}

// webSocket is a Client's end made of bytes. What is written to it goes as one frame.
type webSocket struct {
	net.Conn
	in   *bufio.Reader
	left int    // bytes of the frame that is being read
	rest []byte // of the last control frame: opcode and payload
}

const handshake = "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n%s\r\n"

// request sends a handshake with more headers and gives the answer.
func request(t testing.TB, nc net.Conn, path string, headers ...string) (*http.Response, *bufio.Reader) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	var more strings.Builder
	for _, h := range headers {
		more.WriteString(h + "\r\n")
	}
	if _, err := fmt.Fprintf(nc, handshake, path, more.String()); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(nc)
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, in
}

const wantMQTT = "Sec-WebSocket-Protocol: mqtt"

// upgrade gives a Client of a WebSocket on a connection.
func upgrade(t testing.TB, nc net.Conn) *webSocket {
	t.Helper()
	r, in := request(t, nc, "/mqtt", wantMQTT)
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("%s: %s", r.Status, body)
	}
	if got := r.Header.Get("Sec-WebSocket-Protocol"); got != "mqtt" {
		t.Fatalf("subprotocol %q", got)
	}
	nc.SetDeadline(time.Time{})
	return &webSocket{Conn: nc, in: in}
}

func (w *webSocket) Write(b []byte) (int, error) {
	if _, err := w.Conn.Write(frame(final|binaryFrame, b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *webSocket) Read(b []byte) (int, error) {
	for w.left == 0 {
		if err := w.nextFrame(); err != nil {
			return 0, err
		}
	}
	n, err := w.in.Read(b[:min(len(b), w.left)])
	w.left -= n
	return n, err
}

// nextFrame reads a header; a control frame is read whole. A close frame is the end.
func (w *webSocket) nextFrame() error {
	head := make([]byte, 2, 10)
	if _, err := io.ReadFull(w.in, head); err != nil {
		return err
	}
	n := int(head[1])
	long := map[int]int{126: 2, 127: 8}[n]
	if _, err := io.ReadFull(w.in, head[2:2+long]); err != nil {
		return err
	}
	switch long {
	case 2:
		n = int(binary.BigEndian.Uint16(head[2:4]))
	case 8:
		n = int(binary.BigEndian.Uint64(head[2:10]))
	}
	if opcode := head[0] & 0x0F; opcode < 8 {
		if opcode != binaryFrame || head[0]&final == 0 {
			return fmt.Errorf("a frame that begins with %#x", head[0])
		}
		w.left = n
		return nil
	}
	w.rest = make([]byte, 1+n)
	w.rest[0] = head[0] & 0x0F
	if _, err := io.ReadFull(w.in, w.rest[1:]); err != nil {
		return err
	}
	if w.rest[0] == closeFrame {
		return io.EOF
	}
	return nil
}

// closed checks the status of the close frame that was read last.
func (w *webSocket) closed(t *testing.T, status uint16) {
	t.Helper()
	if want := binary.BigEndian.AppendUint16([]byte{closeFrame}, status); !bytes.HasPrefix(w.rest, want) {
		t.Errorf("closed with %x, want status %d", w.rest, status)
	}
}

func startWebSocket(t testing.TB, o server.Options, l server.ListenerConfig) (*station, string) {
	t.Helper()
	st := openStation(t, vfs.NewDisk(), o)
	l.Name, l.Anonymous = "web", true
	if l.WebSocket == nil {
		l.WebSocket = &server.WebSocket{Path: "/mqtt"}
	}
	address := st.listen(l)
	return st.run(), address
}

func dialWebSocket(t testing.TB, address string) (*peer, *webSocket) {
	t.Helper()
	p := dial(t, address)
	w := upgrade(t, p.nc)
	return &peer{t, w}, w
}

func TestWebSocket(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	a, w := dialWebSocket(t, address)
	b, _ := dialWebSocket(t, address)
	a.script("> 10: 'MQTT' 05 02 003c 00 'a' | 82: 0001 00 't' 01", "< 20: ??*16 | 90: 0001 00 01")
	b.script("> 10: 'MQTT' 04 02 003c 'b'", "< 20: 00 00")
	b.script("> 32: 't' 0001 \"x\"", "< 40: 0001")
	a.script("< 32: 't' 0001 00 \"x\"", "> 40: 0001", "> c0:", "< d0:")
	a.script("> 00:", "< e0: 81", "< closed")
	w.closed(t, 1000)
}

// Packets longer than any buffer go both ways, and such that end where a buffer ends.
func TestWebSocketSizes(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	p, _ := dialWebSocket(t, address)
	p.script("> 10: 'MQTT' 04 02 003c 'a' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	for _, size := range []int{0, 1, 120, 121, 122, 125, 505, 506, 507, 508, 509, 510, 2040, 2044, 4096, 33000, 65520, 65530, 65536, 200000} {
		line := "30: 't' \"" + strings.Repeat("x", size) + "\""
		p.script("> "+line, "< "+line)
	}
}

const (
	connectA   = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
	subscribeT = "\x82\x06\x00\x01\x00\x01t\x00"
	publishT   = "\x30\x04\x00\x01tx"
	answersA   = "< 20: 00 00 | 90: 0001 00 | 30: 't' \"x\""
)

// Where frames begin and end has no meaning, and neither has where segments do.
func TestWebSocketFrames(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	packets := []byte(connectA + subscribeT + publishT)
	play := func(t *testing.T, pieces ...[]byte) {
		p, _ := dialWebSocket(t, address)
		raw := p.nc.(*webSocket).Conn
		for _, b := range pieces {
			raw.SetWriteDeadline(time.Now().Add(patience))
			if _, err := raw.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		p.script(answersA)
		p.nc.Close()
	}
	t.Run("one frame", func(t *testing.T) { play(t, frame(final|binaryFrame, packets)) })
	t.Run("a frame for each byte", func(t *testing.T) {
		var all []byte
		for i := range packets {
			all = append(all, frame(final|binaryFrame, packets[i:i+1])...)
		}
		play(t, all)
	})
	t.Run("a message in fragments of a byte, with pings between", func(t *testing.T) {
		all := frame(binaryFrame, nil)
		for i := range packets {
			all = append(all, frame(continuation, packets[i:i+1])...)
			all = append(all, frame(final|pingFrame, []byte{byte(i)})...)
		}
		play(t, append(all, frame(final|continuation, nil)...))
	})
	for i := range packets {
		t.Run(fmt.Sprintf("two frames, the second from byte %d", i), func(t *testing.T) {
			play(t, frame(final|binaryFrame, packets[:i]), frame(final|binaryFrame, packets[i:]))
		})
	}
	whole := append(frame(binaryFrame, packets[:20]), frame(final|continuation, packets[20:])...)
	for i := range whole {
		t.Run(fmt.Sprintf("two segments, the second from byte %d", i), func(t *testing.T) { play(t, whole[:i], whole[i:]) })
	}
}

// A packet is answered while the next frame is on its way: nothing waits for what need not come.
func TestWebSocketPartOfNextFrame(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	p, w := dialWebSocket(t, address)
	next := frame(final|binaryFrame, []byte("\xc0\x00"))
	for cut := range next {
		p.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
		if _, err := w.Conn.Write(append(frame(final|binaryFrame, []byte("\xc0\x00")), next[:cut]...)); err != nil {
			t.Fatal(err)
		}
		p.script("< d0:")
		if _, err := w.Conn.Write(next[cut:]); err != nil {
			t.Fatal(err)
		}
		p.script("< d0:", "> e0:")
		p, w = dialWebSocket(t, address)
	}
}

func TestWebSocketPing(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	p, w := dialWebSocket(t, address)
	p.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
	if _, err := w.Conn.Write(frame(final|pingFrame, []byte("are you there"))); err != nil {
		t.Fatal(err)
	}
	p.script("> c0:", "< d0:")
	if w.rest == nil { // it need not come first
		if err := w.nextFrame(); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(w.rest); got != "\x0aare you there" {
		t.Errorf("pong %q", got)
	}
}

// A Client on a slow line that asks whether the server is there, while what is on its way to it takes a while, is not cut off for that.
func TestWebSocketPingWhileWriting(t *testing.T) {
	bubble(t, server.Limits{}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, func(t *testing.T, p *pipes) {
		nc := p.dial(t).nc
		w := upgrade(t, nc)
		slow, other := &peer{t, w}, &peer{t, upgrade(t, p.dial(t).nc)}
		slow.script("> 10: 'MQTT' 04 02 0000 'slow' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
		nc.SetDeadline(time.Time{})
		other.script("> 10: 'MQTT' 04 02 0000 'other' | 30: 't' \"x\" | c0:", "< 20: 00 00 | d0:")
		synctest.Wait() // the message is on its way and not taken
		for range 3 {
			go nc.Write(frame(final|pingFrame, []byte("are you there")))
			time.Sleep(20 * time.Second)
		}
		slow.script("< 30: 't' \"x\"", "> c0:", "< d0:")
	})
}

// Pings of WebSocket alone keep a quiet connection open for as long as they come, if the Client has asked for no Keep Alive.
func TestWebSocketPingsWhileQuiet(t *testing.T) {
	bubble(t, server.Limits{}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, func(t *testing.T, p *pipes) {
		nc := p.dial(t).nc
		w := upgrade(t, nc)
		c := &peer{t, w}
		c.script("> 10: 'MQTT' 04 02 0000 'a'", "< 20: 00 00")
		for i := range 30 {
			nc.SetDeadline(time.Time{})
			time.Sleep(20 * time.Second)
			payload := fmt.Sprint("ping ", i)
			go nc.Write(frame(final|pingFrame, []byte(payload)))
			if err := w.nextFrame(); err != nil || string(w.rest) != "\x0a"+payload {
				t.Fatalf("after %d s: %q (%v), want a pong", 20*(i+1), w.rest, err)
			}
		}
		c.script("> c0:", "< d0:")
	})
}

// What is no WebSocket of MQTT ends the connection and nothing else.
func TestWebSocketViolations(t *testing.T) {
	st, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	other, _ := dialWebSocket(t, address)
	other.script("> 10: 'MQTT' 04 02 003c 'other'", "< 20: 00 00")
	unmasked := []byte{final | binaryFrame, 2, 0xC0, 0}
	tests := []struct {
		name   string
		bytes  []byte
		status uint16 // 0: whatever
	}{
		{"text", frame(final|textFrame, []byte("\xc0\x00")), 1003},
		{"text behind a packet", append(frame(final|binaryFrame, []byte("\xc0\x00")), frame(final|textFrame, nil)...), 1003},
		{"unmasked", unmasked, 0},
		{"reserved bit", frame(final|0x40|binaryFrame, []byte("\xc0\x00")), 1002},
		{"unknown opcode", frame(final|3, nil), 1002},
		{"continuation of nothing", frame(final|continuation, []byte("\xc0\x00")), 1002},
		{"message within a message", append(frame(binaryFrame, nil), frame(final|binaryFrame, []byte("\xc0\x00"))...), 1002},
		{"long ping", frame(final|pingFrame, make([]byte, 126)), 1002},
		{"ping in fragments", frame(pingFrame, nil), 1002},
		{"length of 2^63", []byte{final | binaryFrame, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0},
		{"close", frame(final|closeFrame, []byte{0x03, 0xE8}), 1000},
		{"close without a status", frame(final|closeFrame, nil), 0},
		{"close with half a status", frame(final|closeFrame, []byte{3}), 1002},
	}
	for _, tt := range tests {
		for _, connected := range []bool{false, true} {
			if !connected && strings.Contains(tt.name, "behind") {
				continue // the first packet must be a CONNECT
			}
			t.Run(fmt.Sprintf("%s, connected %t", tt.name, connected), func(t *testing.T) {
				p, w := dialWebSocket(t, address)
				if connected {
					p.script("> 10: 'MQTT' 04 02 003c 'a'", "< 20: 00 00")
				}
				if _, err := w.Conn.Write(tt.bytes); err != nil {
					t.Fatal(err)
				}
				w.SetReadDeadline(time.Now().Add(patience))
				if _, err := io.Copy(io.Discard, w); err != nil && !strings.Contains(err.Error(), "reset") {
					t.Fatal(err)
				}
				if tt.status != 0 {
					w.closed(t, tt.status)
				}
			})
		}
	}
	eventually(t, "all but one are gone", func() bool { return st.server.Stats().Connections == 1 })
	other.script("> c0:", "< d0:")
}

// What is not MQTT over WebSocket hears why, in words of HTTP.
func TestWebSocketRefused(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt", Origins: []string{"https://dash.example.org", "null"}}})
	tests := []struct {
		name, path string
		headers    []string
		status     int
		says       string
	}{
		{"3.1", "/mqtt", []string{"Sec-WebSocket-Protocol: soap, mqttv3.1"}, 101, ""},
		{"other headers", "/mqtt", []string{wantMQTT, "Cookie: " + strings.Repeat("x", 4000)}, 101, ""},
		{"same host", "/mqtt", []string{wantMQTT, "Origin: http://localhost"}, 101, ""},
		{"known origin", "/mqtt", []string{wantMQTT, "Origin: https://dash.example.org"}, 101, ""},
		{"page of a file", "/mqtt", []string{wantMQTT, "Origin: null"}, 101, ""},
		{"no subprotocol", "/mqtt", nil, 400, "without the subprotocol mqtt"},
		{"another subprotocol", "/mqtt", []string{"Sec-WebSocket-Protocol: soap"}, 400, "without the subprotocol mqtt"},
		{"another path", "/", []string{wantMQTT}, 404, `MQTT is at "/mqtt"`},
		{"a path below", "/mqtt/a", []string{wantMQTT}, 404, `MQTT is at "/mqtt"`},
		{"another origin", "/mqtt", []string{wantMQTT, "Origin: https://evil.example"}, 403, `"https://evil.example" may not connect`},
		{"another port", "/mqtt", []string{wantMQTT, "Origin: http://localhost:3000"}, 403, "may not connect"},
		{"another scheme", "/mqtt", []string{wantMQTT, "Origin: http://dash.example.org"}, 403, "may not connect"},
		{"part of an origin", "/mqtt", []string{wantMQTT, "Origin: https://dash.example.org.evil.example"}, 403, "may not connect"},
		{"too long", "/mqtt", []string{wantMQTT, "Cookie: " + strings.Repeat("x", 9000)}, 431, "longer than 8192 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := dial(t, address)
			r, in := request(t, p.nc, tt.path, tt.headers...)
			if r.StatusCode != tt.status {
				t.Errorf("status %s, want %d", r.Status, tt.status)
			}
			if tt.status == http.StatusSwitchingProtocols {
				return
			}
			body, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(body), tt.says) {
				t.Errorf("answer %q does not say %q", body, tt.says)
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("after the answer: %v, want the end", err)
			}
		})
	}
}

// A page whose own name was made to lead to this machine is not a page of this machine.
func TestWebSocketRebound(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	for host, status := range map[string]int{"evil.example:8080": 403, "192.0.2.1": 403, "localhost:8080": 101, "127.0.0.1:8080": 101, "[::1]": 101} {
		p := dial(t, address)
		_, err := p.nc.Write([]byte(strings.Replace(fmt.Sprintf(handshake, "/mqtt", wantMQTT+"\r\nOrigin: http://"+host+"\r\n"), "Host: localhost", "Host: "+host, 1)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(p.nc), nil)
		if err != nil || r.StatusCode != status {
			t.Errorf("%s: %v (%v), want %d", host, r, err, status)
		}
	}
}

// The same port answers a browser that looks, and somebody who speaks MQTT without WebSocket.
func TestWebSocketOtherRequests(t *testing.T) {
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	tests := []struct{ name, request, status, says string }{
		{"the page", "GET / HTTP/1.1\r\nHost: station\r\n\r\n", "200 OK", "MQTT over WebSocket is at /mqtt"},
		{"the page for HTTP 1.0", "GET / HTTP/1.0\r\n\r\n", "200 OK", "MQTT over WebSocket is at /mqtt"},
		{"its head", "HEAD / HTTP/1.1\r\nHost: station\r\n\r\n", "200 OK", ""},
		{"a page that is not there", "GET /favicon.ico HTTP/1.1\r\nHost: station\r\n\r\n", "404 Not Found", "not found"},
		{"a body", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "404 Not Found", "not found"},
		{"the path in a browser", "GET /mqtt HTTP/1.1\r\nHost: station\r\n\r\n", "426 Upgrade Required", "MQTT is spoken over WebSocket here"},
		{"half of a handshake", "GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\n" + wantMQTT + "\r\n\r\n", "426 Upgrade Required", "Connection"},
		{"MQTT without WebSocket", connectA + "\r\n", "400 Bad Request", "not an HTTP request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nc := dial(t, address).nc
			nc.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(nc, tt.request); err != nil {
				t.Fatal(err)
			}
			asked := &http.Request{Method: strings.Fields(tt.request)[0]}
			r, err := http.ReadResponse(bufio.NewReader(nc), asked)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Status != tt.status || !strings.Contains(string(body), tt.says) {
				t.Errorf("%s %q (%v), want %s with %q", r.Status, body, err, tt.status, tt.says)
			}
		})
	}
}

func TestSecureWebSocket(t *testing.T) {
	cert, pool := selfSigned(t)
	_, address := startWebSocket(t, server.Options{}, server.ListenerConfig{TLS: tlsConfig(cert)})
	secure := dialTLS(t, address, &tls.Config{RootCAs: pool})
	w := upgrade(t, secure.nc)
	p := &peer{t, w}
	p.script("> 10: 'MQTT' 04 02 003c 'a' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
	for _, size := range []int{1, 505, 65536, 200000} {
		line := "30: 't' \"" + strings.Repeat("x", size) + "\""
		p.script("> "+line, "< "+line)
	}
	p.script("> e0:", "< closed")
	w.closed(t, 1000)
}

// Somebody who opens a WebSocket and says nothing, or half of a request, or half of a frame, is sent away in time.
func TestWebSocketSilence(t *testing.T) {
	half := fmt.Sprintf(handshake, "/mqtt", wantMQTT+"\r\n")
	for name, bytes := range map[string]string{"nothing": "", "half of a request": half[:50], "no CONNECT": half, "half of a frame": half + "\x82\x8d\x00"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server.Limits{Connect: 10 * time.Second}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, func(t *testing.T, p *pipes) {
				c := p.dial(t)
				go io.WriteString(c.nc, bytes)
				_, d := c.endsAfter(time.Now())
				if d < 10*time.Second || d > 12*time.Second {
					t.Errorf("ended after %v, want 10 s", d)
				}
			})
		})
	}
}

// The deadline of the Keep Alive strikes in the middle of a frame: the Client was heard meanwhile, and nothing is lost.
func TestWebSocketKeepAlive(t *testing.T) {
	bubble(t, server.Limits{}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, func(t *testing.T, p *pipes) {
		nc := p.dial(t).nc
		w := upgrade(t, nc)
		c := &peer{t, w}
		c.script("> 10: 'MQTT' 04 02 000a 'a'", "< 20: 00 00") // 10 s, so 15
		nc.SetDeadline(time.Time{})
		ping := frame(final|binaryFrame, []byte("\xc0\x00"))
		for i := range 20 {
			time.Sleep(6 * time.Second)
			cut := i % len(ping)
			nc.Write(ping[:cut])
			time.Sleep(6 * time.Second)
			nc.Write(ping[cut:])
			c.script("< d0:")
		}
		_, d := c.endsAfter(time.Now())
		if d < 14*time.Second || d > 17*time.Second {
			t.Errorf("silence ended it after %v, want 15 s", d)
		}
	})
}

// A Client that stops reading holds up neither publishers nor the end.
func TestWebSocketDeafClient(t *testing.T) {
	st, address := startWebSocket(t, server.Options{}, server.ListenerConfig{})
	deaf, _ := dialWebSocket(t, address)
	p, _ := dialWebSocket(t, address)
	deaf.script("> 10: 'MQTT' 05 02 0000 00 'deaf' | 82: 0001 00 't' 00", "< 20: ??*16 | 90: 0001 00 00")
	p.script("> 10: 'MQTT' 04 02 0000 'p'", "< 20: 00 00")
	payload := strings.Repeat("x", 100_000)
	for range 100 { // 10 MB: more than any buffer takes
		p.script("> 32: 't' 0001 \""+payload+"\"", "< 40: 0001")
	}
	begin := time.Now()
	p.nc.Close()
	st.stop()
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the end took %v", d)
	}
}

// The log has a line for who wanted MQTT and did not get it, and none for who just looked.
func TestWebSocketLog(t *testing.T) {
	var log lines
	st, address := startWebSocket(t, server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, server.ListenerConfig{})
	looks := dial(t, address).nc
	io.WriteString(looks, "GET / HTTP/1.1\r\nHost: station\r\n\r\n")
	io.ReadAll(looks)
	r, _ := request(t, dial(t, address).nc, "/mqtt", wantMQTT, "Origin: https://evil.example")
	io.ReadAll(r.Body)
	eventually(t, "the refusal is logged", func() bool { return strings.Contains(log.String(), "client refused") })
	st.stop()
	if got := log.String(); strings.Count(got, "client refused") != 1 || !strings.Contains(got, `https://evil.example`) {
		t.Errorf("log\n%s", got)
	}
	if got := st.server.Stats().Refused; got != 1 {
		t.Errorf("%d refusals counted, want 1", got)
	}
}

// Messages for one subscriber that are ready together leave in one frame, also if they came in one frame each.
func TestWebSocketCoalesces(t *testing.T) {
	const messages = 50
	for name, sent := range map[string][]byte{
		"one frame":        frame(final|binaryFrame, bytes.Repeat([]byte(publishT), messages)),
		"a frame for each": bytes.Repeat(frame(final|binaryFrame, []byte(publishT)), messages),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server.Limits{}, server.ListenerConfig{WebSocket: &server.WebSocket{Path: "/mqtt"}}, func(t *testing.T, p *pipes) {
				w := upgrade(t, p.dial(t).nc)
				(&peer{t, w}).script("> 10: 'MQTT' 04 02 0000 'a' | 82: 0001 't' 00", "< 20: 00 00 | 90: 0001 00")
				go w.Conn.Write(sent)
				synctest.Wait()
				if n := w.countFrames(t, messages*len(publishT)); n > messages/10 {
					t.Errorf("%d frames for %d messages", n, messages)
				}
			})
		})
	}
}

// countFrames reads a number of bytes and tells in how many frames they came.
func (w *webSocket) countFrames(t *testing.T, size int) (frames int) {
	for got := 0; got < size; frames++ {
		if err := w.nextFrame(); err != nil {
			t.Fatal(err)
		}
		got += w.left
		io.CopyN(io.Discard, w.in, int64(w.left))
		w.left = 0
	}
	return frames
}
