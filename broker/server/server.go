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
	"skerry/broker/access"
	"skerry/broker/packet"
	"skerry/broker/watch"
)

// Options are what a Server needs besides its broker.
type Options struct {
	Log    *slog.Logger // nil: none
	Limits Limits

	// ReasonStrings has 5.0 Clients told in a few words why something was refused, where the Reason Code alone does not say.
	ReasonStrings bool
	// ResponseInformation is given to Clients that ask for it: the beginning of the topics that answers may be sent to.
	// %c stands for the ClientID, %u for the user. Empty: none is given.
	ResponseInformation string
	// Mark is that of this gateway, by which it knows its messages when others bring them back (broker.Via). Empty: it knows none.
	Mark string
}

// Server serves MQTT Clients on any number of listeners.
type Server struct {
	broker   *broker.Broker
	log      *slog.Logger
	limits   Limits
	reasons  bool
	response string
	mark     string
	knocks   *knocks
	start    time.Time // what times of connections are measured from

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
	mute      map[*conn]struct{} // those of them that have not sent a CONNECT
	leaving   int                // those whose place has been given away
	outplaced time.Duration      // when that was last logged; 0: never
	work      sync.WaitGroup     // readers and writers
	calls     calls
	counters  counters
	refusals  refusals
	throttle  access.Throttle
	paces     paceBook
	traces    map[string]*watch.Trace // by ClientID; guarded by mu
	gone      carried                 // by connections that have ended; guarded by mu
}

// New builds a Server. It accepts nobody before Listen and Run.
func New(b *broker.Broker, o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults()
	return &Server{
		broker:   b,
		log:      o.Log,
		limits:   limits,
		reasons:  o.ReasonStrings,
		response: o.ResponseInformation,
		mark:     o.Mark,
		knocks:   newKnocks(&limits),
		start:    time.Now(),
		inputs:   sync.Pool{New: func() any { return newInput(inputSize) }},
		doors:    sync.Pool{New: func() any { return newInput(doorSize) }},
		outputs:  sync.Pool{New: func() any { return new(output) }},
		queues:   sync.Pool{New: func() any { return new(ackQueue) }},
		logins:   make(chan struct{}, limits.Logins),
		conns:    map[*conn]struct{}{},
		mute:     map[*conn]struct{}{},
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
		s.log.Info("listening", "listener", l.Name, "address", l.Addr().String(), "tls", l.secure())
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
	forced := make(chan struct{})
	force := time.AfterFunc(2*s.limits.Shutdown, func() {
		defer close(forced)
		for _, c := range conns {
			c.inner.Close()
		}
	})
	s.work.Wait()
	if !force.Stop() {
		<-forced // it has begun: no goroutine is left behind
	}
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
	if !s.mayKnock(ctx, l, nc) {
		nc.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || !s.room(l, nc.RemoteAddr()) {
		s.counters.turnedAway.Add(1)
		nc.Close()
		return
	}
	s.counters.sockets.Add(1)
	c := newConn(s, l, nc)
	s.conns[c], s.mute[c] = struct{}{}, struct{}{}
	l.conns++
	s.work.Go(func() { c.serve(ctx) })
}

// room tells whether another connection may come. That there is none is logged once, for the whole Server or for the
// listener.
func (s *Server) room(l *listener, from net.Addr) bool {
	if len(s.conns)-s.leaving >= s.limits.Connections && !s.outplace(nil, from) {
		if !s.full {
			s.full = true
			s.log.Warn("too many connections: new ones are turned away", "limit", s.limits.Connections)
		}
		return false
	}
	if l.conns >= l.limits.Connections && !s.outplace(l, from) {
		if !l.full {
			l.full = true
			s.log.Warn("too many connections: new ones are turned away", "listener", l.Name, "limit", l.limits.Connections)
		}
		return false
	}
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	delete(s.mute, c)
	s.gone.add(c)
	l := c.listener
	if c.outplaced {
		s.leaving--
	} else {
		l.conns--
	}
	// Room for one is news only once there is room for some: else a full server logs twice per Client.
	if s.full && len(s.conns) < s.limits.Connections*9/10 {
		s.full = false
		s.log.Info("there is room for connections again")
	}
	if l.full && l.conns < max(l.limits.Connections*9/10, 1) {
		l.full = false
		s.log.Info("there is room for connections again", "listener", l.Name)
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
	sockets    atomic.Uint64
	connects   atomic.Uint64
	accepted   atomic.Uint64
	refused    atomic.Uint64
	turnedAway atomic.Uint64
	tooLarge   atomic.Uint64
	throttled  atomic.Uint64
	delayed    atomic.Uint64
	denied     denials
	tooOften   atomic.Uint64
	paused     atomic.Uint64
}

// Stats is a snapshot of the Server.
type Stats struct {
	Connections int    // Network Connections at this moment
	Slow        int    // of these, Clients whose queue does not drain, see Look
	Sockets     uint64 // Network Connections taken since the start
	Connects    uint64 // CONNECT packets that came, well formed or not
	Accepted    uint64 // CONNECT packets that were answered with Success
	Refused     uint64 // ... with anything else, or malformed
	TurnedAway  uint64 // connections closed because of Limits.Connections, of the Server or of a listener
	TooOften    uint64 // connections closed because of Limits.AddressRate
	Paused      uint64 // times that a Client was not read because of Limits.MessageRate or ByteRate
	TooLarge    uint64 // messages not delivered because of a Client's Maximum Packet Size

	Throttled       uint64 // logins not looked at, because too many before them had failed; they are among the Refused
	Delayed         uint64 // logins held up for that reason
	PublishDenied   uint64 // PUBLISH packets and Wills that the rules refused
	SubscribeDenied uint64 // Topic Filters that they refused
	ReadDenied      uint64 // deliveries that they refused

	Received, Sent watch.Traffic // of all connections since the start
}

// Stats tells how the Server is doing.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n, slow, all := len(s.conns), 0, s.gone
	for c := range s.conns {
		all.add(c)
		if c.slow.Load() {
			slow++
		}
	}
	s.mu.Unlock()
	return Stats{
		Connections: n,
		Slow:        slow,
		Received:    all.received,
		Sent:        all.sent,
		Sockets:     s.counters.sockets.Load(),
		Connects:    s.counters.connects.Load(),
		Accepted:    s.counters.accepted.Load(),
		Refused:     s.counters.refused.Load(),
		TurnedAway:  s.counters.turnedAway.Load(),
		TooOften:    s.counters.tooOften.Load(),
		Paused:      s.counters.paused.Load(),
		TooLarge:    s.counters.tooLarge.Load(),

		Throttled:       s.counters.throttled.Load(),
		Delayed:         s.counters.delayed.Load(),
		PublishDenied:   s.counters.denied.publish.Load(),
		SubscribeDenied: s.counters.denied.subscribe.Load(),
		ReadDenied:      s.counters.denied.read.Load(),
	}
}
