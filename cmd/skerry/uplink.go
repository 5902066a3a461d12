package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"skerry/edge/control"
	"skerry/edge/cost"
)

// uplinkCmd is `skerry uplink`.
type uplinkCmd struct {
	Status uplinkStatusCmd `cmd:"" help:"Show the uplinks of a station that runs: links, signal, keep-alive, budget, what waits and how long it takes to leave."`
}

// uplinkStatusCmd is `skerry uplink status`.
type uplinkStatusCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*uplinkStatusCmd) Help() string {
	return `The station must run; it is asked through the socket "control" in its data directory. Only root and the user that the station
runs as may. The link in use has a *. KEEP-ALIVE is the longest silence until the server is asked whether it is there, and how that is known.
The second table says what IP bytes were used for, since the start of the station and of each allowance. The third compares those of the link in use with what
the configuration should cost in that time: see explain. A connection costs most of it at first.
WAITING are messages of QoS 1 and 2 that the server has not acknowledged. Exit status 1: an uplink is not online.`
}

// Run prints the status.
func (c *uplinkStatusCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if !control.Running(dir) {
		return control.ErrNoUplinks
	}
	foretell := c.foretell() // before this program becomes the user whom the store belongs to, who may not read the configuration
	look := c.lookFlags
	look.JSON = false
	return ask(ctx, &look, control.Request{Do: control.UplinkList}, foretell, func(d control.Desk, rows []control.Uplink) error {
		if !c.JSON {
			return showUplinks(d, rows)
		}
		e := json.NewEncoder(os.Stdout)
		e.SetEscapeHTML(false)
		for i := range rows {
			if err := e.Encode(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// foretell gives what adds to a row what the configuration should cost. Without one that is right nothing is added.
func (c *uplinkStatusCmd) foretell() func(*control.Uplink) {
	if c.Store != "" {
		return unseen
	}
	cfg, err := load(c.Config)
	if err != nil {
		return unseen
	}
	f, err := cost.New(cfg, version, machine())
	if err != nil {
		return unseen
	}
	return func(row *control.Uplink) {
		for i := range f.Uplinks {
			for k := range f.Uplinks[i].Links {
				l := &f.Uplinks[i].Links[k]
				at := slices.IndexFunc(row.Links, func(o control.UplinkLink) bool { return o.Name == l.Name })
				if f.Uplinks[i].Name == row.Name && at >= 0 && row.Links[at].Budget != nil {
					row.Links[at].Budget.Forecast = &control.Foretold{Typical: l.Total.Typical, Worst: l.Total.Worst}
				}
			}
		}
	}
}

func showUplinks(_ control.Desk, rows []control.Uplink) error {
	offline := 0
	for i := range rows {
		if i > 0 {
			fmt.Println()
		}
		if err := showUplink(os.Stdout, &rows[i]); err != nil {
			return err
		}
		if !rows[i].Online {
			offline++
		}
	}
	switch {
	case len(rows) == 0:
		fmt.Println("the station has no uplink")
	case offline > 0:
		return fmt.Errorf("%s not online", several(offline, "uplink"))
	}
	return nil
}

func showUplink(w io.Writer, u *control.Uplink) error {
	fmt.Fprintf(w, "%s: %s\n", u.Name, headline(u))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LINK\tSTATE\tFOR\tKEEP-ALIVE\tSIGNAL\tUSED\tNOTE")
	for i := range u.Links {
		l := &u.Links[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", starred(l.Name, l.InUse), l.State, lasting(l.For), pings(l), signalOf(l.Signal), used(l.Budget), linkNote(l))
	}
	if err := errors.Join(t.Flush(), showSpent(w, u.Links), showForetold(w, u.Links)); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STREAM\tCLASS\tWAITING\tBYTES\tOLDEST\tNOTE")
	for i := range u.Streams {
		s := &u.Streams[i]
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", s.Name, dash(s.Class), s.Waiting, size(s.Bytes), oldest(s), streamNote(s))
	}
	for _, name := range slices.Sorted(maps.Keys(u.Aside)) {
		fmt.Fprintf(t, "%s\t-\t%d\t-\t-\tcarried no more\n", name, u.Aside[name])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, filter := range slices.Sorted(maps.Keys(u.NoFilters)) {
		fmt.Fprintf(w, "the server refuses the filter %s under receive, nothing comes by it: %s\n", filter, shown(u.NoFilters[filter]))
	}
	_, err := fmt.Fprintln(w, footline(u))
	return err
}

// spentOn are what bytes are counted under.
var spentOn = []string{"alarm", "state", "live", "backfill", "overhead"}

// showSpent says for which classes bytes were used.
func showSpent(w io.Writer, links []control.UplinkLink) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "LINK\tSINCE\tALARM\tSTATE\tLIVE\tBACKFILL\tOVERHEAD\n")
	row := func(link, since string, classes map[string]int64) {
		fmt.Fprintf(t, "%s\t%s", link, since)
		for _, class := range spentOn {
			fmt.Fprintf(t, "\t%s", size(float64(classes[class])))
		}
		if n := classes["unknown"]; n > 0 {
			fmt.Fprintf(t, "\t%s of unknown use", size(float64(n)))
		}
		fmt.Fprintln(t)
	}
	for i := range links {
		b := links[i].Budget
		if b == nil {
			continue
		}
		row(links[i].Name, "the start", b.Classes)
		for _, p := range b.Periods {
			row(links[i].Name, "the "+p.Period, p.Classes)
		}
	}
	return t.Flush()
}

// showForetold compares what the link in use has used with what the configuration should have.
func showForetold(w io.Writer, links []control.UplinkLink) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "LINK\tSINCE\tUSED\tFORETOLD\tAT WORST\n")
	rows := 0
	row := func(link, since string, used int64, seconds float64, f *control.Foretold) {
		if seconds <= 0 {
			return
		}
		rows++
		days := seconds / (24 * 60 * 60)
		fmt.Fprintf(t, "%s\t%s, %s\t%s\t%s\t%s\n", link, since, lasting(seconds), size(float64(used)), size(f.Typical*days), size(f.Worst*days))
	}
	for i := range links {
		b := links[i].Budget
		if b == nil || b.Forecast == nil || !links[i].InUse {
			continue
		}
		row(links[i].Name, "the start", b.Bytes, b.Since, b.Forecast)
		for _, p := range b.Periods {
			row(links[i].Name, "the "+p.Period, p.Used, p.Elapsed, b.Forecast)
		}
	}
	if rows == 0 {
		return nil
	}
	return t.Flush()
}

// headline says whether an uplink is there, and for how long.
func headline(u *control.Uplink) string {
	switch {
	case u.Online:
		text := fmt.Sprintf("online for %s at %s over %s, MQTT %s", lasting(u.For), u.Server, u.Link, u.Version)
		if u.RoundTrip > 0 {
			text += ", round trip " + lasting(u.RoundTrip)
		}
		return text
	case u.For > 0:
		return fmt.Sprintf("offline for %s: %s", lasting(u.For), shown(u.Error))
	case u.Error != "":
		return "not online yet: " + shown(u.Error)
	}
	return "not online yet"
}

func starred(name string, inUse bool) string {
	if inUse {
		return name + "*"
	}
	return name
}

func pings(l *control.UplinkLink) string {
	text := lasting(l.KeepAlive) + ", " + l.Phase
	if l.Refuted > 0 {
		text += ", " + lasting(l.Refuted) + " is too long"
	}
	return text
}

func signalOf(s *control.Signal) string {
	switch {
	case s == nil:
		return "-"
	case s.Error != "":
		return s.Band + ": " + shown(s.Error)
	case s.Figures == "":
		return s.Band
	}
	return shown(s.Figures)
}

func used(b *control.Budget) string {
	if b == nil {
		return "-"
	}
	if len(b.Periods) == 0 {
		return size(float64(b.Bytes))
	}
	var all []string
	for _, p := range b.Periods {
		text := fmt.Sprintf("%s of %s a %s", size(float64(p.Used)), size(float64(p.Allowed)), p.Period)
		if p.Known {
			text += ", " + size(float64(p.Projected)) + " expected"
		}
		if p.Cost != "" {
			text += ", " + p.Cost
		}
		if p.Exhausted != nil {
			text += ", used up in " + lasting(*p.Exhausted)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// linkNote is what else is to be known of a link.
func linkNote(l *control.UplinkLink) string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if len(l.Classes) > 0 {
		add("carries %s", strings.Join(l.Classes, ", "))
	}
	switch {
	case l.Mode == "on-demand" && l.Why != "":
		add("on demand: %s", shown(l.Why))
	case l.Mode == "on-demand":
		add("on demand")
	case l.Mode == "always" && l.Why != "":
		add("stays: %s", shown(l.Why))
	}
	if l.Session != nil && !l.InUse {
		add("next session in %s", lasting(*l.Session))
	}
	if l.Next != nil && l.Wanted {
		add("next attempt in %s", lasting(*l.Next))
	}
	if s := l.Signal; s != nil && len(s.Held) > 0 {
		add("the signal holds back %s", strings.Join(s.Held, ", "))
	}
	if b := l.Budget; b != nil && b.Rung != "" && b.Rung != "normal" {
		add("the budget: %s", b.Rung)
	}
	if l.Recovery != "" {
		add("%s", l.Recovery)
	}
	if l.Error != "" {
		add("%s", shown(l.Error))
	}
	return dash(strings.Join(all, "; "))
}

func oldest(s *control.UplinkStream) string {
	if s.Waiting == 0 {
		return "-"
	}
	return lasting(s.Oldest)
}

func streamNote(s *control.UplinkStream) string {
	var all []string
	if s.Pair != "" {
		doing := "rests"
		if s.Gathers {
			doing = "gathers"
		}
		all = append(all, "with "+s.Pair+": "+doing)
	}
	if s.Halt != "" {
		all = append(all, shown(s.Halt))
	}
	switch {
	case s.Thinned > 0 && s.Pair != "":
		all = append(all, fmt.Sprintf("%d left to %s for the budget", s.Thinned, s.Pair))
	case s.Thinned > 0:
		all = append(all, fmt.Sprintf("%d thinned out for the budget", s.Thinned))
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Dropped)) {
		all = append(all, fmt.Sprintf("%d dropped: %s", s.Dropped[reason], reason))
	}
	return dash(strings.Join(all, "; "))
}

// footline sums up what waits, and how long it takes.
func footline(u *control.Uplink) string {
	text := fmt.Sprintf("%s waiting, %s", several(u.Waiting, "message"), size(u.Bytes))
	if u.Drain != nil && u.Waiting > 0 {
		text += ", " + lasting(*u.Drain) + " to drain"
	}
	if u.Offline != nil {
		text += "; the store takes in " + lasting(*u.Offline) + " more while nothing leaves"
	}
	c := &u.Counts
	text += fmt.Sprintf("\nsince the start: %d sent, %d acknowledged, %d repeated, %d refused, %d received; %d connections, %d lost sessions",
		c.Sent, c.Acknowledged, c.Repeated, c.Refused, c.Received, c.Connections, c.LostSession)
	for _, one := range []struct {
		n    uint64
		what string
	}{
		{c.Downgraded, "sent with less QoS or without RETAIN"}, {c.Deferred, "deferred"}, {c.Expired, "expired"}, {c.Superseded, "superseded"},
		{c.Overtaken, "overtaken"}, {c.Again, "received again"}, {c.Unwanted, "unwanted"},
	} {
		if one.n > 0 {
			text += fmt.Sprintf("; %d %s", one.n, one.what)
		}
	}
	if c.SentBlocks > 0 && c.InBlocks > 0 {
		text += fmt.Sprintf("\nblocks sent: %d with %s, %.1f B for each instead of %.0f B of topic and payload", c.SentBlocks, several(c.InBlocks, "message"),
			float64(c.BlockBytes)/float64(c.InBlocks), float64(c.PlainBytes)/float64(c.InBlocks))
	}
	if c.Blocks+c.DamagedBlocks+c.NewerBlocks+c.WaitingBlocks+c.UnreadBlocks > 0 {
		text += "\n" + blockline(c)
	}
	if c.PublishedAnew+c.MaybeLost > 0 {
		text += fmt.Sprintf("\nof QoS 2, lost by the server after it had confirmed them, as it seems: %d published anew, which may arrive twice, and %d given up",
			c.PublishedAnew, c.MaybeLost)
	}
	return text
}

// blockline says what has come of blocks.
func blockline(c *control.UplinkCounts) string {
	text := fmt.Sprintf("blocks received: %d with %s that were new", c.Blocks, several(c.Unpacked, "message"))
	for _, one := range []struct {
		n    uint64
		what string
	}{
		{c.DamagedBlocks, "damaged and dropped"}, {c.NewerBlocks, "dropped because this version cannot read them"},
		{c.WaitingBlocks, "waiting for their primer"}, {c.UnreadBlocks, "published unread because it did not come"},
		{c.Clashes, "times two gateways with one identity"}, {c.Forgotten, "forgotten of what has come"},
	} {
		if one.n > 0 {
			text += fmt.Sprintf("; %d %s", one.n, one.what)
		}
	}
	return text
}
