package edge

import "skerry/edge/control"

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
		s.publishAs(at+"waiting", count(u.Waiting))
		s.publishAs(at+"waiting_bytes", count(u.Bytes))
		s.publishAs(at+"connections", count(u.Counts.Connections))
		s.publishAs(at+"lost_sessions", count(u.Counts.LostSession))
		s.publishAs(at+"sent", count(u.Counts.Sent))
		s.publishAs(at+"acknowledged", count(u.Counts.Acknowledged))
		s.publishAs(at+"repeated", count(u.Counts.Repeated))
		s.publishAs(at+"refused", count(u.Counts.Refused))
		s.publishAs(at+"thinned", count(u.Counts.Thinned))
		s.publishAs(at+"received", count(u.Counts.Received))
		for i := range u.Streams {
			s.publishAs(at+"streams/"+u.Streams[i].Name+"/waiting", count(u.Streams[i].Waiting))
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
	s.publishAs(at+"keep_alive", count(uint64(l.KeepAlive)))
	s.publishAs(at+"mode", l.Mode)
	if l.Signal != nil {
		s.publishAs(at+"signal", l.Signal.Band)
	}
	if l.Budget == nil {
		return
	}
	s.publishAs(at+"bytes", count(uint64(max(l.Budget.Bytes, 0))))
	s.publishAs(at+"rung", l.Budget.Rung)
	for class, n := range l.Budget.Dropped {
		s.publishAs(at+"dropped/"+class, count(uint64(n)))
	}
	for _, p := range l.Budget.Periods {
		s.publishAs(at+p.Period+"/used", count(uint64(max(p.Used, 0))))
		s.publishAs(at+p.Period+"/allowed", count(uint64(max(p.Allowed, 0))))
	}
}
