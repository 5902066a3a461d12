package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"skerry/edge/config"
	"skerry/edge/cost"
)

// explainCmd is the verb explain.
type explainCmd struct {
	What   string `arg:"" optional:"" placeholder:"SENSOR|STREAM" help:"One sensor, value, alarm, output or stream, in detail."`
	Config string `default:"/etc/skerry/skerry.yaml" placeholder:"FILE" help:"Configuration file (${default})."`
	JSON   bool   `name:"json" help:"One JSON object with all figures."`
}

// Help stands behind the flags.
func (*explainCmd) Help() string {
	return `Nothing is sent, and no device is touched: a usual day is played, and what would leave is reckoned. The first of two figures is
typical, the second the worst: no deadband keeps anything back, all alarms are raised each hour, the connection is lost each hour. Bytes are those of IP packets
in both directions. A month has 30 days. Each link is reckoned as if it were in use all the time. What is assumed is in docs/explain.md.
Warnings are on standard error, as those of check are.`
}

// Run prints the forecast.
func (c *explainCmd) Run() error {
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	f, err := cost.New(cfg, version, machine())
	if err != nil {
		return err
	}
	if c.What != "" {
		if err := one(f, cfg, c.What); err != nil {
			return err
		}
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetEscapeHTML(false)
		return e.Encode(f)
	}
	if c.What != "" {
		err = showOne(os.Stdout, f)
	} else {
		err = showForecast(os.Stdout, f)
	}
	for _, n := range f.Notes {
		fmt.Fprintln(os.Stderr, n)
	}
	return err
}

// kernelStamps is where the kernel says whether packets of TCP have time stamps. Tests do without, and so have them.
var kernelStamps = "/proc/sys/net/ipv4/tcp_timestamps"

// machine is what of this one a forecast hangs on.
func machine() cost.Machine {
	text, err := os.ReadFile(kernelStamps)
	return cost.Machine{NoTimeStamps: err == nil && strings.TrimSpace(string(text)) == "0"}
}

// one leaves of a forecast what is about one thing.
func one(f *cost.Forecast, cfg *config.Config, what string) error {
	stream := slices.ContainsFunc(cfg.Streams, func(s config.Stream) bool { return s.Name == what })
	is := func(name, origin string) bool {
		return what == name || what == origin || strings.HasSuffix(origin, " "+what)
	}
	var names []string
	for _, v := range f.Values {
		names = append(names, v.Name, v.Origin)
	}
	for _, s := range cfg.Streams {
		names = append(names, s.Name)
	}
	f.Values = slices.DeleteFunc(f.Values, func(v cost.Value) bool {
		return !is(v.Name, v.Origin) && !(stream && slices.ContainsFunc(v.Streams, func(s string) bool { return strings.HasSuffix(s, "/"+what) }))
	})
	if len(f.Values) == 0 && !stream {
		slices.Sort(names)
		return fmt.Errorf("nothing is called %q here (hint: %s)", what, strings.Join(slices.Compact(names), ", "))
	}
	known := map[string]bool{}
	for _, v := range f.Values {
		known[v.Name] = true
	}
	for i := range f.Uplinks {
		for k := range f.Uplinks[i].Links {
			l := &f.Uplinks[i].Links[k]
			l.Streams = slices.DeleteFunc(l.Streams, func(s cost.Stream) bool {
				return s.Name != what && (stream || !slices.ContainsFunc(s.Parts, func(p cost.Part) bool { return known[p.Name] }))
			})
			for n := range l.Streams {
				if !stream {
					l.Streams[n].Parts = slices.DeleteFunc(l.Streams[n].Parts, func(p cost.Part) bool { return !known[p.Name] })
				}
			}
		}
	}
	f.Notes = slices.DeleteFunc(f.Notes, func(n *config.Error) bool { return !strings.HasPrefix(n.Key, "streams."+what+".") })
	f.Warnings = []string{}
	for _, n := range f.Notes {
		f.Warnings = append(f.Warnings, n.Error())
	}
	return nil
}

