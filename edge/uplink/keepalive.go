package uplink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/edge/config"
	"skerry/edge/uplink/keepalive"
	"skerry/edge/uplink/modem"
)

// Signal is what is known of the radio of a link.
type Signal struct {
	Operator string // MCC-MNC
	APN      string
	Class    string // technology: LTE, NB-IoT

	keepalive.Line

	// Answer is the factor of the time that the Server has to answer PINGREQ, and to acknowledge. 0: 1.
	Answer float64
	Held   modem.Classes // what is not sent for now
	Bad    bool          // another link is better, if there is one
}

const (
	// signalLook is how often the signal is asked for while a connection stands.
	signalLook = 30 * time.Second
	// answerTime is how long the Server has to answer PINGREQ on a good signal, and at least as long as the kind of the link may stall.
	answerTime = 30 * time.Second
)

// keeper keeps the connections over one link alive, and learns how seldom it can ask for that. It tells the state machine what happens to
// the paths of the link.
type keeper struct {
	link   string
	wanted config.KeepAlive
	limit  time.Duration // the longest Keep Alive that the Server takes; 0: any
	answer time.Duration // how long the Server has to answer PINGREQ on a good signal
	shelf  *shelf
	log    *slog.Logger
	signal func(link string) Signal // nil: always fair

	mu      sync.Mutex
	server  string    // host:port
	event   time.Time // the last that the kernel has told of; zero: none
	path    keepalive.Path
	learner *keepalive.Learner // nil: the interval is fixed
	line    Signal
	conn    *client.Conn // that stands; nil: none
	silence bool         // the last one was lost in a silence, with nothing on its way
}

// newKeeper is that of a way.
func (w *way) newKeeper(u *Uplink, o Options) *keeper {
	return &keeper{link: w.Name, wanted: w.KeepAlive, limit: cmp.Or(o.MaxKeepAlive, u.profile.KeepAlive.Max), answer: max(answerTime, w.kind.DeadFloor), shelf: u.shelf,
		log: u.log, signal: w.signal}
}

// take says where the next connection leads, before it is dialled.
func (k *keeper) take(server string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.server = server
	k.look()
}

// moved notes that the link has changed.
func (k *keeper) moved(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.event = now
}

// look asks for the signal, and turns to another path if it is one.
func (k *keeper) look() {
	if k.line = (Signal{}); k.signal != nil {
		k.line = k.signal(k.link)
	}
	if !k.wanted.Learned() {
		return
	}
	if k.event.After(k.line.Event) {
		k.line.Event = k.event
	}
	now := time.Now()
	path := keepalive.Path{Link: k.link, Operator: k.line.Operator, APN: k.line.APN, Class: k.line.Class, Server: k.server}
	if k.learner == nil || k.path != path {
		moved := k.learner != nil && k.conn != nil
		k.path, k.learner = path, keepalive.New(k.shelf.get(path), k.bounds(), now)
		if moved {
			k.learner.Look(now, keepalive.Line{Event: now}) // a silence that began on the path before says nothing about this one
		}
	}
	k.learner.Look(now, k.line.Line)
}

// bounds are those within which is learned.
func (k *keeper) bounds() keepalive.Bounds {
	return keepalive.Bounds{Floor: k.wanted.Min, Ceiling: k.wanted.Max}.Server(k.limit)
}

// ask is the Keep Alive of CONNECT: the longest there may be, if it is learned.
func (k *keeper) ask() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := k.wanted.Max
	if k.wanted.Learned() {
		asked = k.bounds().Connect()
	}
	if k.limit > 0 {
		asked = min(asked, k.limit)
	}
	return asked
}

// failed notes that an attempt to connect did not succeed.
func (k *keeper) failed(err error) {
	_, refused := errors.AsType[*client.Refused](err)
	k.learn(func(l *keepalive.Learner, _ time.Time) bool {
		if !refused {
			return l.Failed()
		}
		l.Drop() // there is a path, and no answer to the question whether it was there all the time
		return false
	})
}

// begin notes that a connection stands.
func (k *keeper) begin(conn *client.Conn) {
	k.mu.Lock()
	k.conn = conn
	k.mu.Unlock()
	k.learn(func(l *keepalive.Learner, now time.Time) bool {
		l.Bound(k.bounds().Server(conn.Server().KeepAlive))
		return l.Connected(now)
	})
}

// answered notes what became of a silence.
func (k *keeper) answered(e client.Exchange) {
	k.learn(func(l *keepalive.Learner, now time.Time) bool { return l.Answered(trialOf(e), now) })
}

// ended notes that a connection has ended, and with what; ours tells that we have ended it.
func (k *keeper) ended(conn *client.Conn, ours bool) {
	cause, e, waiting := conn.Err(), conn.Unanswered(), conn.Unacknowledged(1, 65535)
	k.mu.Lock()
	k.conn, k.silence = nil, false
	k.mu.Unlock()
	k.learn(func(l *keepalive.Learner, now time.Time) bool {
		defer func() { k.silence = l.Suspects() && waiting == 0 }()
		switch silent := !e.Began.IsZero(); {
		case ours:
			l.Drop()
		case silent && lostOnTheWay(cause):
			l.Lost(trialOf(e), now)
		case errors.Is(cause, client.ErrLost):
			e.Began = now
			e.Idle, e.Unsaid = now.Sub(e.Last), now.Sub(e.Last)
			l.Closed(trialOf(e), now)
		default:
			l.Drop()
		}
		return false
	})
}

