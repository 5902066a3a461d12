package control

import (
	"errors"
	"slices"
	"strings"

	"skerry/broker/server"
	"skerry/broker/watch"
	"skerry/queue"
)

// Client is a row of Clients: one that is connected, or something that the station itself has connected to its broker.
type Client struct {
	Own      string `json:"own,omitempty"`     // "uplink", "sensors": no client but a part of the station; NAME is in ClientID
	Offline  string `json:"offline,omitempty"` // of an uplink: why it is not connected; Connected is then since when
	ClientID string `json:"client"`

	User      string  `json:"user,omitempty"` // of clients
	Listener  string  `json:"listener"`
	Address   string  `json:"address"`
	Version   string  `json:"version"`      // of MQTT
	KeepAlive float64 `json:"keep_alive_s"` // 0: it may be silent for ever
	Connected float64 `json:"connected_s"`  // for how long

	Received Traffic `json:"received"`
	Sent     Traffic `json:"sent"`

	InFlight int               `json:"in_flight"`         // sent with QoS 1 or 2 and not finished
	Queued   int               `json:"queued"`            // in memory, of any QoS, not sent yet
	Messages uint64            `json:"messages"`          // of QoS 1 and 2, not acknowledged: in memory and on the disk
	Bytes    uint64            `json:"bytes"`             // of them: topics, properties and payloads
	Oldest   float64           `json:"oldest_s"`          // age of the oldest of them in seconds, at least
	Dropped  map[string]uint64 `json:"dropped,omitempty"` // by reason, since the session was made
	Slow     bool              `json:"slow"`              // its queue does not drain
}

// Traffic is what a Client has sent or was sent on this connection.
type Traffic struct {
	Packets  uint64 `json:"packets"`
	Bytes    uint64 `json:"bytes"`
	Messages uint64 `json:"messages"`      // PUBLISH packets
	Payload  uint64 `json:"payload_bytes"` // of these
}

var errNotRunning = errors.New("the station does not run: nobody is connected")

// listClients lists them by ClientID.
func (s *Station) listClients(emit func(any) error) error {
	if s.Server == nil {
		return errNotRunning
	}
	all := s.Server.Clients()
	slices.SortFunc(all, func(a, b server.Client) int { return strings.Compare(a.ClientID, b.ClientID) })
	for i := range all {
		if err := emit(client(&all[i])); err != nil {
			return err
		}
	}
	if s.Own == nil {
		return nil
	}
	for _, own := range s.Own() {
		if err := emit(own); err != nil {
			return err
		}
	}
	return nil
}

func client(c *server.Client) Client {
	row := Client{
		ClientID: c.ClientID, User: c.User, Listener: c.Listener, Address: c.Address, Version: c.Version,
		KeepAlive: seconds(c.KeepAlive), Connected: seconds(c.Connected),
		Received: TrafficOf(c.Received), Sent: TrafficOf(c.Sent), Queued: c.Queued, Slow: c.Slow,
	}
	row.Holds(c.Queue)
	return row
}

// Holds sets what waits, and what has been dropped.
func (c *Client) Holds(q queue.SessionStats) {
	c.InFlight, c.Messages, c.Bytes, c.Oldest, c.Dropped = q.InFlight, q.Messages, q.Bytes, seconds(q.Oldest), drops(q.Dropped)
}

// TrafficOf gives numbers the form of a row.
func TrafficOf(t watch.Traffic) Traffic {
	return Traffic{Packets: t.Packets, Bytes: t.Bytes, Messages: t.Publishes, Payload: t.Payload}
}
