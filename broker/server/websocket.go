package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// WebSocket makes a listener one for MQTT over WebSocket (section 6). Each Network Connection begins with one HTTP
// request, which is handled by the goroutine of the connection and within the bounds of one that has not said who it
// is: Limits.Connect, and 8 KiB.
type WebSocket struct {
	Path string // at which MQTT is spoken: "/mqtt"

	// Origins are the pages that may connect beside those of this very host and port: "https://dash.example.org".
	// "*" are all. Where anybody may come in, and without TLS, this host is meant by its address, not by a name.
	// A Client that is no browser names no origin, and is not asked for one.
	Origins []string
}

// subprotocols are the words for MQTT over WebSocket: that of the specification [MQTT-6.0.0-4], and mosquitto's for 3.1.
var subprotocols = []string{"mqtt", "mqttv3.1"}

const (
	// requestSize bounds the HTTP request, in bytes.
	requestSize = 8 << 10
	// frameBuffer is what a WebSocket reads and writes through, in bytes. It holds them for good, one each.
	frameBuffer = 2 << 10
)

// errAnswered means that somebody asked for something else than MQTT, and has the answer. It is no news.
var errAnswered = errors.New("an HTTP request that has been answered")

// upgrade answers the HTTP request that a WebSocket begins with. Without an error the stream is open.
func (s *stream) upgrade(w *WebSocket) error {
	bounded := &io.LimitedReader{R: s.Conn, N: requestSize}
	a := &answer{stream: s, in: bufio.NewReaderSize(bounded, frameBuffer), header: http.Header{}}
	r, err := http.ReadRequest(a.in)
	switch {
	case err == nil:
		return a.serve(w, r)
	case bounded.N == 0:
		return a.refuse(nil, http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the request is longer than %d bytes", requestSize))
	case malformed(err):
		return a.refuse(nil, http.StatusBadRequest, "not an HTTP request: MQTT is spoken over WebSocket here")
	}
	return err
}

// malformed tells whether an error of reading a request lies in what was read, and not in reading.
func malformed(err error) bool {
	var timeout net.Error
	return !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &timeout)
}

// serve finds what was asked for.
func (a *answer) serve(w *WebSocket, r *http.Request) error {
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	switch {
	case r.URL.Path == w.Path && upgrade:
		return a.accept(w, r)
	case r.URL.Path == w.Path:
		a.header.Set("Upgrade", "websocket")
		http.Error(a, "MQTT is spoken over WebSocket here", http.StatusUpgradeRequired)
	case upgrade:
		return a.refuse(r, http.StatusNotFound, fmt.Sprintf("a WebSocket at %.100q: MQTT is at %q", r.URL.Path, w.Path))
	case r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		fmt.Fprintf(a, "This is Skerry. MQTT over WebSocket is at %s.\n", w.Path)
	default:
		http.Error(a, "not found", http.StatusNotFound)
	}
	return a.send(r)
}

// accept makes the connection a WebSocket, or says why not.
func (a *answer) accept(w *WebSocket, r *http.Request) error {
	if origin := r.Header.Get("Origin"); !w.welcomes(origin, r.Host, loopback(a.stream), a.stream.anybody) {
		return a.refuse(r, http.StatusForbidden, fmt.Sprintf("a page of %.100q may not connect (hint: name it in origins)", origin))
	}
	if !slices.ContainsFunc(offered(r), known) {
		return a.refuse(r, http.StatusBadRequest, "a WebSocket without the subprotocol mqtt [MQTT-6.0.0-3]")
	}
	ws, err := websocket.Accept(a, r, &websocket.AcceptOptions{Subprotocols: subprotocols, InsecureSkipVerify: true,
		OnPingReceived: func(_ context.Context, payload []byte) bool {
			a.stream.pinged(payload)
			return false
		}})
	if err != nil {
		a.send(r) // the library has put the reason into it
		return err
	}
	ws.SetReadLimit(-1) // packets are bounded, not messages: any number of packets may come in one
	a.stream.open(ws, a.in)
	return nil
}

// offered lists the subprotocols of a request.
func offered(r *http.Request) []string {
	var all []string
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for word := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(word))
		}
	}
	return all
}

func known(subprotocol string) bool {
	return slices.ContainsFunc(subprotocols, func(s string) bool { return strings.EqualFold(s, subprotocol) })
}

// welcomes tells whether the pages of an origin may connect. Else any page that somebody opens in a browser could
// reach a broker that trusts the machine of that browser. For the same reason a name is not enough by which this
// machine reaches itself: the owner of a page can have any name of his own lead here. Nor is it where anybody may come in without TLS:
// only an address cannot be made to lead elsewhere.
func (w *WebSocket) welcomes(origin, host string, loopback, anybody bool) bool {
	if origin == "" || slices.Contains(w.Origins, "*") {
		return true
	}
	if slices.ContainsFunc(w.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, host) {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case loopback:
		return u.Hostname() == "localhost" || ip.IsLoopback()
	case anybody:
		return ip != nil
	}
	return true
}

// loopback tells whether a connection has not left this machine.
func loopback(nc net.Conn) bool {
	tcp, ok := nc.LocalAddr().(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
