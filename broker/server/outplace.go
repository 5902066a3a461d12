package server

import (
	"net"
	"net/netip"

	"skerry/broker/packet"
)

// fewMute is how many connections of one address may say nothing without having to make room: more than a device has, or a few
// behind one router.
const fewMute = 8

// outplace makes room where there is none: a connection goes that has not sent its CONNECT, of the address that has most of these,
// unless that is the newcomer's own. So a stranger who opens connections and says nothing shuts out nobody but himself. With a listener
// only its connections count. Server.mu is held.
func (s *Server) outplace(l *listener, from net.Addr) bool {
	own, _ := placeOf(from)
	of := map[netip.Prefix]int{}
	var most netip.Prefix // the address with most
	for c := range s.mute {
		if l == nil || c.listener == l {
			place, _ := placeOf(c.inner.RemoteAddr())
			if of[place]++; of[place] > of[most] {
				most = place
			}
		}
	}
	if of[most] <= fewMute || most == own {
		return false
	}
	for c := range s.mute {
		if place, _ := placeOf(c.inner.RemoteAddr()); place == most && (l == nil || c.listener == l) {
			s.giveUp(c)
			break
		}
	}
	if now := s.now(); s.outplaced == 0 || now-s.outplaced >= refusalInterval {
		s.outplaced = now
		address := "Unix sockets"
		if most.IsValid() {
			address = most.String()
		}
		s.log.Warn("an address has many connections that say nothing: they make room for others", "address", address, "connections", of[most])
	}
	return true
}

// giveUp ends a connection whose place somebody else gets at once.
func (s *Server) giveUp(c *conn) {
	c.outplaced = true
	s.leaving++
	c.listener.conns--
	delete(s.mute, c)
	s.counters.turnedAway.Add(1)
	c.Close(packet.ServerBusy)
}

// spoken notes that a connection has sent its CONNECT.
func (s *Server) spoken(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mute, c)
}
