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
	File string `arg:"" help:"Configuration file."`
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
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row(w, "gateway", "%s at %s, board %s", cfg.Gateway.ID, cfg.Gateway.Site, cfg.Gateway.Board)
	row(w, "storage", "%s, readings wait at most %s", cfg.Storage.Path, config.FormatDuration(cfg.Storage.CommitWindow))
	for _, l := range cfg.Broker.Listeners {
		row(w, "listener "+l.Name, "%s, %s", l.TCP, admission(l, cfg.Broker))
	}
	for _, s := range cfg.Sensors {
		sensor(w, s)
	}
	if len(cfg.Uplinks) > 0 {
		for _, s := range cfg.Streams {
			row(w, "stream "+s.Name, "%s", strings.Join(s.Match, " "))
		}
	}
	for _, u := range cfg.Uplinks {
		uplink(w, u)
	}
	return w.Flush()
}

func row(w io.Writer, head, format string, args ...any) {
	fmt.Fprintf(w, "%s\t%s\n", head, fmt.Sprintf(format, args...))
}

// admission says who may come in by a listener, and what others can see.
func admission(l config.Listener, b config.Broker) string {
	var who []string
	if b.UsersFile != "" {
		who = append(who, "users of "+b.UsersFile)
	}
	if l.Anonymous {
		who = append(who, "anybody")
	}
	text := "for " + strings.Join(who, " and ")
	switch {
	case l.TLS != nil:
		return "TLS, " + text
	case !l.Local():
		return text + ", no TLS: passwords and payloads can be read on the network"
	}
	return text
}

func sensor(w io.Writer, s config.Sensor) {
	about := s.Driver
	if s.Bus != "" {
		about += " on " + s.Bus
	}
	about += fmt.Sprintf(", every %s, QoS %d", config.FormatDuration(s.Every), s.QoS)
	if s.Retain {
		about += ", retained"
	}
	row(w, "sensor "+s.Name, "%s", about)
	var together []string
	for _, v := range s.Values {
		if v.Topic == "" {
			together = append(together, named(v))
			continue
		}
		row(w, "", "%s: %s", v.Topic, named(v))
	}
	if together != nil {
		row(w, "", "%s: %s", s.Topic, strings.Join(together, ", "))
	}
}

// named is a value with its unit.
func named(v config.Value) string {
	if v.Unit == "" {
		return v.Name
	}
	return v.Name + " in " + v.Unit
}

func uplink(w io.Writer, u config.Uplink) {
	servers := make([]string, len(u.Servers))
	for i, s := range u.Servers {
		servers[i] = s.String()
	}
	row(w, "uplink "+u.Name, "%s", strings.Join(servers, ", then "))
	as := ""
	if u.User != "" {
		as = ", user " + u.User
	}
	row(w, "", "MQTT %v, ClientID %s%s", u.Version, u.ClientID, as)
	row(w, "", "sends %s as %sTOPIC", strings.Join(u.Carry, ", "), u.Prefix)
	for _, r := range u.Receive {
		row(w, "", "receives %s as %s", r.Filter, r.Local)
	}
}
