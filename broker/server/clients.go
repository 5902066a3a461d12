package server

import (
	"time"

	"skerry/broker/watch"
	"skerry/queue"
)

// Client is what is known of a Client that is connected.
type Client struct {
	ClientID, User, Listener, Address string

	Version   string        // of MQTT
	KeepAlive time.Duration // that counts; 0: it may be silent for ever
	Connected time.Duration // for how long

	Received, Sent watch.Traffic

	Queue  queue.SessionStats // what its session holds; Dropped since the session was made
	Queued int                // deliveries of any QoS in memory that it has not been sent
	Slow   bool               // its queue does not drain, see Look
}

// Clients lists those that are connected, in no order.
func (s *Server) Clients() []Client {
	var all []Client
	for _, c := range s.admitted() {
		all = append(all, c.describe())
	}
	return all
}

// admitted are the connections whose Client has been let in.
func (s *Server) admitted() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in []*conn
	for c := range s.conns {
		if c.since.Load() != 0 && !c.closing.Load() {
			in = append(in, c)
		}
	}
	return in
}

func (c *conn) describe() Client {
	now := c.server.now()
	return Client{
		ClientID: c.clientID, User: c.userName, Listener: c.listener.Name, Address: c.nc.RemoteAddr().String(),
		Version: c.version.String(), KeepAlive: c.silence * 2 / 3, Connected: now - time.Duration(c.since.Load()),
		Received: c.got.Read(), Sent: c.gave.Read(),
		Queue: c.session.Stats(), Queued: c.session.Queued(), Slow: c.slow.Load(),
	}
}
