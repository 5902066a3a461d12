package broker

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"skerry/broker/packet"
	"skerry/queue"
)

// A Conn is what stands behind a connected Session: a Network Connection, or a consumer inside the program. Its methods are
// called without locks held, from any goroutine, and also for a short while after Disconnect. The type must be comparable.
type Conn interface {
	// Wake says that receipts or deliveries may be ready. It only signals: it must not block and touch no socket.
	Wake()
	// Flush is called by a publisher once per batch, and by the store instead of Wake if it has nobody else to wake: deliver what waits
	// now, as far as that goes without blocking.
	Flush()
	// Close says that the session is this connection's no more (taken over). It only signals.
	Close(packet.ReasonCode)
}

// A Session is the handle of one connection on a session: what Connect returned. It is dead after Disconnect, and when
// another connection has taken the session over; then every call is refused with SessionTakenOver.
//
// Publish, Receive and Release are for one goroutine at a time; all else may be called from any.
type Session struct {
	b     *Broker
	state *session
	conn  Conn // nil: it only publishes

	access Access // nil: it may do everything

	dead atomic.Bool
	pull sync.Mutex // held around taking deliveries, so that none is taken by a handle that has just died
	push sync.Mutex // likewise around publishing: else a connection that was taken over in mid-call could publish a QoS 2
	// message after its successor has run the whole exchange of it, once more
	refused error // why the store would not take the last message; guarded by push
}

// session is what outlives its connections.
type session struct {
	b      *Broker
	key    string // namespace and ClientID
	order  uint64 // unique; sorts the targets of a message
	group  string
	origin string         // what the publisher of a retained message is remembered by, for NoLocal: group or key
	queue  *queue.Session // nil: nothing is left of the session but a Will

	out       atomic.Pointer[Session] // the connected handle
	unflushed atomic.Bool             // something was pushed since the last flush
	toucher   atomic.Pointer[Touched] // whose list it was put on last
	idSets    atomic.Pointer[[][]uint32]
	access    atomic.Pointer[Access] // of the last connection; nil: no bounds
	author    atomic.Pointer[author] // as such it has retained messages; nil: not by this connection
	backlog   backlog
	joined    joined
	shared    *group                    // what stands behind this is no Client but a group
	diverted  atomic.Pointer[diversion] // who gets what this one has subscribed to; nil: it does itself

	// Guarded by Broker.mu:
	user    string
	door    string                   // of the last connection
	subs    map[string]*subscription // by Topic Filter; nil until there is one
	weight  int                      // of subs, in bytes
	pool    *queue.Pool              // what the groups take that this session has been in for longest; nil: there was none
	will    *Will
	life    life
	receipt queue.Receipt // of the last change to the facts of this session

	standsIn *session // that has this one get its messages; nil: none
}

// life says how long a session lasts and what of it waits for a deadline.
type life struct {
	keepAlive time.Duration // of the last connection
	away      queue.Stamp   // when the last connection ended; zero while connected
	willAt    time.Duration // on the clock of the deadlines
	endAt     time.Duration
	index     int    // in Broker.due, plus 1; 0: not there
	expiry    uint32 // SessionExpiryInterval in seconds
	restarted bool   // away since a restart: whoever returns in time was not away for others
	willDue   bool   // the Will waits for willAt
	expires   bool   // the session ends at endAt
}

// ClientID returns the ClientID of the session, as the Client gave it or as it was assigned.
func (s *Session) ClientID() string { return s.state.key[1:] }

// Durable tells whether the session survives a restart.
func (s *Session) Durable() bool { return s.state.queue.Durable() }

// Unfinished is how many deliveries of QoS 1 and 2 the session owes its subscriber: waiting or on their way, and not
// acknowledged. It also answers on a dead handle.
func (s *Session) Unfinished() uint64 { return s.state.queue.Unfinished() }

// NextOrdinal is that of the next message of QoS 1 or 2: see queue.Session.
func (s *Session) NextOrdinal() uint64 { return s.state.queue.NextOrdinal() }

// Stats is what the session holds, and what it has dropped since it was made. It also answers on a dead handle.
func (s *Session) Stats() queue.SessionStats { return s.state.queue.Stats() }

// Ahead yields what waits in the log and is not in memory yet, in order; see queue.Session. Nothing is delivered by that.
func (s *Session) Ahead(yield func(ordinal uint64, m *Message, retain bool) bool) {
	s.state.queue.Ahead(yield)
}

// Queued is how many deliveries of any QoS wait in memory for the Client to take them. It also answers on a dead handle.
func (s *Session) Queued() int { return s.state.queue.Queued() }

// Lost is how many deliveries fell to a limit since the session was made. It also answers on a dead handle.
func (s *Session) Lost() uint64 { return s.state.queue.Lost() }

