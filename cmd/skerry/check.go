package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"skerry/edge"
	"skerry/edge/config"
	"skerry/edge/hass"
)

// checkCmd is the verb check.
type checkCmd struct {
	Scenario string `placeholder:"FILE" help:"Check a scenario for this configuration too: see run --scenario."`
	File     string `arg:"" optional:"" default:"/etc/skerry/skerry.yaml" help:"Configuration file (default: ${default})."`
}

// Help stands behind the flags.
func (*checkCmd) Help() string {
	return "What it will cost on the links says `skerry explain`. Exit status 78: something is wrong with the file."
}

// Run prints what the file means, or all that is wrong with it.
func (c *checkCmd) Run() error {
	cfg, err := load(c.File)
	if err != nil {
		return err
	}
	played, err := simulation{Scenario: c.Scenario}.load(c.File)
	if err != nil {
		return err
	}
	cfg.Scenario = played.Scenario
	fmt.Printf("%s: ok\n", c.File)
	for _, e := range cfg.Exposed() {
		fmt.Fprintf(os.Stderr, "%s: every user of this machine can %s it (hint: chmod o-%s %[1]s)\n", e.Path, e.May, e.May[:1])
	}
	for _, d := range cfg.Doubled() {
		fmt.Fprintf(os.Stderr, "uplinks.%s.carry: stream %s: %s gets it from uplink %s too, under the same topics (hint: for another way to it give one uplink several links; else another prefix)\n",
			d.Uplinks[1], d.Stream, d.Server, d.Uplinks[0])
	}
	home, err := hass.New(cfg, version)
	if err != nil {
		return err
	}
	for _, n := range home.Notes {
		fmt.Fprintln(os.Stderr, n)
	}
	return summary(os.Stdout, cfg, home)
}

// summary writes what a configuration comes to, without secrets: a line for each thing, with lines below that belong to it.
func summary(out io.Writer, cfg *config.Config, home *hass.Plan) error {
	s := sheet{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	s.row("gateway", "%s at %s, board %s", cfg.Gateway.ID, cfg.Gateway.Site, cfg.Gateway.Board)
	if cfg.Scenario != nil {
		s.scenario(cfg.Scenario)
	}
	s.storage(cfg)
	for _, l := range cfg.Broker.Listeners {
		s.listener(l)
	}
	for _, f := range cfg.Broker.Filters {
		s.row("filter "+f.Name, "%s, when %s", strings.Join(f.Match, " "), strings.Join(strings.Fields(f.When.Text), " "))
	}
	if m := cfg.Broker.Metrics; m != nil {
		s.row("metrics", "http://%s/metrics, for anybody", m.HTTP)
	}
	for _, sensor := range cfg.Sensors {
		s.sensor(sensor)
	}
	for _, o := range cfg.Outputs {
		s.output(o)
	}
	for _, a := range cfg.Alarms {
		s.alarm(a)
	}
	if len(cfg.Uplinks) > 0 {
		for _, stream := range cfg.Streams {
			s.row("stream "+stream.Name, "%s%s", strings.Join(stream.Match, " "), thinning(stream))
		}
	}
	for _, u := range cfg.Uplinks {
		s.uplink(u)
	}
	if home.To != "" {
		s.row("home assistant", "by %s: %d devices with %d entities, under %s", way(home.To), len(home.Documents), home.Entities, cfg.HomeAssistant.Prefix)
	}
	return s.Flush()
}

// way is the broker that Home Assistant is at.
func way(to string) string {
	if to == config.LocalBroker {
		return "the local broker"
	}
	return "uplink " + to
}

// sheet is a table of two columns: what it is, and what is said of it.
type sheet struct{ *tabwriter.Writer }

func (s sheet) row(head, format string, args ...any) {
	fmt.Fprintf(s, "%s\t%s\n", head, fmt.Sprintf(format, args...))
}

// scenario says what simulated devices play.
func (s sheet) scenario(c *config.Scenario) {
	s.row("scenario", "%s, a day in %s", c.Path, (time.Duration(float64(24*time.Hour) / c.Speed)).Round(time.Second))
	for _, d := range c.Devices {
		s.row("", "device %s: %s, every %s", d.Name, d.Topic, config.FormatDuration(d.Every))
	}
	for _, f := range c.Faults {
		what := strings.TrimSpace(string(f.Kind) + " " + f.Of)
		if f.For > 0 {
			what += " for " + config.FormatDuration(f.For)
		}
		s.row("", "fault %s: %s, %s", f.Name, what, f.At)
	}
}

// storage says how long readings may wait to be written, and what gives way when there is too much.
func (s sheet) storage(cfg *config.Config) {
	c := cfg.Storage
	about := "each reading is written at once"
	if c.CommitWindow > 0 {
		about = "readings wait at most " + config.FormatDuration(c.CommitWindow)
		if len(cfg.Uplinks) > 0 {
			about += "; while an uplink is online, for its acknowledgement, at most " + config.FormatDuration(max(c.CommitWindow, edge.LongestWindow))
		}
	}
	s.row("storage", "%s, %s", c.Path, about)
	s.row("", "at most %s, when full: %s", limits(c.Limit, c.Messages, c.Age, "messages that wait"), c.WhenFull)
	if q := cfg.Broker.Limits.Queue; q.Bytes > 0 || q.Messages > 0 || q.Age > 0 {
		s.row("each client", "at most %s, when full: %s", limits(q.Bytes, q.Messages, q.Age, "messages"), q.WhenFull)
	}
}

// limits names those that are set.
func limits(bytes config.Size, messages uint64, age time.Duration, what string) string {
	var parts []string
	if bytes > 0 {
		parts = append(parts, bytes.String())
	}
	if messages > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", messages, what))
	}
	if age > 0 {
		parts = append(parts, config.FormatDuration(age)+" old")
	}
	return strings.Join(parts, ", ")
}

