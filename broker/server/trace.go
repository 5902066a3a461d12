package server

import (
	"context"
	"errors"

	"skerry/broker/packet"
	"skerry/broker/watch"
)

// mostTraces is how many Clients can be watched at a time.
const mostTraces = 4

// A Traced is one Control Packet of a Client that is traced. Payloads and passwords are not in it.
type Traced = watch.Packet

// ErrTraced says that no more can be traced now.
var ErrTraced = errors.New("it is traced already, or too many others are")

// Trace gives each packet of a Client to see, until ctx ends or see fails; also of connections to come. started is told whether
// the Client is connected now. It holds up nobody: a Client is served as if nobody watched.
func (s *Server) Trace(ctx context.Context, clientID string, started func(connected bool) error, see func(Traced) error) error {
	t := watch.NewTrace()
	if !s.addTrace(clientID, t) {
		return ErrTraced
	}
	defer s.endTrace(clientID, t)
	connected := false
	for _, c := range s.admitted() {
		if c.clientID == clientID {
			c.trace.Store(t)
			connected = true
		}
	}
	if err := started(connected); err != nil {
		return err
	}
	return t.Show(ctx, see)
}

func (s *Server) addTrace(clientID string, t *watch.Trace) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traces[clientID] != nil || len(s.traces) >= mostTraces {
		return false
	}
	if s.traces == nil {
		s.traces = map[string]*watch.Trace{}
	}
	s.traces[clientID] = t
	return true
}

func (s *Server) endTrace(clientID string, t *watch.Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.traces, clientID)
	for c := range s.conns {
		c.trace.CompareAndSwap(t, nil)
	}
}

// watchFor has a connection traced if its ClientID is.
func (c *conn) watchFor(clientID string) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if t := c.server.traces[clientID]; t != nil {
		c.trace.Store(t)
	}
}

// traceConnect shows the CONNECT that has just been read.
func (c *conn) traceConnect() {
	c.watchFor(c.clientID)
	if t := c.trace.Load(); t != nil {
		t.See(c.version, true, c.in.buf[:c.in.r])
	}
}

// traceRefusal shows a CONNACK that did not go the way of all others.
func (c *conn) traceRefusal(answer *packet.Connack) {
	if t := c.trace.Load(); t != nil {
		v := answerVersion(c.version)
		t.See(v, false, answer.Append(nil, v))
	}
}
