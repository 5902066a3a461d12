package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"skerry/edge/control"
)

// traceCmd is `skerry trace`.
type traceCmd struct {
	lookFlags
	Client string   `arg:"" optional:"" name:"clientid" help:"ClientID. It need not be connected yet."`
	Uplink string   `placeholder:"NAME" help:"An uplink of the station instead of a client."`
	For    interval `default:"10min" placeholder:"TIME" help:"How long, or never, for until you end it (${default})."`
}

// Help stands behind the flags.
func (*traceCmd) Help() string {
	return `Each line is a Control Packet: -> to the station, <- from the station; its type, its size, and what it says. Payloads and passwords are never shown. The station must run; only root and the user that it runs as may ask. Without a
trace the station does nothing for it, and with one the client is served as ever: packets that come too fast to be shown are left out,
and counted.`
}

// Validate wants one of two.
func (c *traceCmd) Validate() error {
	if (c.Client == "") == (c.Uplink == "") {
		return errors.New("name a client or, with --uplink, an uplink")
	}
	return nil
}

// Run prints lines as they come.
func (c *traceCmd) Run(ctx context.Context) error {
	d, err := c.open()
	if err != nil {
		return err
	}
	defer d.Close()
	r := control.Request{Do: control.Trace, Client: c.Client, Uplink: c.Uplink}
	if c.For.duration != never {
		r.For = max(c.For.duration.Seconds(), 0.001)
	}
	err = d.Ask(ctx, r, c.show)
	if ctx.Err() != nil {
		return nil // who watches has seen enough
	}
	return err
}

func (c *traceCmd) show(text json.RawMessage) error {
	var l control.TraceLine
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	if l.Started && !l.Connected {
		what := "client " + shown(c.Client)
		if c.Uplink != "" {
			what = "uplink " + shown(c.Uplink)
		}
		fmt.Fprintf(os.Stderr, "%s is not connected now: it will be seen when it comes\n", what)
	}
	if c.JSON {
		_, err := os.Stdout.Write(append(text, '\n'))
		return err
	}
	if l.Started {
		return nil
	}
	if l.Left > 0 {
		fmt.Printf("(%s left out)\n", several(l.Left, "packet"))
	}
	_, err := fmt.Println(traced(&l))
	return err
}

func traced(l *control.TraceLine) string {
	arrow := "<-"
	if l.Direction == "in" {
		arrow = "->"
	}
	line := fmt.Sprintf("%s %s %s, %d B", l.Time, arrow, l.Type, l.Bytes)
	if l.Text != "" {
		line += ": " + l.Text
	}
	return line
}