// showForecast prints all of it: a table for each link, and one of the values for the first of each uplink.
func showForecast(w io.Writer, f *cost.Forecast) error {
	var b strings.Builder
	for i := range f.Uplinks {
		u := &f.Uplinks[i]
		for k := range u.Links {
			l := &u.Links[k]
			fmt.Fprintf(&b, "uplink %s over link %s: %s\n", u.Name, l.Name, linkText(u, l))
			linkTable(l).write(&b)
			b.WriteString(billText(u, l))
			b.WriteString(serverText(l))
			b.WriteString(stampsText(f, l))
			b.WriteString("\n")
		}
		if g := valueTable(&u.Links[0]); len(g.rows) > 1 { // there is one at least
			g.write(&b)
			b.WriteString("\n")
		}
	}
	if len(f.Uplinks) == 0 {
		b.WriteString("nothing leaves this site: there is no uplink\n")
	} else {
		b.WriteString("Figures are typical ones of a day; WORST is the worst of the column before it: docs/explain.md\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// linkText says how a link is used.
func linkText(u *cost.Uplink, l *cost.Link) string {
	text := l.Kind
	switch l.Session {
	case "always":
		text += ", always connected"
	case "schedule":
		text += ", by its schedule"
	default:
		text += ", on demand"
	}
	if !u.TLS {
		text += ", no TLS"
	}
	text += ", MQTT " + u.Version
	if l.Price != "" {
		text += ", " + l.Price
	}
	return text
}

// rough is how often something happens, with as many digits as make sense.
func rough(n float64) string {
	switch {
	case n == 0:
		return "-"
	case n < 0.095:
		return fmt.Sprintf("%.2f", n)
	case n < 9.95:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0")
	}
	return grouped(int(n + 0.5))
}

// roughly is about so many of something.
func roughly(n float64, what string) string {
	if text := rough(n); text != "1" {
		return text + " " + what + "s"
	}
	return "1 " + what
}

func bytesOf(n float64) string {
	if n == 0 {
		return "-"
	}
	return size(n)
}

// figuresOf are the columns that all tables end with: bytes of a day and a month, typically and at worst.
func figuresOf(r cost.Range) []string {
	return []string{bytesOf(r.Typical), bytesOf(r.Worst), bytesOf(cost.Days * r.Typical), bytesOf(cost.Days * r.Worst)}
}

// linkTable is what a link carries.
func linkTable(l *cost.Link) *grid {
	g := newGrid("<STREAM", "<CLASS", "<ENCODE", ">MESSAGES", ">WORST", ">EACH", ">BYTES/DAY", ">WORST", ">BYTES/MONTH", ">WORST")
	for i := range l.Streams {
		s := &l.Streams[i]
		row := []string{s.Name, s.Class, s.Encode, rough(s.Messages.Typical), rough(s.Messages.Worst), "-"}
		if s.Messages.Typical > 0 {
			row[5] = bytesOf(s.Bytes.Typical / s.Messages.Typical)
		}
		switch {
		case !s.Carried:
			row = []string{s.Name, s.Class, s.Encode, "not over this link"}
		case s.Pair != "":
			row = []string{s.Name, s.Class, s.Encode, "with " + s.Pair + ", after an outage"}
		default:
			row = append(row, figuresOf(s.Bytes)...)
		}
		g.row(row...)
	}
	extra := func(name string, n, bytes cost.Range) {
		if bytes.Worst == 0 {
			return
		}
		each := "-"
		if n.Typical > 0 {
			each = bytesOf(bytes.Typical / n.Typical)
		}
		g.row(append([]string{name, "", "", rough(n.Typical), rough(n.Worst), each}, figuresOf(bytes)...)...)
	}
	extra("(connecting)", l.Connects, l.Connecting)
	extra("(keep-alive)", l.Pings, l.Pinging)
	extra("(rounding)", cost.Range{}, l.Rounding)
	g.row(append([]string{"all", "", "", "", "", ""}, figuresOf(l.Total)...)...)
	return g
}

// billText says what it costs, and how much of a budget that is.
func billText(u *cost.Uplink, l *cost.Link) (text string) {
	for _, a := range l.Budget {
		text += fmt.Sprintf("budget: %s a %s, of which %.0f %% will be used, %.0f %% at worst\n", size(float64(a.Bytes)), a.Period,
			100*a.Used.Typical/float64(a.Bytes), 100*a.Used.Worst/float64(a.Bytes))
	}
	if l.Currency != "" {
		text += fmt.Sprintf("price: %.2f %s a month, %.2f %s at worst\n", l.Cost.Typical, l.Currency, l.Cost.Worst, l.Currency)
	}
	for i := range l.Streams {
		if s := &l.Streams[i]; s.Foreign && !s.Expected && s.Carried && s.Pair == "" {
			text += fmt.Sprintf("not counted: what other clients publish into stream %s\n", s.Name)
		}
	}
	if u.Receive {
		text += "not counted: what comes from the server by receive\n"
	}
	return text
}

// serverText is what the server bills by message.
func serverText(l *cost.Link) (text string) {
	b := l.Bill
	if b == nil {
		return ""
	}
	text = fmt.Sprintf("server's bill: %s messages a day of up to %s, %s at worst", rough(b.Messages.Typical), size(float64(b.Step)), rough(b.Messages.Worst))
	if b.Minutes.Typical > 0 && b.Cost.Worst > 0 {
		text += fmt.Sprintf("; %s minutes", rough(b.Minutes.Typical))
	}
	text += "\n"
	if b.Retained.Typical > 0 {
		text += fmt.Sprintf("  %s of them because it bills what is retained twice: retain: false\n", rough(b.Retained.Typical))
	}
	if b.Cost.Worst > 0 {
		text += fmt.Sprintf("  %.2f %s a month, %.2f %s at worst\n", b.Cost.Typical, b.Currency, b.Cost.Worst, b.Currency)
	}
	if b.Daily > 0 {
		text += fmt.Sprintf("  %s of the %s a day that are paid for together, for all devices\n", percent(b.Messages.Typical/float64(b.Daily)), grouped(b.Daily))
	}
	for i := range l.Streams {
		text += cheapText(b, &l.Streams[i])
	}
	return text
}

// percent is a part of a whole.
func percent(part float64) string {
	if part < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*part)
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// cheapText says how a stream would be cheaper at a server that bills by message.
func cheapText(b *cost.Bill, s *cost.Stream) string {
	packed, leaves := b.Packed[s.Name]
	switch {
	case leaves && packed.Typical > 0 && packed.Typical < s.Billed.Typical/3:
		return fmt.Sprintf("  stream %s: %s of them; with encode: pack or json, linger: 5min about %s\n", s.Name, rough(s.Billed.Typical), rough(packed.Typical))
	case s.Fill == "":
		return ""
	}
	keys := "linger: " + s.Fill
	if s.Block < s.Cheapest {
		keys += fmt.Sprintf(", block: %dB", s.Cheapest)
	}
	return fmt.Sprintf("  stream %s: blocks of %s cost as much as full ones of %d B: %s\n", s.Name, size(s.Mean), s.Cheapest, keys)
}

const stampsCommand = "sysctl -w net.ipv4.tcp_timestamps=0"

// stampsText says what the time stamps of TCP are of the bytes of a link that is paid.
func stampsText(f *cost.Forecast, l *cost.Link) string {
	if !l.Paid || l.TimeStamps.Typical == 0 {
		return ""
	}
	saved := size(cost.Days * l.TimeStamps.Typical)
	if l.Cost.Typical > 0 {
		saved += fmt.Sprintf(" or %.2f %s", l.Cost.Typical*l.TimeStamps.Typical/l.Total.Typical, l.Currency)
	}
	if f.NoTimeStamps {
		return fmt.Sprintf("this machine has no TCP time stamps, which would be %s a month more\n", saved)
	}
	return fmt.Sprintf("without TCP time stamps %s a month less: %s\n", saved, stampsCommand)
}

// topicWidth is how wide topics are shown in tables, at most: of a longer one the end, which differs.
const topicWidth = 40

func shownTopic(name string) string {
	if r := []rune(name); len(r) > topicWidth {
		return "..." + string(r[len(r)-topicWidth+3:])
	}
	return name
}

// valueTable is what the streams of a link consist of.
func valueTable(l *cost.Link) *grid {
	g := newGrid("<TOPIC", ">QOS", ">MESSAGES", ">WORST", ">BYTES/DAY", ">WORST", ">BYTES/MONTH")
	for i := range l.Streams {
		s := &l.Streams[i]
		if len(s.Parts) > 0 {
			g.row("stream " + s.Name + ":")
		}
		for _, p := range s.Parts {
			g.row("  "+shownTopic(p.Topic), fmt.Sprint(p.QoS), rough(p.Messages.Typical), rough(p.Messages.Worst), bytesOf(p.Bytes.Typical), bytesOf(p.Bytes.Worst),
				bytesOf(cost.Days*p.Bytes.Typical))
		}
	}
	return g
}

// showOne prints what is about one thing: what is published, and what each link makes of it.
func showOne(w io.Writer, f *cost.Forecast) error {
	var b strings.Builder
	for i := range f.Values {
		v := &f.Values[i]
		retain := ""
		if v.Retain {
			retain = ", retained"
		}
		fmt.Fprintf(&b, "%s: %s, QoS %d%s\n", v.Name, v.Topic, v.QoS, retain)
		fmt.Fprintf(&b, "  %s messages a day, %s at worst, of %.0f B: %s\n", rough(v.Messages.Typical), rough(v.Messages.Worst), v.Size, cut(v.Example, 50))
		if len(v.Streams) == 0 {
			b.WriteString("  stays here: no stream carries it\n")
		}
	}
	for i := range f.Uplinks {
		u := &f.Uplinks[i]
		for k := range u.Links {
			l := &u.Links[k]
			if len(l.Streams) == 0 {
				continue
			}
			fmt.Fprintf(&b, "\nuplink %s over link %s: %s\n", u.Name, l.Name, linkText(u, l))
			if g := valueTable(l); len(g.rows) > 1 {
				g.write(&b)
			}
			for n := range l.Streams {
				b.WriteString(streamText(u, l, &l.Streams[n]))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// streamText says how the figures of a stream come about.
func streamText(u *cost.Uplink, l *cost.Link, s *cost.Stream) string {
	switch {
	case !s.Carried:
		return fmt.Sprintf("stream %s: not over this link\n", s.Name)
	case s.Pair != "":
		return fmt.Sprintf("stream %s: has what %s would have, while the uplink is offline\n", s.Name, s.Pair)
	case s.Messages.Typical == 0:
		return fmt.Sprintf("stream %s: carries nothing that is known\n", s.Name)
	}
	text := fmt.Sprintf("stream %s, class %s, encode %s: %s messages a day, %s each, %s a day\n", s.Name, s.Class, s.Encode, rough(s.Messages.Typical),
		size(s.Bytes.Typical/s.Messages.Typical), size(s.Bytes.Typical))
	if a := s.Alone; a != nil {
		text += fmt.Sprintf("  the first of a connection is %.0f B, one after it %.0f B; without TCP time stamps %.0f B, %.0f B\n", a.First, a.Again, a.BareFirst, a.BareAgain)
	}
	if s.Linger != "" {
		blocks := s.Packets.Typical - s.Primers.Typical
		wait := "they wait " + s.Linger + " for each other"
		if s.Linger == "0s" {
			wait = "none waits for another"
		}
		text += fmt.Sprintf("  %s blocks a day, %s in each: %s, up to %s\n", rough(blocks), roughly(s.Messages.Typical/blocks, "message"), wait, size(float64(s.Block)))
		if s.Priming.Worst > 0 {
			text += fmt.Sprintf("  %s of it are primers, %s at worst: docs/pack.md\n", bytesOf(s.Priming.Typical), bytesOf(s.Priming.Worst))
		}
		return text
	}
	for i := range s.Parts {
		text += partText(u, l, &s.Parts[i])
	}
	if other, ok := l.Packed[s.Name]; ok && other.Typical > 0 {
		text += fmt.Sprintf("  with encode: pack, linger: 5min it would be %s a day, %s at worst\n", size(other.Typical), size(other.Worst))
	}
	return text
}

// partText says what one message costs on the way.
func partText(u *cost.Uplink, l *cost.Link, p *cost.Part) string {
	if p.Publish == 0 {
		return ""
	}
	alias := ""
	if p.Alias {
		alias = " without its topic, which has an alias"
	}
	text := fmt.Sprintf("  %s: PUBLISH %.0f B%s\n", p.Name, p.Publish, alias)
	if l.Session != "always" {
		return text + "    leaves with all that has gathered\n"
	}
	frame := l.Header
	text += fmt.Sprintf("    + %d B of IP and TCP", l.Header)
	if u.TLS {
		frame += 22
		text += ", 22 B of TLS"
	}
	if p.Together >= 1.05 {
		text += fmt.Sprintf(", for %s messages that leave together", rough(p.Together))
	}
	switch {
	case p.QoS == 0:
		return text + fmt.Sprintf("\n    + %d B to acknowledge that\n", l.Header)
	case p.Together >= 1.05: // Nagle's algorithm at the server
		return text + fmt.Sprintf("\n    + PUBACK 4 B each, %d B for the first and as much for the others, %d B to acknowledge each\n", frame, l.Header)
	}
	return text + fmt.Sprintf("\n    + PUBACK 4 B and %d B, %d B to acknowledge that\n", frame, l.Header)
}
