package control

import (
	"context"
	"errors"
	"time"

	"skerry/broker/watch"
)

// TraceLine is a row of Trace: first one with Started, then one for each Control Packet.
type TraceLine struct {
	Started   bool `json:"started,omitempty"`
	Connected bool `json:"connected,omitempty"` // with Started: the client is connected now

	Time      string `json:"time,omitempty"`
	Direction string `json:"direction,omitempty"` // "in": from the client, or from the server upstream; "out"
	Type      string `json:"type,omitempty"`
	Bytes     int    `json:"bytes,omitempty"` // of the packet
	Text      string `json:"text,omitempty"`
	Left      uint64 `json:"left_out,omitempty"` // packets before this one that nobody was shown, because they came too fast
}

// trace shows the packets of a client, or of an uplink, until the time is over or nobody watches.
func (s *Station) trace(ctx context.Context, r Request, emit func(any) error) error {
	if s.Server == nil {
		return errNotRunning
	}
	if r.For > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, time.Duration(r.For*float64(time.Second)))
		defer end()
	}
	started := func(connected bool) error { return emit(TraceLine{Started: true, Connected: connected}) }
	see := func(p watch.Packet) error { return emit(traceLine(&p)) }
	switch {
	case r.Uplink == "":
		return s.Server.Trace(ctx, r.Client, started, see)
	case s.TraceUplink == nil:
		return errors.New("there are no uplinks here")
	}
	return s.TraceUplink(ctx, r.Uplink, started, see)
}

func traceLine(p *watch.Packet) TraceLine {
	direction := "out"
	if p.In {
		direction = "in"
	}
	return TraceLine{Time: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), Direction: direction, Type: p.Type.String(),
		Bytes: p.Size, Text: p.Text, Left: p.Left}
}
