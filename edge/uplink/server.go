package uplink

import (
	"errors"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/profile"
)

// server is an address of the configuration with what was learned about it. It belongs to the goroutine of Run.
type server struct {
	config.Server
	speeches []speech
	at       int  // which of the speeches is tried
	proven   bool // it has been understood
	silent   int  // attempts in a row to which nothing was answered
	guessed  bool // a speech was left because nothing was answered to it: the Server may just have been away
	fallback int  // the speech that was answered, while the newer ones are tried once more; 0: they are not
	eager    eager
	modest   bool // the Will without Retain and with QoS 0: the Server takes no more
}

// speech is a way to say CONNECT.
type speech struct {
	version packet.Version
	bridge  bool // see client.ConnOptions
}

// newServer lists what is tried: the version of the configuration, and what older servers of the kind understand.
func newServer(s config.Server, v config.Version, p *profile.Profile) *server {
	var all []speech
	for _, one := range []speech{{packet.V5, false}, {packet.V311, true}, {packet.V311, false}} {
		if one.version <= packet.Version(v) && p.Speaks(one.version) && (p.Bridge || !one.bridge) {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		all = []speech{{p.Versions[0], false}}
	}
	return &server{Server: s, speeches: all}
}

func (s *server) speech() speech { return s.speeches[s.at] }

// understood notes that the Server has accepted a connection, and tells whether that settles how it is spoken to. If an older
// speech was a guess, the newer ones are tried once more now that the Server is known to be there: what stands between, a
// tunnel or a balancer, closes connections as well while the Server is away.
func (s *server) understood() (settled bool) {
	s.silent = 0
	if s.guessed {
		s.guessed, s.fallback, s.at = false, s.at, 0
		return false
	}
	s.proven, s.fallback = true, 0
	return true
}

// adapt learns from a failed attempt; true if another one makes sense at once.
func (s *server) adapt(err error) bool {
	refused, ok := errors.AsType[*client.Refused](err)
	switch {
	case ok && refused.Code == packet.UnsupportedProtocolVersion:
		s.at, s.proven = (s.at+1)%len(s.speeches), false
		return s.at != 0
	case ok && (refused.Code == packet.RetainNotSupported || refused.Code == packet.QoSNotSupported) && !s.modest:
		s.modest = true
		return true
	case !ok && errors.Is(err, client.ErrLost) && s.at < s.fallback:
		s.at++
		return true
	case !ok && errors.Is(err, client.ErrLost) && !s.proven:
		// Some servers close the connection instead of refusing the version. But so does a bad link: once is not enough.
		if s.silent++; s.silent >= 2 {
			s.silent, s.at, s.fallback = 0, (s.at+1)%len(s.speeches), 0
			s.guessed = s.at != 0
		}
	}
	return false
}
