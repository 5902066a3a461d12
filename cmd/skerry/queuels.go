package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"skerry/broker"
	"skerry/edge/control"
)

// queueLsCmd is `skerry queue ls`.
type queueLsCmd struct {
	lookFlags
}

// Help stands behind the flags.
func (*queueLsCmd) Help() string {
	return `A session is that of a client that asked for one that lasts (CleanSession 0, or a SessionExpiryInterval), under its ClientID,
or that of a stream of an uplink, as uplink/UPLINK/STREAM, or what waits for a shared subscription, as $share/NAME/FILTER. Counted are messages of QoS 1 and 2 that were not acknowledged. Ages
are what is proven: a station without a clock cannot know how long it was without power.

Reasons of drops: ring (too much for the memory of a session), expired (Message Expiry Interval), messages, bytes, age (limits of
a session), store (limit of the store, or the disk was full), rejected (not taken from the publisher), purged.`
}

// Run prints the list.
func (c *queueLsCmd) Run(ctx context.Context) error {
	return ask(ctx, &c.lookFlags, control.Request{Do: control.Sessions}, unseen, listSessions)
}

func listSessions(d control.Desk, rows []control.SessionRow) error {
	t := columns()
	fmt.Fprintln(t, "SESSION\tSTATE\tWAITING\tBYTES\tIN FLIGHT\tOLDEST\tDROPPED")
	var sum control.Totals
	for _, row := range rows {
		if row.Totals != nil {
			sum = *row.Totals
		}
		if s := row.Session; s != nil {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", sessionName(s), sessionState(s, d.Live()),
				grouped(s.Messages), size(s.Bytes), s.InFlight, sessionAge(s), droppedBy(s.Dropped))
		}
	}
	if sum.Sessions > 0 {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	connected := ""
	if d.Live() {
		connected = fmt.Sprintf(" (%d connected)", sum.Connected)
	}
	_, err := fmt.Printf("%s%s: %s of %s waiting; %s of %s retained\n", several(sum.Sessions, "session"), connected,
		several(sum.Messages, "message"), size(sum.Bytes), several(sum.Retained, "message"), size(sum.RetainedBytes))
	return err
}

func sessionName(s *control.Session) string {
	if s.Name == "" {
		return fmt.Sprintf("#%d (of nobody)", s.Number)
	}
	return shown(s.Name)
}

func sessionState(s *control.Session, live bool) string {
	switch {
	case s.Connected:
		return "connected"
	case s.Away > 0 && s.Expiry != broker.Never:
		return fmt.Sprintf("away %s of %s", lasting(s.Away), lasting(float64(s.Expiry)))
	case live:
		return "away"
	}
	return "-"
}

func sessionAge(s *control.Session) string {
	if s.Messages == 0 {
		return "-"
	}
	return lasting(s.Oldest)
}

func droppedBy(d map[string]uint64) string {
	if len(d) == 0 {
		return "-"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(d)) {
		parts = append(parts, fmt.Sprintf("%s %s", grouped(d[reason]), reason))
	}
	return strings.Join(parts, ", ")
}
