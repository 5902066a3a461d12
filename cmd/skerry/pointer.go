package main

import (
	"fmt"
	"net"
	"os"

	"skerry/edge"
	"skerry/edge/config"
)

// pointer says how to see what a station publishes: by the first listener that a program on this machine can use.
func pointer(cfg *config.Config, g *edge.Gateway) string {
	if len(cfg.Broker.Listeners) == 0 {
		return ""
	}
	l := cfg.Broker.Listeners[0]
	for _, other := range cfg.Broker.Listeners {
		if other.Anonymous && other.TLS == nil {
			l = other
			break
		}
	}
	lines := skerrySub(l, g.Address(l.Name))
	if l.Kind() != "http" { // Debian's mosquitto_sub has no WebSocket
		lines = mosquittoSub(l, g.Address(l.Name)) + "\n  " + lines
	}
	return fmt.Sprintf("\nTo see what is published here, on listener %s:\n  %s\n\n", l.Name, lines)
}

// hostPort is how a program on this machine reaches an address.
func hostPort(a net.Addr) (host, port string) {
	host, port, _ = net.SplitHostPort(a.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return host, port
}

// mosquittoSub is the command line for the client that most people have.
func mosquittoSub(l config.Listener, a net.Addr) string {
	host, port := hostPort(a)
	line := fmt.Sprintf("mosquitto_sub -h %s -p %s -t '#' -v", host, port)
	if l.Kind() == "unix" {
		line = fmt.Sprintf("mosquitto_sub --unix %s -t '#' -v", a)
	}
	if !l.Anonymous && !l.ByCertificate() {
		line += " -u USER -P PASSWORD"
	}
	if l.TLS != nil {
		line += " --cafile " + l.TLS.Cert
	}
	return line + clientCertificate(l)
}

// skerrySub is the command line for the client that is here already.
func skerrySub(l config.Listener, a net.Addr) string {
	host, port := hostPort(a)
	scheme := map[string]string{"tcp": "mqtt", "http": "ws"}[l.Kind()]
	if l.TLS != nil {
		scheme += "s"
	}
	server := scheme + "://" + net.JoinHostPort(host, port)
	switch l.Kind() {
	case "unix":
		server = "unix://" + a.String()
	case "http":
		server += l.Path
	}
	line := fmt.Sprintf("%s sub -s %s -t '#' -v", os.Args[0], server)
	if !l.Anonymous && !l.ByCertificate() {
		line += " --user USER --password-file FILE"
	}
	if l.TLS != nil {
		line += " --cafile " + l.TLS.Cert
	}
	return line + clientCertificate(l)
}

func clientCertificate(l config.Listener) string {
	if l.TLS == nil || l.TLS.ClientCA == "" {
		return ""
	}
	return " --cert CERT --key KEY"
}