// listener says who may come in, and what others can see.
func (s sheet) listener(l config.Listener) {
	if to := cmp.Or(l.MovedTo, l.UseOther); to != "" {
		s.row("listener "+l.Name, "%s, sends all clients to %s", l.Address(), to)
		return
	}
	about := "for " + strings.Join(admitted(l), " and ")
	if l.TLS != nil && l.TLS.ClientCA != "" && !l.ByCertificate() {
		about += ", with a certificate of " + l.TLS.ClientCA
	}
	if l.ACLFile != "" {
		about += ", rules of " + l.ACLFile
	}
	switch {
	case l.TLS != nil:
		about = "TLS, " + about
	case !l.Local():
		about += ", no TLS: passwords and payloads can be read on the network"
	}
	switch l.Kind() {
	case "http":
		about = "WebSocket at " + l.Path + ", " + about
	case "unix":
		about = fmt.Sprintf("mode %04o, %s", l.Mode, about)
	}
	s.row("listener "+l.Name, "%s, %s", l.Address(), about)
}

// admitted lists who may come in.
func admitted(l config.Listener) []string {
	if l.ByCertificate() {
		return []string{"certificates of " + l.TLS.ClientCA}
	}
	var who []string
	if l.UsersFile != "" {
		who = append(who, "users of "+l.UsersFile)
	}
	if l.ScramFile != "" {
		who = append(who, "users of "+l.ScramFile+" by SCRAM-SHA-256")
	}
	if l.Anonymous {
		who = append(who, "anybody")
	}
	return who
}

func (s sheet) sensor(c config.Sensor) {
	about := c.Driver
	if c.Bus != "" {
		about += " on " + c.Bus
	}
	about += ", every " + config.FormatDuration(c.Every)
	if c.Align == config.ToStart {
		about += " from the start"
	}
	about += fmt.Sprintf(", QoS %d", c.QoS)
	if c.Retain {
		about += ", retained"
	}
	if p := c.Power; p != nil {
		about += fmt.Sprintf(", fed by %s from %s before", p.Pin, config.FormatDuration(p.WarmUp))
	}
	s.row("sensor "+c.Name, "%s", about)
	var together []string
	for _, v := range c.Values {
		if about := describe(v, c); v.Topic == "" {
			together = append(together, about)
		} else {
			s.row("", "%s: %s", v.Topic, about)
		}
	}
	if together != nil {
		s.row("", "%s: %s", c.Topic, strings.Join(together, ", "))
	}
}

// describe says what a value is, and in which way it is not like the others of its sensor.
func describe(v config.Value, c config.Sensor) string {
	about := v.Name
	if v.Unit != "" {
		about += " in " + v.Unit
	}
	if v.Derive.Formula != nil {
		about += " = " + strings.Join(strings.Fields(v.Derive.Text), " ")
	}
	if v.Topic != "" && v.QoS != c.QoS {
		about += fmt.Sprintf(", QoS %d", v.QoS)
	}
	if v.Topic != "" && v.Retain != c.Retain {
		about += map[bool]string{true: ", retained", false: ", not retained"}[v.Retain]
	}
	return about
}

func (s sheet) alarm(a config.Alarm) {
	about := strings.Join(strings.Fields(a.When.Text), " ")
	if a.For > 0 {
		about += " for " + config.FormatDuration(a.For)
	}
	if a.Clear.Text != "" {
		about += ", until " + strings.Join(strings.Fields(a.Clear.Text), " ")
	}
	s.row("alarm "+a.Name, "%s: %s", a.Topic, about)
}

// clientTLS says what is not as usual.
func (s sheet) clientTLS(t config.ClientTLS) {
	if t.Max == "1.2" {
		s.row("", "TLS 1.2 at most: a resumed connect is 500 B smaller, and what is recorded can be read by who gets a session ticket")
	}
	if t.PostQuantum {
		s.row("", "TLS offers a post-quantum key exchange: 1.3 kB more for each connect")
	}
	switch t.Tickets {
	case config.TicketsInMemory:
		s.row("", "session tickets in memory: the first connect after a start is a full one")
	case config.NoTickets:
		s.row("", "no session tickets: each connect is a full one")
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
	s.links(u)
	s.row("", "MQTT %v, ClientID %s%s", u.Version, u.ClientID, as)
	if plain && u.PasswordFile != "" {
		s.row("", "no TLS: the password can be read on the way")
	}
	s.clientTLS(u.TLS)
	if len(u.Carry) > 0 {
		s.row("", "sends %s as %sTOPIC", strings.Join(u.Carry, ", "), u.Prefix)
	}
	if u.OnLostSession == config.GiveUp {
		s.row("", "gives up QoS 2 messages that the server had confirmed, and perhaps not passed on, when it has lost the session")
	}
	for _, r := range u.Receive {
		if r.Unpack {
			s.row("", "receives %s: what is in its blocks goes to %sTOPIC", r.Filter, strings.TrimSuffix(r.Local, "#"))
			continue
		}
		s.row("", "receives %s as %s", r.Filter, r.Local)
	}
}

// thinning says what of a stream leaves while a budget is tight.
func thinning(s config.Stream) string {
	if s.WhenTight == nil {
		return ""
	}
	return fmt.Sprintf(", while a budget is tight one message in %s of each topic", config.FormatDuration(s.WhenTight.Every))
}