// PacketIDs is the range of Packet Identifiers that the session was made with, whatever ConnectOptions say since.
func (s *Session) PacketIDs() queue.Range { return s.state.queue.PacketIDs() }

// Next appends up to max deliveries to dst. It never blocks; nothing new means that there is nothing to send now, or that
// the Receive Maximum is used up.
func (s *Session) Next(dst []Delivery, max int) []Delivery {
	from := len(dst)
	dst, gate := s.next(dst, max)
	s.b.Resolve(dst[from:])
	if gate != 0 && s.conn != nil {
		s.b.store.Notify(gate, s.conn)
	}
	return dst
}

// Resolve replaces messages whose time is known by now, see Options.
func (b *Broker) Resolve(list []Delivery) {
	for i := range list {
		if m := list[i].Message; m != nil && m.Unresolved && b.options.Resolve != nil {
			list[i].Message = b.options.Resolve(m)
		}
	}
}

func (s *Session) next(dst []Delivery, max int) (_ []Delivery, gate queue.Receipt) {
	s.pull.Lock()
	defer s.pull.Unlock()
	if s.dead.Load() {
		return dst, 0
	}
	most := len(dst) + max
	dst = s.state.queue.Next(dst, max)
	for fed := true; fed && len(dst) < most; {
		if fed, gate = s.state.feed(); fed || gate != 0 {
			dst = s.state.queue.Next(dst, most-len(dst))
		}
	}
	return s.state.draw(dst, most), gate
}

// Waiting tells whether Next would give something now, but for what it may draw from shared subscriptions.
func (s *Session) Waiting() bool {
	return !s.dead.Load() && (s.state.queue.Waiting() || s.state.hungry())
}

// Ack completes a delivery: PUBACK or PUBCOMP came, or a PUBREC that refuses the message.
func (s *Session) Ack(packetID uint16) packet.ReasonCode {
	if s.dead.Load() {
		return packet.SessionTakenOver
	}
	if !s.state.queue.Ack(packetID) {
		return packet.PacketIdentifierNotFound
	}
	return packet.Success
}

// Expired completes a delivery that has expired after it was taken, and will not be sent [MQTT-3.3.2-5].
func (s *Session) Expired(d *Delivery) {
	if !s.dead.Load() {
		s.state.queue.Expired(d.PacketID)
	}
}

// AckAs is Ack for what a Client has sent: PUBACK, PUBCOMP, or a PUBREC that refuses the message. ProtocolError: the delivery
// waits for another packet, because of its QoS or because PUBREC has to come first [MQTT-4.8.0-1 of 3.1.1].
func (s *Session) AckAs(packetID uint16, t packet.Type) packet.ReasonCode {
	if s.dead.Load() {
		return packet.SessionTakenOver
	}
	qos := byte(2)
	if t == packet.PUBACK {
		qos = 1
	}
	switch known, fits := s.state.queue.AckAs(packetID, qos, t == packet.PUBCOMP); {
	case !fits:
		return packet.ProtocolError
	case !known:
		return packet.PacketIdentifierNotFound
	}
	return packet.Success
}

// Received notes a PUBREC. PUBREL may be sent when the receipt is resolved. ProtocolError: the delivery is not of QoS 2.
func (s *Session) Received(packetID uint16) (queue.Receipt, packet.ReasonCode) {
	if s.dead.Load() {
		return 0, packet.SessionTakenOver
	}
	r, ok := s.state.queue.Received(packetID)
	switch {
	case ok:
	case s.state.queue.InFlight(packetID):
		return 0, packet.ProtocolError
	default:
		return 0, packet.PacketIdentifierNotFound
	}
	return r, packet.Success
}

// ForgetHeld lets go of the inbound QoS 2 packet ids: the other side has lost its session state.
func (s *Session) ForgetHeld() queue.Receipt {
	if s.dead.Load() {
		return 0
	}
	return s.state.queue.ForgetHeld()
}

// ExpiryLeft is the Message Expiry Interval to send onward: what the publisher set, less the time that has passed. ok is
// false if the message does not expire. [MQTT-3.3.2-6]
func (s *Session) ExpiryLeft(m *Message) (seconds uint32, ok bool) { return s.b.expiryLeft(m) }

func (b *Broker) expiryLeft(m *Message) (seconds uint32, ok bool) {
	if !m.HasExpiry {
		return 0, false
	}
	age := min(b.store.Age(m)/time.Second, math.MaxUint32)
	return m.Expiry - min(m.Expiry, uint32(age)), true
}

// kill makes a handle dead. When it returns no call on it publishes or takes deliveries any more.
func (s *Session) kill() {
	s.push.Lock()
	s.pull.Lock()
	s.dead.Store(true)
	s.pull.Unlock()
	s.push.Unlock()
}

// internal sessions have a namespace of their own, so that no Client can name them.
func (s *Session) internal() bool { return s.state.internal() }
