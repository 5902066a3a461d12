package broker

import (
	"crypto/rand"
	"errors"
	"time"
	"unicode/utf8"

	"skerry/broker/packet"
	"skerry/broker/topic"
	"skerry/queue"
)

// ConnectOptions say who connects and on what terms (section 3.1).
type ConnectOptions struct {
	ClientID string // "": one is assigned, where the version allows it
	User     string // who the Client has proven to be; "" is anonymous
	Door     string // where it has come in: after a restart, Guard finds its session by that
	Internal bool   // inside the program: ClientIDs of their own, which no Client can take
	Group    string // sessions of one group are local to each other (NoLocal); counts when the session is made

	Version               packet.Version
	CleanStart            bool
	SessionExpiryInterval uint32 // seconds after the connection ends; 0: with it; Never. 3.1.1: CleanSession ? 0 : Never
	ReceiveMaximum        uint16 // 0: 65535
	KeepAlive             time.Duration
	Will                  *Will
	PacketIDs             queue.Range // of a new session; default all
	Conn                  Conn        // nil: publishes only

	// Access gives what a Client of that ClientID may do: the one it has named, or that was assigned. nil: everything.
	Access func(clientID string) Access
}

// Connected is what CONNACK says.
type Connected struct {
	SessionPresent        bool
	Receipt               queue.Receipt // CONNACK may be sent when it is resolved
	ClientID              string        // as given or assigned
	Assigned              bool
	SessionExpiryInterval uint32 // as granted
}

// Namespaces: the first byte of a session's key.
const (
	clientKey   = 'c'
	internalKey = 'i'
)

func key(clientID string, internal bool) string {
	if internal {
		return string(internalKey) + clientID
	}
	return string(clientKey) + clientID
}

// Connect connects a session: the one that ClientID has, or a new one. A connection that the session already has is taken
// over: its handle is dead when Connect returns, and its Conn is told. What waits for the session already is not announced:
// the caller asks Next once. The error is a packet.ReasonCode.
func (b *Broker) Connect(o ConnectOptions) (*Session, Connected, error) {
	if code := o.invalid(&b.options.Limits); code.IsError() {
		return nil, Connected{}, code
	}
	o.SessionExpiryInterval = b.grant(o.SessionExpiryInterval, o.Internal)
	b.mu.Lock()
	h, connected, up, code := b.connect(&o)
	b.mu.Unlock()
	if up != nil {
		up.do()
	}
	if code.IsError() {
		return nil, Connected{}, code
	}
	return h, connected, nil
}

// invalid is why no session could be connected with these options.
func (o *ConnectOptions) invalid(limits *Limits) packet.ReasonCode {
	switch {
	case !utf8.ValidString(o.ClientID), len(o.ClientID) > topic.MaxLength:
		return packet.ClientIdentifierNotValid
	case o.ClientID == "" && (o.Internal || o.Version == packet.V31):
		return packet.ClientIdentifierNotValid
	case o.ClientID == "" && o.Version == packet.V311 && !o.CleanStart: // [MQTT-3.1.3-8] of 3.1.1
		return packet.ClientIdentifierNotValid
	case o.Will == nil:
		return packet.Success
	case topic.ValidName(o.Will.Message.TopicName) != nil, !o.Internal && !limits.allowsTopic(o.Will.Message.TopicName):
		return packet.TopicNameInvalid
	case o.Will.Message.QoS > 2:
		return packet.QoSNotSupported
	case mayNotName(o.Will.Message.TopicName, o.Internal):
		return packet.NotAuthorized
	}
	return packet.Success
}

// grant cuts a SessionExpiryInterval to what is allowed. The program's own sessions are not cut.
func (b *Broker) grant(seconds uint32, internal bool) uint32 {
	if most := b.options.MaxSessionExpiry; most != 0 && !internal {
		return min(seconds, most)
	}
	return seconds
}

// connect does the work of Connect under the lock. up is nil if there was no such session before.
func (b *Broker) connect(o *ConnectOptions) (_ *Session, _ Connected, up *later, _ packet.ReasonCode) {
	assigned := o.ClientID == ""
	for o.ClientID == "" || assigned && b.sessions[key(o.ClientID, o.Internal)] != nil {
		o.ClientID = "skerry-" + rand.Text()
	}
	if b.sessions[key(o.ClientID, o.Internal)] != nil {
		up = new(later)
	}
	old := b.current(key(o.ClientID, o.Internal), up)
	if code := b.mayConnect(old, o); code.IsError() {
		return nil, Connected{}, up, code
	}
	access := o.admit()
	if access != nil && o.Will != nil && !access.MayPublish(o.Will.Message.TopicName) {
		return nil, Connected{}, up, packet.NotAuthorized
	}
	resume := old != nil && !o.CleanStart && old.queue != nil && old.life.expiry > 0
	if old != nil {
		b.leave(old, resume, up)
	}
	var s *session
	var err error
	if resume {
		s, err = old, b.resume(old, o)
	} else {
		s, err = b.create(old, o)
	}
	if err != nil {
		if old != nil { // its connection is gone all the same: the Client has a new one
			old.life.away = b.store.Now()
			b.setDeadlines(old)
		}
		return nil, Connected{}, up, noSession(err)
	}
	return b.attach(s, o, access), Connected{
		SessionPresent:        resume, // [MQTT-3.2.2-2]
		Receipt:               s.receipt,
		ClientID:              o.ClientID,
		Assigned:              assigned,
		SessionExpiryInterval: o.SessionExpiryInterval,
	}, up, packet.Success
}

