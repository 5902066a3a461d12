package server

// drain is what the looks at the queue of a Client have found.
type drain struct {
	waiting uint64
	sent    uint64
	lost    uint64
	begun   bool
	against int8 // looks in a row that speak against the opinion held
}

const (
	// slowLooks is how many looks in a row change the opinion.
	slowLooks = 3
	// longQueue is a queue that a Client which keeps up does not have, in messages.
	longQueue = 1000
)

// Look finds Clients whose queues do not drain: at three looks in a row something waited, and since the look before nothing
// was sent, something was dropped, or a long queue became longer. Each is named in the log once, and once more when it has
// caught up. It is to be called every few seconds, by one goroutine at a time.
func (s *Server) Look() {
	for _, c := range s.admitted() {
		waiting, was := c.waiting(), c.slow.Load()
		is := c.drain.next(was, waiting, c.gave.Publishes(), c.session.Lost())
		if is == was {
			continue
		}
		c.slow.Store(is)
		if is {
			s.log.Warn("slow client: what waits for it does not become less", "client", clip(c.clientID), "listener", c.listener.Name,
				"address", c.nc.RemoteAddr().String(), "waiting", waiting)
		} else {
			s.log.Info("the client has caught up", "client", clip(c.clientID))
		}
	}
}

// waiting is how many deliveries the Client has not been sent, or not acknowledged; with a session that lives in memory, only
// those not sent.
func (c *conn) waiting() uint64 {
	if c.session.Durable() {
		return c.session.Unfinished()
	}
	return uint64(c.session.Queued())
}

// next takes in what a look has found and tells whether the Client is slow. The first one only takes note: the session may be
// older than the connection.
func (d *drain) next(slow bool, waiting, sent, lost uint64) bool {
	stuck := d.begun && waiting > 0 && (sent == d.sent || lost > d.lost || waiting > max(d.waiting, longQueue))
	d.begun, d.waiting, d.sent, d.lost = true, waiting, sent, lost
	if stuck == slow { // nothing speaks for another opinion
		d.against = 0
		return slow
	}
	if d.against++; d.against < slowLooks && (stuck || waiting > 0) {
		return slow
	}
	d.against = 0
	return stuck
}
