package edge

import (
	"time"

	"skerry/edge/control"
	"skerry/edge/uplink"
	"skerry/queue"
)

// uplinkRows shows the uplinks to who looks into the running station.
type uplinkRows struct{ own *own }

// List is that of control.Uplinks.
func (r uplinkRows) List() (rows []control.Uplink) {
	r.own.mu.Lock()
	all := r.own.uplinks
	r.own.mu.Unlock()
	now := time.Now()
	for _, u := range all {
		s := u.Status()
		rows = append(rows, statusRow(u.Name(), &s, now))
	}
	return rows
}

func statusRow(name string, s *uplink.Status, now time.Time) control.Uplink {
	row := control.Uplink{
		Name: name, Online: s.Online, For: since(s.Since, now), Server: s.Server, Version: s.Version, Error: s.Err, Link: s.Link,
		RoundTrip: s.RoundTrip.Seconds(), AckTime: s.AckTime.Seconds(), Links: []control.UplinkLink{}, Streams: []control.UplinkStream{},
		Counts: control.UplinkCounts{
			Attempts: s.Attempts, Connections: s.Connections, LostSession: s.LostSession, Sent: s.Sent, Acknowledged: s.Acknowledged,
			Repeated: s.Repeated, Downgraded: s.Downgraded, Refused: s.Refused, Deferred: s.Deferred, Expired: s.Expired,
			Superseded: s.Superseded, Received: s.Received, Again: s.Again, Unwanted: s.Unwanted,
		},
	}
	for i := range s.Links {
		row.Links = append(row.Links, linkRow(&s.Links[i], now))
	}
	for i := range s.Streams {
		row.Waiting += s.Streams[i].Messages
		row.Bytes += s.Streams[i].Bytes
		row.Streams = append(row.Streams, streamRow(&s.Streams[i]))
	}
	if len(s.Aside) > 0 {
		row.Aside = s.Aside
	}
	return row
}

func linkRow(l *uplink.LinkStatus, now time.Time) control.UplinkLink {
	row := control.UplinkLink{
		Name: l.Name, Kind: l.Kind, Interface: l.Interface, State: l.State.String(), For: since(l.Since, now), InUse: l.InUse, Wanted: l.Wanted,
		Classes: l.Classes, Error: l.Err, Next: until(l.Next, now), Session: until(l.Session, now), KeepAlive: l.Alive.Ping.Seconds(), Phase: "fixed",
	}
	if k := l.Alive.Learned; k != nil {
		row.Phase, row.Proven, row.Refuted, row.Lost, row.Frozen = string(k.Phase), k.Proven.Seconds(), k.Refuted.Seconds(), k.Lost, k.Frozen
	}
	return row
}

func streamRow(s *uplink.StreamStatus) control.UplinkStream {
	row := control.UplinkStream{Name: s.Name, Class: s.Class, Pair: s.Pair, Gathers: s.Gathers, Waiting: s.Messages, Bytes: s.Bytes, Oldest: s.Oldest.Seconds()}
	for reason, n := range s.Dropped {
		if n > 0 {
			if row.Dropped == nil {
				row.Dropped = map[string]uint64{}
			}
			row.Dropped[queue.Reason(reason).String()] = n
		}
	}
	return row
}

// since is how long ago something was, in seconds; 0 if it never was.
func since(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return now.Sub(at).Seconds()
}

// until is how long it is to something, in seconds; nil if it is not expected.
func until(at, now time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	s := max(at.Sub(now).Seconds(), 0)
	return &s
}
