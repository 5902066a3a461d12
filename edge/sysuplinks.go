package edge

import (
	"strconv"
	"strings"

	"skerry/edge/control"
)

// carried is how the uplinks do, under $SYS/broker/uplinks/NAME: the same as `skerry uplink status` shows.
func (s *statistics) carried() {
	for _, u := range s.uplinks() {
		at := "broker/uplinks/" + u.Name + "/"
		online := "0"
		if u.Online {
			online = "1"
		}
		s.publishAs(at+"online", online)
		s.publishAs(at+"link", u.Link)
		s.publishAs(at+"server", u.Server)
		s.publishAs(at+"error", u.Error)
		trip := ""
		if u.RoundTrip > 0 {
			trip = numeral(&u.RoundTrip, 1, 3)
		}
		s.publishAs(at+"round_trip", trip)
		s.publishAs(at+"refused_filters", count(uint64(len(u.NoFilters))))
		s.publishAs(at+"waiting", count(u.Waiting))
		s.publishAs(at+"waiting_bytes", count(u.Bytes))
		s.publishAs(at+"drain", numeral(u.Drain, 1, 0))
		s.publishAs(at+"offline_hours", numeral(u.Offline, 3600, 1))
		s.publishAs(at+"connections", count(u.Counts.Connections))
		s.publishAs(at+"lost_sessions", count(u.Counts.LostSession))
		s.publishAs(at+"published_anew", count(u.Counts.PublishedAnew))
		s.publishAs(at+"maybe_lost", count(u.Counts.MaybeLost))
		s.publishAs(at+"sent", count(u.Counts.Sent))
		s.publishAs(at+"acknowledged", count(u.Counts.Acknowledged))
		s.publishAs(at+"repeated", count(u.Counts.Repeated))
		s.publishAs(at+"refused", count(u.Counts.Refused))
		s.publishAs(at+"thinned", count(u.Counts.Thinned))
		s.publishAs(at+"received", count(u.Counts.Received))
		for i := range u.Streams {
			s.publishAs(at+"streams/"+u.Streams[i].Name+"/waiting", count(u.Streams[i].Waiting))
			s.publishAs(at+"streams/"+u.Streams[i].Name+"/halt", u.Streams[i].Halt)
			s.publishAs(at+"streams/"+u.Streams[i].Name+"/thinned", count(u.Streams[i].Thinned))
		}
		for i := range u.Links {
			s.linked(at+"links/"+u.Links[i].Name+"/", &u.Links[i])
		}
	}
}

// linked is how one link does.
func (s *statistics) linked(at string, l *control.UplinkLink) {
	s.publishAs(at+"state", l.State)
	s.publishAs(at+"error", l.Error)
	s.publishAs(at+"keep_alive", count(uint64(l.KeepAlive)))
	s.publishAs(at+"mode", l.Mode)
	s.publishAs(at+"keep_alive_phase", l.Phase)
	if l.Signal != nil {
		s.publishAs(at+"signal", l.Signal.Band)
		s.publishAs(at+"signal_figures", l.Signal.Figures)
		s.publishAs(at+"signal_held", strings.Join(l.Signal.Held, " "))
	}
	if l.Budget == nil {
		return
	}
	s.publishAs(at+"rung", l.Budget.Rung)
	s.spent(at+"bytes", l.Budget.Bytes, l.Budget.Classes)
	for class, n := range l.Budget.Dropped {
		s.publishAs(at+"dropped/"+class, count(uint64(n)))
	}
	for _, p := range l.Budget.Periods {
		s.spent(at+p.Period+"/used", p.Used, p.Classes)
		s.publishAs(at+p.Period+"/allowed", count(uint64(max(p.Allowed, 0))))
		if p.Known {
			s.publishAs(at+p.Period+"/expected", count(uint64(max(p.Projected, 0))))
		}
	}
}

// spent is how many bytes, and on what.
func (s *statistics) spent(at string, all int64, classes map[string]int64) {
	s.publishAs(at, count(uint64(max(all, 0))))
	for class, n := range classes {
		s.publishAs(at+"/"+class, count(uint64(max(n, 0))))
	}
}

// numeral is a figure in units of so many, with so many decimals; "" if it is not known, which takes the value away.
func numeral(x *float64, unit float64, decimals int) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x/unit, 'f', decimals, 64)
}
