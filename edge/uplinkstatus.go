package edge

import (
	"fmt"
	"time"

	"skerry/edge/control"
	"skerry/edge/uplink"
	"skerry/edge/uplink/budget"
	"skerry/edge/uplink/modem"
	"skerry/queue"
)

// uplinkRows shows the uplinks to who looks into the running station.
type uplinkRows struct{ own *own }

// List is that of control.Uplinks.
func (r uplinkRows) List() (rows []control.Uplink) {
	r.own.mu.Lock()
	all, opened := r.own.uplinks, r.own.opened
	r.own.mu.Unlock()
	now := time.Now()
	for _, u := range all {
		s := u.Status()
		rows = append(rows, statusRow(u.Name(), &s, now, now.Sub(opened)))
	}
	return rows
}

func statusRow(name string, s *uplink.Status, now time.Time, up time.Duration) control.Uplink {
	row := control.Uplink{
		Name: name, Online: s.Online, For: since(s.Since, now), Server: s.Server, Version: s.Version, Error: s.Err, Link: s.Link,
		RoundTrip: s.RoundTrip.Seconds(), AckTime: s.AckTime.Seconds(), Links: []control.UplinkLink{}, Streams: []control.UplinkStream{},
		Counts: control.UplinkCounts{
			Attempts: s.Attempts, Connections: s.Connections, LostSession: s.LostSession,
			PublishedAnew: s.PublishedAnew, MaybeLost: s.MaybeLost, Sent: s.Sent, Acknowledged: s.Acknowledged,
			Repeated: s.Repeated, Downgraded: s.Downgraded, Refused: s.Refused, Deferred: s.Deferred, Expired: s.Expired,
			Superseded: s.Superseded, Overtaken: s.Overtaken, Thinned: s.Thinned, Received: s.Received, Again: s.Again, Unwanted: s.Unwanted,
			SentBlocks: s.BlocksSent, InBlocks: s.InBlocks, BlockBytes: s.BlockBytes, PlainBytes: s.PlainBytes,
			Blocks: s.Blocks, Unpacked: s.Unpacked, DamagedBlocks: s.DamagedBlocks, NewerBlocks: s.NewerBlocks,
			WaitingBlocks: s.WaitingBlocks, UnreadBlocks: s.UnreadBlocks, Clashes: s.Clashes, Forgotten: s.Forgotten,
		},
	}
	for i := range s.Links {
		row.Links = append(row.Links, linkRow(&s.Links[i], now, up))
	}
	row.Drain, row.Offline = known(s.Drain), known(s.Offline)
	for i := range s.Streams {
		row.Waiting += s.Streams[i].Messages
		row.Bytes += s.Streams[i].Bytes
		row.Streams = append(row.Streams, streamRow(&s.Streams[i]))
	}
	if len(s.NoFilters) > 0 {
		row.NoFilters = s.NoFilters
	}
	if len(s.Aside) > 0 {
		row.Aside = s.Aside
	}
	return row
}

func linkRow(l *uplink.LinkStatus, now time.Time, up time.Duration) control.UplinkLink {
	row := control.UplinkLink{
		Name: l.Name, Kind: l.Kind, Interface: l.Interface, State: l.State.String(), For: since(l.Since, now), InUse: l.InUse, Wanted: l.Wanted,
		Classes: l.Classes, Error: l.Err, Next: until(l.Next, now), Session: until(l.Session, now), KeepAlive: l.Alive.Ping.Seconds(), Phase: "fixed",
		Mode: string(l.Mode), Why: l.Why,
	}
	row.Signal, row.Budget = signalRow(l.Modem), budgetRow(l, up)
	if r := l.Recovery; r != nil && !r.Last.When.IsZero() {
		row.Recovery = r.String()
	}
	if k := l.Alive.Learned; k != nil {
		row.Phase, row.Proven, row.Refuted, row.Lost, row.Frozen = string(k.Phase), k.Proven.Seconds(), k.Refuted.Seconds(), k.Lost, k.Frozen
	}
	return row
}

func streamRow(s *uplink.StreamStatus) control.UplinkStream {
	row := control.UplinkStream{Name: s.Name, Class: s.Class, Pair: s.Pair, Gathers: s.Gathers, Waiting: s.Messages, Bytes: s.Bytes, Oldest: s.Oldest.Seconds(), Thinned: s.Thinned, Halt: s.Halt}
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

// signalRow is what a modem says; nil if there is none.
func signalRow(m *modem.Status) *control.Signal {
	if m == nil {
		return nil
	}
	return &control.Signal{Band: m.Signal.Band.String(), Figures: m.Signal.String(), Operator: m.Signal.Operator, Held: m.Effects.Held.Words(), Error: m.Err}
}

// budgetRow is what a link has used.
func budgetRow(l *uplink.LinkStatus, up time.Duration) *control.Budget {
	b := control.Budget{
		Bytes: l.Bytes, Since: up.Seconds(), Rung: l.Budget.Rung.String(), Classes: byClass(l.Budget.Bytes), Held: byClass(l.Budget.Held), Dropped: byClass(l.Budget.Dropped),
	}
	for _, f := range l.Budget.Forecasts {
		p := control.BudgetPeriod{Period: f.Period.String(), Used: f.Used, Allowed: f.Bytes, Known: f.Known, Projected: f.Projected, Classes: byClass(f.ByClass),
			Elapsed: elapsed(&l.Budget, &f, up).Seconds()}
		if f.Unknown > 0 {
			p.Classes["unknown"] = f.Unknown
		}
		if !f.Exhausted.IsZero() && !l.Budget.Date.IsZero() {
			s := max(f.Exhausted.Sub(l.Budget.Date).Seconds(), 0)
			p.Exhausted = &s
		}
		if l.Budget.Currency != "" && f.Known {
			p.Cost = fmt.Sprintf("%.2f %s", f.ProjectedCost, l.Budget.Currency)
		}
		b.Periods = append(b.Periods, p)
	}
	return &b
}

// elapsed is for how long the bytes of a period have been counted: since it began, since the first day of which anything is known, or, if all of it was used in this run,
// since that began. 0 if nobody knows the date.
func elapsed(s *budget.Status, f *budget.Forecast, up time.Duration) time.Duration {
	if f.Begin.IsZero() || s.Date.IsZero() || !s.DateKnown {
		return 0
	}
	d := s.Date.Sub(f.Begin)
	if len(s.Days) > 0 {
		first := time.Date(s.Days[0].Day.Year, s.Days[0].Day.Month, s.Days[0].Day.Day, 0, 0, 0, 0, f.Begin.Location())
		d = min(d, s.Date.Sub(first))
	}
	if f.Used <= s.Bytes.Sum() {
		d = min(d, up)
	}
	return max(d, 0)
}

// byClass is what a tally has counted, by the names of the classes.
func byClass(t budget.Tally) map[string]int64 {
	all := map[string]int64{}
	for class, n := range t {
		if n > 0 {
			all[budget.Class(class).String()] = n
		}
	}
	return all
}

// known is a time in seconds; nil if it is below 0, which says that it is not known.
func known(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	s := d.Seconds()
	return &s
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
