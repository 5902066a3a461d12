package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"skerry/edge/control"
)

// queuePurgeCmd is `skerry queue purge`.
type queuePurgeCmd struct {
	storeFlags
	Session string `arg:"" help:"The session: its ClientID, or # and its number."`
	Yes     bool   `short:"y" help:"Do not ask."`
}

// Help stands behind the flags.
func (*queuePurgeCmd) Help() string {
	return `The session itself stays, with its subscriptions. What is on its way to a connected client stays too. A QoS 2 message that may have
been sent ends as the protocol wants it: the client is told to forget its Packet Identifier. What was dropped is counted as purged.`
}

// Run asks, and drops.
func (c *queuePurgeCmd) Run(ctx context.Context) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := c.confirm(ctx, dir); err != nil {
			return err
		}
	}
	d, err := c.openIn(dir, true)
	if err != nil {
		return err
	}
	defer d.Close()
	err = control.Rows(ctx, d, control.Request{Do: control.Purge, Session: c.Session}, func(p control.Purged) error {
		fmt.Printf("%s of %s dropped", several(p.Messages, "message"), size(p.Bytes))
		if p.InFlight > 0 {
			fmt.Printf("; %s in flight", grouped(p.InFlight))
		}
		fmt.Println()
		return nil
	})
	return errors.Join(err, d.Close())
}

// confirm shows what would be dropped and wants a yes from a terminal.
func (c *queuePurgeCmd) confirm(ctx context.Context, dir string) error {
	if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err != nil {
		return errors.New("this drops messages (hint: --yes says that you mean it)")
	}
	var found *control.Session
	d, err := c.openIn(dir, false)
	if err != nil {
		return err
	}
	defer d.Close()
	err = control.Rows(ctx, d, control.Request{Do: control.Sessions, Session: c.Session}, func(r control.SessionRow) error {
		if r.Session != nil {
			found = r.Session
		}
		return nil
	})
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Drop %s of %s that wait for %s? [y/N] ", several(found.Messages, "message"), size(found.Bytes), sessionName(found))
	line, err := readLine(ctx, bufio.NewReader(os.Stdin))
	if err != nil || !strings.EqualFold(strings.TrimSpace(string(line)), "y") {
		return errors.New("nothing was dropped")
	}
	return nil
}
