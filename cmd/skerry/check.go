package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"skerry/edge/config"
)

// checkCmd is the verb check.
type checkCmd struct {
	File string `arg:"" optional:"" default:"/etc/skerry/skerry.yaml" help:"Configuration file (default: ${default})."`
}

// Run prints what the file means, or all that is wrong with it.
func (c *checkCmd) Run() error {
	cfg, err := load(c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: ok\n", c.File)
	return summary(os.Stdout, cfg)
}

// summary writes what a configuration comes to, without secrets: a line for each thing, with lines below that belong to it.
func summary(out io.Writer, cfg *config.Config) error {
	s := sheet{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	s.row("gateway", "%s at %s, board %s", cfg.Gateway.ID, cfg.Gateway.Site, cfg.Gateway.Board)
	s.row("storage", "%s, readings wait at most %s", cfg.Storage.Path, config.FormatDuration(cfg.Storage.CommitWindow))
	for _, l := range cfg.Broker.Listeners {
		s.listener(l, cfg.Broker.UsersFile)
	}
	for _, sensor := range cfg.Sensors {
		s.sensor(sensor)
	}
	if len(cfg.Uplinks) > 0 {
		for _, stream := range cfg.Streams {
			s.row("stream "+stream.Name, "%s", strings.Join(stream.Match, " "))
		}
	}
	for _, u := range cfg.Uplinks {
		s.uplink(u)
	}
	return s.Flush()
}

// sheet is a table of two columns: what it is, and what is said of it.
type sheet struct{ *tabwriter.Writer }

func (s sheet) row(head, format string, args ...any) {
	fmt.Fprintf(s, "%s\t%s\n", head, fmt.Sprintf(format, args...))
}

// listener says who may come in, and what others can see.
func (s sheet) listener(l config.Listener, usersFile string) {
	var who []string
	if usersFile != "" {
		who = append(who, "users of "+usersFile)
	}
	if l.Anonymous {
		who = append(who, "anybody")
	}
	about := "for " + strings.Join(who, " and ")
	switch {
	case l.TLS != nil:
		about = "TLS, " + about
	case !l.Local():
		about += ", no TLS: passwords and payloads can be read on the network"
	}
	s.row("listener "+l.Name, "%s, %s", l.TCP, about)
}

func (s sheet) sensor(c config.Sensor) {
	about := c.Driver
	if c.Bus != "" {
		about += " on " + c.Bus
	}
	about += fmt.Sprintf(", every %s, QoS %d", config.FormatDuration(c.Every), c.QoS)
	if c.Retain {
		about += ", retained"
	}
	s.row("sensor "+c.Name, "%s", about)
	var together []string
	for _, v := range c.Values {
		name := v.Name
		if v.Unit != "" {
			name += " in " + v.Unit
		}
		if v.Topic == "" {
			together = append(together, name)
		} else {
			s.row("", "%s: %s", v.Topic, name)
		}
	}
	if together != nil {
		s.row("", "%s: %s", c.Topic, strings.Join(together, ", "))
	}
}

func (s sheet) uplink(u config.Uplink) {
	servers := make([]string, len(u.Servers))
	plain := false
	for i, server := range u.Servers {
		servers[i] = server.String()
		plain = plain || !server.TLS
	}
	s.row("uplink "+u.Name, "%s", strings.Join(servers, ", then "))
	as := ""
	if u.User != "" {
		as = ", user " + u.User
	}
	s.row("", "MQTT %v, ClientID %s%s", u.Version, u.ClientID, as)
	if plain && u.PasswordFile != "" {
		s.row("", "no TLS: the password can be read on the way")
	}
	s.row("", "sends %s as %sTOPIC", strings.Join(u.Carry, ", "), u.Prefix)
	for _, r := range u.Receive {
		s.row("", "receives %s as %s", r.Filter, r.Local)
	}
}
