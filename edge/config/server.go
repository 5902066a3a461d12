package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Servers are the addresses of an uplink, tried in order. In the file one may stand alone.
type Servers []Server

// Server is one address of an uplink.
type Server struct {
	TLS  bool
	Host string // the name that the Server's certificate must bear
	Port int
}

// Address is host:port, as net.Dial wants it.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Local reports whether the server is on this machine.
func (s Server) Local() bool { return loopback(s.Address()) }

// String is the address as it is written.
func (s Server) String() string {
	if s.TLS {
		return "tls://" + s.Address()
	}
	return "tcp://" + s.Address()
}

const serverHint = "tls://HOST:8883 or tcp://HOST:1883"

// decodeNode reads one address or a list.
func (s *Servers) decodeNode(d *decoder, n *yaml.Node, path string) {
	d.items(n, path, "names no server", serverHint, func(item *yaml.Node) error {
		if item.Kind != yaml.ScalarNode || empty(item) {
			return &hinted{"wants an address, not " + kindOf(item), serverHint}
		}
		server, err := parseServer(item.Value)
		if err == nil && slices.Contains(*s, server) {
			return &hinted{server.String() + " is there already", "remove one"}
		}
		if err == nil {
			*s = append(*s, server)
		}
		return err
	})
}

// parseServer reads tls://host:port. Its errors show the address only when no password can stand in it.
func parseServer(text string) (Server, error) {
	if strings.Contains(text, "@") {
		return Server{}, &hinted{"an address holds no user and password", "user: NAME and password_file: PATH beside mqtt"}
	}
	scheme, address, ok := strings.Cut(text, "://")
	if !ok {
		return Server{}, &hinted{fmt.Sprintf("%q does not say how the server is reached", text), serverHint}
	}
	var s Server
	switch scheme {
	case "tcp", "mqtt":
		s.Port = 1883
	case "tls", "mqtts", "ssl":
		s.TLS, s.Port = true, 8883
	case "ws", "wss", "quic", "unix", "sbd":
		return Server{}, &hinted{scheme + ":// is not supported yet", serverHint}
	default:
		return Server{}, &hinted{fmt.Sprintf("%q is no way to reach a server", scheme+"://"), serverHint}
	}
	return s.at(strings.TrimSuffix(address, "/"))
}

// at sets host and port.
func (s Server) at(address string) (Server, error) {
	wrong := &hinted{fmt.Sprintf("%q is not the address of a server", address), serverHint}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if host, port, err = net.SplitHostPort(address + ":" + strconv.Itoa(s.Port)); err != nil {
			return Server{}, wrong
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !hostName(host) {
		return Server{}, wrong
	}
	s.Host, s.Port = host, int(n)
	return s, nil
}

// hostName reports whether a text can be a host's name or address.
func hostName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && len(host) <= 253 && !strings.ContainsFunc(host, func(r rune) bool { return !nameRune(r) && r != '.' })
}