// lostOnTheWay tells whether nothing has answered: neither PINGREQ, nor in the watchdog's time, nor TCP. A Server that takes everything and
// acknowledges nothing is no sign of a lost path.
func lostOnTheWay(cause error) bool {
	return cause == client.ErrTimeout || errors.Is(cause, errSilent) || errors.Is(cause, client.ErrLost)
}

// lostInSilence tells whether the last connection may have been forgotten on the way, and nothing was waited for. Then the same link is
// tried first: it is likely to be sound, and only what becomes of it tells.
func (k *keeper) lostInSilence() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.silence
}

// trialOf translates an exchange.
func trialOf(e client.Exchange) keepalive.Trial {
	wall := e.Began.Round(0).Sub(e.Last.Round(0))
	return keepalive.Trial{Since: e.Last, Idle: e.Idle, Wall: wall, Unsaid: e.Unsaid, Unheard: e.Unheard}
}

// watch looks after the signal until ctx ends.
func (k *keeper) watch(ctx context.Context) {
	if k.signal == nil {
		return
	}
	tick := time.NewTicker(signalLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.sensed()
		}
	}
}

// sensed looks at the signal.
func (k *keeper) sensed() { k.learn(func(*keepalive.Learner, time.Time) bool { return false }) }

// learn does something that may teach, stores what was learned, and has the connection follow.
func (k *keeper) learn(f func(*keepalive.Learner, time.Time) (changed bool)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
	if k.learner != nil {
		before := k.learner.Status()
		if f(k.learner, time.Now()) {
			k.shelf.put(k.path, k.learner.State())
		}
		k.report(before, k.learner.Status())
	}
	if k.conn != nil {
		k.conn.SetKeepAlive(k.pings())
	}
}

// pings is how the connection is to be kept alive now.
func (k *keeper) pings() client.KeepAlive {
	p := client.KeepAlive{Ping: k.wanted.Max, Answer: k.answer}
	if k.line.Answer > 0 {
		p.Answer = time.Duration(float64(k.answer) * k.line.Answer)
	}
	switch f := k.line.Factor; {
	case k.learner != nil:
		p.Ping, p.Speak = k.learner.Interval(), k.learner.Speak()
	case f > 0 && f < 1:
		p.Ping = time.Duration(float64(p.Ping) * f)
	}
	return p
}

// report logs what has become different.
func (k *keeper) report(before, now keepalive.Status) {
	switch {
	case now.TooShort && !before.TooShort:
		k.log.Warn("the link forgets a silent connection sooner than it may be asked", "link", k.link, "server", k.server, "interval", now.Interval.String(),
			"hint", "allow less: the lower bound of keep_alive is "+now.Floor.String())
	case now.Phase == keepalive.Hold && before.Phase != keepalive.Hold:
		k.log.Info("the keep-alive is learned", "link", k.link, "server", k.server, "interval", now.Interval.String(), "lost_connections", now.Lost)
	case before.Phase == keepalive.Hold && now.Phase == keepalive.Search && now.Interval < before.Interval:
		k.log.Warn("the link forgets a silent connection sooner than it did; a shorter keep-alive is tried",
			"link", k.link, "server", k.server, "interval", before.Interval.String())
	}
}

// status tells what is known of the path in use.
func (k *keeper) status() (s KeepAliveStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.Ping, s.Path = k.pings().Ping, k.path
	learner := k.learner
	if learner == nil && k.wanted.Learned() { // the link has not been dialled yet: it would begin like this
		learner = keepalive.New(keepalive.State{}, k.bounds(), time.Now())
		s.Ping = learner.Interval()
	}
	if k.conn != nil {
		if most := k.conn.Server().KeepAlive; most > 0 {
			s.Ping = min(s.Ping, most) // the connection does not wait longer than the Server does
		}
	}
	if learner != nil {
		learned := learner.Status()
		s.Learned = &learned
	}
	return s
}

// KeepAliveStatus is how a link is kept alive.
type KeepAliveStatus struct {
	Ping    time.Duration     // the longest silence of the Server until it is asked whether it is there
	Learned *keepalive.Status // how that is known; nil: it is fixed
	Path    keepalive.Path    // for which it was learned
}

// shelf is where the links of an uplink keep what they have learned: one fact in the log.
type shelf struct {
	broker *broker.Broker
	key    string
	log    *slog.Logger

	mu   sync.Mutex
	read bool
	book keepalive.Book
}

// get gives what is known of a path. A fact that cannot be read is learned anew.
func (s *shelf) get(p keepalive.Path) keepalive.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.broker.Fact(s.key); ok && !s.read {
		var err error
		if s.book, err = keepalive.ParseBook(value); err != nil {
			s.log.Warn("what was learned about the keep-alive cannot be read; it is learned anew", "err", err)
		}
	}
	s.read = true
	return s.book.Get(p)
}

// put stores what is known of a path. It may come to the disk with the next messages: at worst something is learned twice.
func (s *shelf) put(p keepalive.Path, state keepalive.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.Put(p, state)
	value, err := json.Marshal(s.book)
	if err == nil {
		_, err = s.broker.PutFact(s.key, value)
	}
	if err != nil {
		s.log.Warn("what was learned about the keep-alive is not stored", "err", err)
	}
}

// forget removes the fact.
func (s *shelf) forget() error {
	if _, ok := s.broker.Fact(s.key); !ok {
		return nil
	}
	_, err := s.broker.PutFact(s.key, nil)
	return err
}