// current is the session of a key, nil if there is none. What it was due while its Client was away is done first: the timer of Run may
// be late, because it stands still while the machine is suspended.
func (b *Broker) current(key string, up *later) *session {
	if s := b.sessions[key]; s != nil && s.life.index != 0 {
		if now := b.store.Now().At; s.life.next() <= now {
			b.serve(s, now, up)
		}
	}
	return b.sessions[key]
}

// noSession is the reason code when the store does not take a session.
func noSession(err error) packet.ReasonCode {
	switch {
	case errors.Is(err, queue.ErrBusy):
		return packet.ServerBusy
	case errors.Is(err, queue.ErrTooLarge), errors.Is(err, queue.ErrFull): // the Will; the disk
		return packet.QuotaExceeded
	}
	return packet.ServerUnavailable
}

// mayConnect tells whether the session of a ClientID may be taken. It belongs to the user who made it, or else anybody who
// knows a ClientID could read what waits for it. One that was made anonymously anybody may have, also a named user, who so keeps what
// waits when the time of names begins; but not while it is connected.
func (b *Broker) mayConnect(old *session, o *ConnectOptions) packet.ReasonCode {
	switch {
	case old != nil && old.user != o.User && (old.user != "" || old.out.Load() != nil):
		return packet.NotAuthorized
	case old == nil && !o.Internal && b.clients >= b.options.Limits.Sessions:
		return packet.QuotaExceeded
	case !o.Internal && o.Will != nil && b.willBytes-old.willWeight()+weight(o.Will.Message) > b.options.Limits.WillBytes:
		return packet.QuotaExceeded
	}
	return packet.Success
}

// leave ends whatever stands between a session and its Client's return: an older connection is taken over, and the Will is
// cancelled or due. A Will is due if its delay is 0 and a connection was taken over, or if the session ends (3.1.4-3 and
// 3.1.3.2.2); mosquitto keeps it back when the session goes on, against the comment there.
func (b *Broker) leave(s *session, resume bool, up *later) {
	due := !resume
	if h := s.out.Load(); h != nil {
		b.detach(h, &up.touched)
		if h.conn != nil {
			up.takenOver = append(up.takenOver, h.conn)
		}
		due = due || s.will != nil && s.will.Delay == 0
	} else if s.life.restarted {
		due = false // the restart was not the Client's doing, and it is back in time
	}
	if s.will != nil && due {
		b.fire(s, &up.touched)
	}
}

// resume prepares a session that goes on with a new connection.
func (b *Broker) resume(s *session, o *ConnectOptions) error {
	c := b.change()
	if s.user != o.User || s.life.expiry != o.SessionExpiryInterval {
		c.forced = true
	}
	c.putWill(s.key, o)
	fact := sessionFact{number: s.queue.Number(), user: o.User, group: s.group, expiry: o.SessionExpiryInterval, door: o.Door}
	c.put(spaceSession, s.key, fact.encode())
	err := c.applyFor(s)
	if err != nil && !c.forced { // nothing that anybody waits for: QoS 0 still flows
		b.log.Warn("connection of a session not noted", "client", o.ClientID, "err", err)
		return nil
	}
	return err
}

// create makes a new session in place of old, if there is one.
func (b *Broker) create(old *session, o *ConnectOptions) (*session, error) {
	s := newSession(b, key(o.ClientID, o.Internal), o.Group)
	limits, volatile := b.options.Queue, b.volatile
	limits.PacketIDs, volatile.PacketIDs = o.PacketIDs, o.PacketIDs
	limits.Limits, limits.Name = b.limitsOf(o.Internal), o.ClientID
	c := b.change()
	if old != nil {
		c.end(old)
	}
	if o.SessionExpiryInterval > 0 {
		s.queue = c.create(limits)
		fact := sessionFact{number: s.queue.Number(), user: o.User, group: s.group, expiry: o.SessionExpiryInterval, door: o.Door}
		c.put(spaceSession, s.key, fact.encode())
		c.forced = true
	}
	c.putWill(s.key, o)
	if err := c.applyFor(s); err != nil && (s.queue != nil || c.forced) {
		return nil, err // a volatile session needs no store: QoS 0 still flows
	}
	if s.queue == nil {
		s.queue = b.store.NewVolatile(volatile)
	}
	if old != nil {
		b.forget(old)
	}
	b.enter(s)
	return s, nil
}

func newSession(b *Broker, key, group string) *session {
	s := &session{b: b, key: key, group: group, origin: key}
	s.backlog.total = &b.owed
	if group != "" {
		s.origin = "group " + group
	}
	return s
}

// enter makes a session known.
func (b *Broker) enter(s *session) {
	b.made++
	s.order = b.made
	b.sessions[s.key] = s
	if !s.internal() {
		b.clients++
	}
}

// internal tells the program's own sessions from those of Clients.
func (s *session) internal() bool { return s.key[0] == internalKey }

// attach gives a session its connection.
func (b *Broker) attach(s *session, o *ConnectOptions, access Access) *Session {
	s.user, s.door = o.User, o.Door
	b.setWill(s, o.Will)
	s.life = life{expiry: o.SessionExpiryInterval, keepAlive: o.KeepAlive, index: s.life.index}
	b.schedule(s)
	s.obey(access)
	h := &Session{b: b, state: s, conn: o.Conn, access: access}
	if o.Conn != nil {
		s.queue.SetWaker(o.Conn)
	}
	s.queue.Resume(o.ReceiveMaximum)
	s.out.Store(h)
	s.arrive()
	return h
}

// detach takes the connection from a session.
func (b *Broker) detach(h *Session, t *Touched) {
	h.kill()
	h.state.out.Store(nil)
	h.state.queue.SetWaker(nil)
	h.state.queue.Suspend()
	h.state.backlog.disconnected()
	h.state.depart(t)
}
