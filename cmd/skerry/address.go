package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"skerry/edge/config"
)

// address is the URL of a server, as in a configuration, or one of a WebSocket or a Unix socket.
type address struct {
	config.Server
	path   string // of a WebSocket, else ""
	socket string // path of a Unix socket, else ""
}

// UnmarshalText reads mqtt://host:port and its relatives.
func (a *address) UnmarshalText(text []byte) (err error) {
	scheme, rest, _ := strings.Cut(string(text), "://")
	switch {
	case scheme == "unix":
		if *a = (address{socket: rest}); rest == "" {
			err = errors.New("which socket? (hint: unix:///run/skerry/mqtt.sock)")
		}
		return err
	case strings.Contains(string(text), "@"):
		return errors.New("a server's address holds no user and password (hint: --user NAME and --password-file FILE)")
	case scheme == "ws" || scheme == "wss":
		return a.webSocket(scheme, rest)
	}
	*a = address{}
	a.Server, err = config.ParseServer(string(text))
	return err
}

// webSocket reads HOST[:PORT][/PATH]. The port is that of the web.
func (a *address) webSocket(scheme, rest string) (err error) {
	secure := map[string]string{"ws": "tcp", "wss": "tls"}[scheme]
	usual := map[string]string{"ws": "80", "wss": "443"}[scheme]
	host, path, _ := strings.Cut(rest, "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		host += ":" + usual
	}
	*a = address{path: "/" + cmp.Or(path, "mqtt")}
	if a.Server, err = config.ParseServer(secure + "://" + host); err != nil {
		return fmt.Errorf("%q is not the address of a WebSocket (hint: %s://HOST:8080/mqtt)", scheme+"://"+rest, scheme)
	}
	return nil
}

// String is the address as it is written.
func (a address) String() string {
	switch {
	case a.socket != "":
		return "unix://" + a.socket
	case a.path != "" && a.TLS:
		return "wss://" + a.Address() + a.path
	case a.path != "":
		return "ws://" + a.Address() + a.path
	}
	return a.Server.String()
}

// dialWebSocket connects and shakes hands. The answer of a server that does not want to is part of the error.
func dialWebSocket(ctx context.Context, a address, c *tls.Config) (net.Conn, error) {
	ws, answer, err := websocket.Dial(ctx, a.String(), &websocket.DialOptions{
		Subprotocols: []string{"mqtt"},
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: c}},
	})
	if err != nil {
		if answer == nil {
			return nil, err
		}
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return nil, fmt.Errorf("the server answers %s: %q", answer.Status, strings.TrimSpace(string(why)))
	}
	return websocket.NetConn(context.WithoutCancel(ctx), ws, websocket.MessageBinary), nil
}
