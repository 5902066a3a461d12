package main

import (
	"context"
	"fmt"
	"strings"

	"skerry/edge/control"
)

// clientsCmd is `skerry clients`.
type clientsCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*clientsCmd) Help() string {
	return `The station must run; it is asked through the socket "control" in its data directory. Only root and the user that the station
runs as may. Uplinks and sensors of the station itself stand behind the clients. IN and OUT are messages that the client has published and was
sent on this connection. WAITING are messages that it was
not sent, or has not acknowledged. SLOW: its queue does not become shorter.`
}

// Run prints the list.
func (c *clientsCmd) Run(ctx context.Context) error {
	return ask(ctx, &c.lookFlags, control.Request{Do: control.Clients}, unseen, listClients)
}

func listClients(_ control.Desk, rows []control.Client) error {
	t := columns()
	fmt.Fprintln(t, "CLIENT\tUSER\tLISTENER\tADDRESS\tMQTT\tKEEP ALIVE\tSINCE\tIN\tOUT\tIN FLIGHT\tWAITING\tDROPPED\t")
	clients, slow := 0, 0
	for i := range rows {
		c := &rows[i]
		if c.Own == "" {
			clients++
		}
		if c.Slow {
			slow++
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", shown(c.ClientID), userName(c), door(c), orNone(c.Address), orNone(c.Version),
			keepAlive(c), since(c), carried(c.Received), carried(c.Sent), c.InFlight, grouped(waits(c)), droppedBy(c.Dropped), marked(c))
	}
	if len(rows) > 0 {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Printf("%s connected, %d of them slow\n", several(clients, "client"), slow)
	return err
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func userName(c *control.Client) string { return orNone(shown(c.User)) }

// door is the listener through which a client came; what the station itself has connected came through none.
func door(c *control.Client) string {
	if c.Own != "" {
		return "(" + c.Own + ")"
	}
	return c.Listener
}

func marked(c *control.Client) string {
	switch {
	case c.Offline != "":
		why, _, _ := strings.Cut(c.Offline, " (hint:") // that is in the log
		return "OFFLINE: " + shown(why)
	case c.Slow:
		return "SLOW"
	}
	return ""
}

func keepAlive(c *control.Client) string {
	switch {
	case c.Version == "":
		return "-"
	case c.KeepAlive == 0:
		return "none"
	}
	return lasting(c.KeepAlive)
}

// carried is the messages and all bytes in one direction. What goes without packets has payloads only.
func carried(t control.Traffic) string {
	return grouped(t.Messages) + " (" + size(max(t.Bytes, t.Payload)) + ")"
}

// since is for how long something has been as it is; an uplink that was never online has not changed.
func since(c *control.Client) string {
	if c.Connected == 0 && c.Own != "" {
		return "-"
	}
	return lasting(c.Connected)
}

// waits is how many messages wait: those of QoS 1 and 2 wherever they are, or those in memory of any QoS if these are more.
func waits(c *control.Client) uint64 { return max(c.Messages, uint64(c.Queued)) }
