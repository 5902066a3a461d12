package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"skerry/edge/control"
)

// queuePeekCmd is `skerry queue peek`.
type queuePeekCmd struct {
	lookFlags
	Session string `arg:"" help:"The session: its ClientID, or # and its number."`
	Count   int    `name:"number" short:"n" default:"10" placeholder:"N" help:"How many messages (${default})."`
	Payload bool   `help:"Show the payloads too; those that are no text in hex digits, the beginning of them."`
}

// Help stands behind the flags.
func (*queuePeekCmd) Help() string {
	return `They stand in the order in which the session will get them, whether they are in memory or on the disk. With --json and
--payload, payloads are whole: as text, or in base64 if they are none.`
}

// Validate finds wrong usage.
func (c *queuePeekCmd) Validate() error {
	if c.Count < 1 || c.Count > control.MostMessages {
		return fmt.Errorf("--number wants 1 to %d (hint: `skerry queue export` gives everything)", control.MostMessages)
	}
	return nil
}

// Run prints the messages.
func (c *queuePeekCmd) Run(ctx context.Context) error {
	r := control.Request{Do: control.Messages, Session: c.Session, Count: c.Count, Payload: c.Payload}
	return ask(ctx, &c.lookFlags, r, unseen, func(_ control.Desk, rows []control.Message) error {
		if len(rows) == 0 {
			_, err := fmt.Println("nothing waits for this session")
			return err
		}
		t := columns()
		fmt.Fprintln(t, "AGE\tQOS\tBYTES\tSTATE\tTOPIC"+c.column())
		for i := range rows {
			m := &rows[i]
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s%s\n", messageAge(m), m.QoS, messageSize(m), messageState(m), shown(m.Topic), payloadOf(m))
		}
		return t.Flush()
	})
}

func (c *queuePeekCmd) column() string {
	if c.Payload {
		return "\tPAYLOAD"
	}
	return ""
}

func messageAge(m *control.Message) string {
	if m.Release {
		return "-"
	}
	return lasting(m.Age)
}

func messageSize(m *control.Message) string {
	if m.Release {
		return "-"
	}
	return grouped(m.Size)
}

func messageState(m *control.Message) string {
	switch {
	case m.Release:
		return "received, PUBREL is left"
	case m.InFlight:
		return "in flight"
	case m.Dup:
		return "may have been sent"
	}
	return "waiting"
}

// payloadOf is the payload in a column of its own, if it was asked for.
func payloadOf(m *control.Message) string {
	const most = 64
	switch {
	case m.Payload != nil:
		return "\t" + shown(*m.Payload)
	case m.Base64 != nil:
		b, err := base64.StdEncoding.DecodeString(*m.Base64)
		if err != nil {
			return "\t?"
		}
		more := ""
		if len(b) > most {
			b, more = b[:most], "..."
		}
		return "\thex:" + hex.EncodeToString(b) + more
	}
	return ""
}
