package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"

	"skerry/edge"
	"skerry/edge/config"
)

// runCmd is the verb run.
type runCmd struct {
	Show bool   `help:"Show every message of the broker on standard output: topic and payload."`
	File string `arg:"" optional:"" default:"/etc/skerry/skerry.yaml" help:"Configuration file (default: ${default})."`
}

// Run runs the station that the file describes until ctx ends.
func (c *runCmd) Run(ctx context.Context) error {
	cfg, err := load(c.File)
	if err != nil {
		return err
	}
	lines := newLineQueue(os.Stderr)
	defer lines.Close()
	o := edge.Options{Log: slog.New(slog.NewTextHandler(lines, nil))}
	if c.Show {
		o.Show = os.Stdout
	}
	g, err := edge.New(cfg, o)
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-g.Listening():
			fmt.Fprint(lines, pointer(cfg, g))
		case <-ctx.Done():
		}
	}()
	return g.Run(ctx)
}

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
	host, port, _ := net.SplitHostPort(g.Address(l.Name).String())
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return fmt.Sprintf("\nTo see what is published here, on listener %s:\n  %s\n  %s\n\n", l.Name, mosquittoSub(l, host, port), skerrySub(l, host, port))
}

// mosquittoSub is the command line for the client that most people have.
func mosquittoSub(l config.Listener, host, port string) string {
	line := fmt.Sprintf("mosquitto_sub -h %s -p %s -t '#' -v", host, port)
	if !l.Anonymous {
		line += " -u USER -P PASSWORD"
	}
	if l.TLS != nil {
		line += " --cafile " + l.TLS.Cert
	}
	return line
}

// skerrySub is the command line for the client that is here already.
func skerrySub(l config.Listener, host, port string) string {
	scheme := "mqtt"
	if l.TLS != nil {
		scheme = "mqtts"
	}
	line := fmt.Sprintf("%s sub -s %s://%s -t '#' -v", os.Args[0], scheme, net.JoinHostPort(host, port))
	if !l.Anonymous {
		line += " --user USER --password-file FILE"
	}
	if l.TLS != nil {
		line += " --cafile " + l.TLS.Cert
	}
	return line
}
