package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
)

// Options are what a Server needs besides its broker.
type Options struct {
	Log    *slog.Logger // nil: none
	Limits Limits
}

// Server serves MQTT Clients on any number of listeners.
type Server struct {
	broker *broker.Broker
	log    *slog.Logger
	limits Limits
	start  time.Time // what times of connections are measured from

	inputs  sync.Pool // *input of inputSize
	doors   sync.Pool // *input of doorSize
	outputs sync.Pool // *output
	queues  sync.Pool // *ackQueue
	logins  chan struct{}

	mu        sync.Mutex
	running   bool
	stopping  bool
	full      bool // the last connection was turned away
	listeners []*listener
	conns     map[*conn]struct{}
	work      sync.WaitGroup // readers and writers
	counters  counters
	refusals  refusals
}

// New builds a Server. It accepts nobody before Listen and Run.
func New(b *broker.Broker, o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults()
	return &Server{
		broker:  b,
		log:     o.Log,
		limits:  limits,
		start:   time.Now(),
		inputs:  sync.Pool{New: func() any { return newInput(inputSize) }},
		doors:   sync.Pool{New: func() any { return newInput(doorSize) }},
		outputs: sync.Pool{New: func() any { return new(output) }},
		queues:  sync.Pool{New: func() any { return new(ackQueue) }},
		logins:  make(chan struct{}, limits.Logins),
		conns:   map[*conn]struct{}{},
	}
}

// Run serves all listeners until ctx ends. Then 5.0 Clients are told that the Server is shutting down, what is
// durable is acknowledged, and everything is closed: a Client that does not listen cannot hold it up for longer
// than twice Limits.Shutdown. Run is called once.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running {
		s.mu.Unlock()
		return errors.New("the server runs already")
	}
	s.running = true
	listeners := s.listeners
	s.mu.Unlock()

	var accepting sync.WaitGroup
	for _, l := range listeners {
		accepting.Go(func() { s.accept(ctx, l) })
		s.log.Info("listening", "listener", l.Name, "address", l.Addr().String(), "tls", l.TLS != nil)
	}
	<-ctx.Done()
	err := s.Close()
	accepting.Wait()
	s.dismiss()
	return err
}

// Close closes the listeners. It is for a Server that never ran; Run does it itself.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.listeners = nil
	return errors.Join(errs...)
}

// dismiss ends all connections and waits for their goroutines.
func (s *Server) dismiss() {
	s.mu.Lock()
	s.stopping = true
	conns := s.connections()
	s.mu.Unlock()
	for _, c := range conns {
		c.Close(packet.ServerShuttingDown)
	}
	force := time.AfterFunc(2*s.limits.Shutdown, func() {
		for _, c := range conns {
			c.inner.Close()
		}
	})
	defer force.Stop()
	s.work.Wait()
}

func (s *Server) connections() []*conn {
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// admit starts serving a connection, or closes it when there are too many.
func (s *Server) admit(ctx context.Context, l *listener, nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.conns) >= s.limits.Connections {
		s.counters.turnedAway.Add(1)
		if !s.full && !s.stopping {
			s.full = true
			s.log.Warn("too many connections: new ones are turned away", "limit", s.limits.Connections)
		}
		nc.Close()
		return
	}
	c := newConn(s, l, nc)
	s.conns[c] = struct{}{}
	s.work.Go(func() {
		c.serve(ctx)
		s.forget(c)
	})
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	// Room for one is news only once there is room for some: else a full server logs twice per Client.
	if s.full && len(s.conns) < s.limits.Connections*9/10 {
		s.full = false
		s.log.Info("there is room for connections again")
	}
}

// now is the time since the Server was made, on the monotonic clock.
func (s *Server) now() time.Duration { return time.Since(s.start) }

func (s *Server) takeInput(big bool) *input {
	if big {
		return s.inputs.Get().(*input)
	}
	return s.doors.Get().(*input)
}

// giveInput takes a buffer back; one that a large packet made grow is left to the collector.
func (s *Server) giveInput(in *input) {
	in.r, in.w = 0, 0
	in.publish = packet.Publish{}
	switch len(in.buf) {
	case inputSize:
		s.inputs.Put(in)
	case doorSize:
		s.doors.Put(in)
	}
}

// counters are what is worth knowing about the whole Server.
type counters struct {
	accepted   atomic.Uint64
	refused    atomic.Uint64
	turnedAway atomic.Uint64
	tooLarge   atomic.Uint64
}

// Stats is a snapshot of the Server.
type Stats struct {
	Connections int    // Network Connections at this moment
	Accepted    uint64 // CONNECT packets that were answered with Success
	Refused     uint64 // ... with anything else, or malformed
	TurnedAway  uint64 // connections closed because of Limits.Connections
	TooLarge    uint64 // messages not delivered because of a Client's Maximum Packet Size
}

// Stats tells how the Server is doing.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.conns)
	s.mu.Unlock()
	return Stats{
		Connections: n,
		Accepted:    s.counters.accepted.Load(),
		Refused:     s.counters.refused.Load(),
		TurnedAway:  s.counters.turnedAway.Load(),
		TooLarge:    s.counters.tooLarge.Load(),
	}
}
