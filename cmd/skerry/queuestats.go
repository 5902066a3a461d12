package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"skerry/edge/control"
)

// queueStatsCmd is `skerry queue stats`.
type queueStatsCmd struct {
	lookFlags
	TBW capacity `name:"tbw" placeholder:"SIZE" help:"Endurance of the card or disk, as its data sheet has it (TBW: 30TB, for instance): say how many years it will last."`
}

// Help stands behind the flags.
func (*queueStatsCmd) Help() string {
	return `Log bytes are what the store has written, in whole blocks. Device bytes are what the kernel has written to the whole device
that the store lies on, by all programs, the journals of file systems included. What the card makes of it inside is not known:
cards write more than they are given, cheap ones several times as much.

Of a stopped station only what lies on the disk is known.`
}

// Run prints the numbers.
func (c *queueStatsCmd) Run(ctx context.Context) error {
	look, show := c.lookFlags, c.show
	if c.JSON && c.TBW > 0 { // more than the station says
		look.JSON, show = false, c.showLasting
	}
	return ask(ctx, &look, control.Request{Do: control.Stats}, unseen, func(_ control.Desk, rows []control.Numbers) error {
		for i := range rows {
			if err := show(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// lastingNumbers are those of a station and a card.
type lastingNumbers struct {
	control.Numbers
	Endurance endurance `json:"endurance"`
}

// endurance is in how many years a card is used up at the rates of this run. 0: no rate is known.
type endurance struct {
	TBW    uint64  `json:"tbw_bytes"`
	Log    float64 `json:"log_years,omitempty"`    // if nothing but the store wrote
	Device float64 `json:"device_years,omitempty"` // as it is
}

func (c *queueStatsCmd) showLasting(n *control.Numbers) error {
	e := endurance{TBW: uint64(c.TBW)}
	if n.Daily > 0 {
		e.Log = math.Round(100*c.years(n.Daily)) / 100
	}
	if d := n.Device; d != nil && d.Daily > 0 {
		e.Device = math.Round(100*c.years(d.Daily)) / 100
	}
	return json.NewEncoder(os.Stdout).Encode(lastingNumbers{*n, e})
}

// years is how long the card lasts.
func (c *queueStatsCmd) years(daily float64) float64 { return float64(c.TBW) / daily / 365.25 }

func (c *queueStatsCmd) show(n *control.Numbers) error {
	t := columns()
	row := func(head, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", head, fmt.Sprintf(format, args...)) }
	if n.Live {
		row("running", "since %s", lasting(n.Uptime))
	}
	row("on the disk", "%s, %d of them in use; %s", several(n.Slots, "slot"), n.Segments, several(n.Sessions, "session"))
	row("found at the start", "%s", found(&n.Start))
	if n.Log != nil {
		c.written(t, n)
	}
	return t.Flush()
}

// found says what the store was like when it was opened.
func found(s *control.StartNumbers) string {
	var parts []string
	switch {
	case s.PowerLost:
		parts = append(parts, "after a loss of power")
	case s.Clean:
		parts = append(parts, "closed in good order")
	default:
		parts = append(parts, "not closed in good order")
	}
	if s.Checkpoint != "" {
		parts = append(parts, fmt.Sprintf("%s and %s behind it", s.Checkpoint, several(s.Records, "record")))
	}
	if s.Lied {
		parts = append(parts, "THE CARD LIED about a flush")
	}
	for _, u := range s.Unreadable {
		parts = append(parts, "unreadable checkpoint "+u)
	}
	if s.Torn > 0 {
		parts = append(parts, several(s.Torn, "block")+" of a group that was never acknowledged")
	}
	if s.Damaged > 0 || s.Lost > 0 {
		parts = append(parts, fmt.Sprintf("DAMAGED in %s, %s lost", several(s.Damaged, "place"), several(s.Lost, "record")))
	}
	if len(s.Quarantined) > 0 {
		parts = append(parts, several(len(s.Quarantined), "copy")+" in quarantine")
	}
	return strings.Join(parts, "; ")
}

// written says what the station has written, and what that comes to.
func (c *queueStatsCmd) written(out io.Writer, n *control.Numbers) {
	row := func(head, format string, args ...any) {
		fmt.Fprintf(out, "%s\t%s\n", head, fmt.Sprintf(format, args...))
	}
	l := n.Log
	row("commits", "%s of %s; %s", grouped(l.Groups), several(l.Records, "record"), several(l.Flushes, "flush"))
	if l.Groups > 0 {
		row("", "%.1f messages and %.1f records in a commit", float64(l.Messages)/float64(l.Groups), float64(l.Records)/float64(l.Groups))
	}
	row("not written", "%s, because all had acknowledged them; %s, because a newer one came", several(l.Elided, "message"), grouped(l.Coalesced))
	if l.CheckpointFailed > 0 {
		row("failed", "%s could not be written: the log of the station says why", several(l.CheckpointFailed, "checkpoint"))
	}
	row("given back", "%s", several(l.Freed, "slot"))
	row("dropped", "%s", droppedBy(l.Dropped))
	if l.Damaged > 0 {
		row("DAMAGED", "%s of the log", several(l.Damaged, "range"))
	}
	if l.Moved > 0 {
		row("failed writes", "%d", l.Moved)
	}
	if l.Committing > 1 {
		row("committing", "since %s: the disk is slow or hangs", lasting(l.Committing))
	}
	row("log bytes", "%s%s", size(l.Bytes), c.rate(n.Daily))
	row("", "%s in %s besides", size(l.CheckpointBytes), several(l.Checkpoints, "checkpoint"))
	if d := n.Device; d != nil {
		row("device bytes", "%s%s (all of %s)", size(d.Bytes), c.rate(d.Daily), d.Name)
	}
}

// rate is what so many bytes a day come to.
func (c *queueStatsCmd) rate(daily float64) string {
	if daily == 0 {
		return ""
	}
	text := "; " + size(daily) + " a day"
	if c.TBW > 0 {
		text += fmt.Sprintf(", %s until %s are used up", years(c.years(daily)), size(float64(c.TBW)))
	}
	return text
}

func years(n float64) string {
	switch {
	case n >= 100:
		return "more than 100 years"
	case n >= 10:
		return fmt.Sprintf("%.0f years", n)
	}
	return fmt.Sprintf("%.1f years", n)
}
