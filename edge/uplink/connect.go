package uplink

import (
	"context"
	"fmt"
	"math"
	"net"
	"time"

	"skerry/broker"
	"skerry/broker/client"
	"skerry/broker/packet"
)

const (
	// ourReceiveMaximum is how many messages the Server may have on their way to us.
	ourReceiveMaximum = 64
	// maxReceived is the size in bytes of the largest message that is received.
	maxReceived = 256 << 10
)

// The payloads of the state topic.
const (
	online  = "online"
	offline = "offline"
)

// passage is a session on its way over a link. It begins with a connection that stands; some Servers are asked more than once.
type passage struct {
	way    *way
	first  net.Conn // nil: it is used up
	stands func()   // tells that the Server has accepted
	used   int64    // connections, that one included

	greeted bool // the state topic says online: that was sent with CONNECT
}

// dial gives the next connection.
func (p *passage) dial(ctx context.Context, s *server) (net.Conn, error) {
	p.used++
	if conn := p.first; conn != nil {
		p.first = nil
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.way.kind.DialTime)
	defer cancel()
	conn, err := p.way.dial(ctx, s.Server)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn, nil
}

// close closes what was not used.
func (p *passage) close() {
	if p.first != nil {
		p.first.Close()
	}
}

// connection connects to a Server and carries until that ends. online tells whether it came so far.
func (u *Uplink) connection(ctx context.Context, p *passage, s *server) (online bool, err error) {
	for {
		var conn *client.Conn
		conn, err = u.connect(ctx, p, s)
		switch {
		case err == nil && s.understood():
			return u.carry(ctx, p, s, conn)
		case err == nil:
			_ = part(conn) // what matters is how the next attempt ends
		case ctx.Err() != nil:
			return false, err
		default:
			p.way.keep.failed(err)
			s.eager.lost(err)
			if !s.adapt(err) {
				return false, err
			}
		}
	}
}

// connect gets a CONNACK. A ClientID that this store has not connected with begins with a new session: who knows what an older one
// holds. A Server that has none needs not be asked to clear it.
func (u *Uplink) connect(ctx context.Context, p *passage, s *server) (*client.Conn, error) {
	if u.memory.ClientID == u.config.ClientID {
		return u.ask(ctx, p, s, false)
	}
	if !u.profile.Unsaid {
		conn, err := u.ask(ctx, p, s, false)
		if err != nil || !conn.Server().SessionPresent {
			return conn, err
		}
		_ = part(conn) // what matters is how the next one ends
	}
	if err := u.clear(ctx, p, s); err != nil {
		return nil, err
	}
	return u.ask(ctx, p, s, false)
}

// clear makes the Server forget the session. The connection that does is not the one that carries: in 3.1.1 a clean session ends with
// its connection, and mosquitto 2.0 does not save one that began with CleanStart, whatever its expiry, when it is restarted.
func (u *Uplink) clear(ctx context.Context, p *passage, s *server) error {
	conn, err := u.ask(ctx, p, s, true)
	if err != nil {
		return err
	}
	return part(conn)
}

// part ends a connection that carries nothing.
func part(conn *client.Conn) error {
	defer conn.Close()
	if err := conn.Send(&packet.Disconnect{}); err != nil {
		return err
	}
	return conn.Flush()
}

// ask sends CONNECT on one connection.
func (u *Uplink) ask(ctx context.Context, p *passage, s *server, cleanStart bool) (*client.Conn, error) {
	connect, err := u.connectPacket(p.way, s, cleanStart)
	if err != nil {
		return nil, err
	}
	stream, err := p.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	connecting, cancel := context.WithTimeout(ctx, p.way.kind.DialTime)
	defer cancel()
	t := &tap{u: u, version: connect.Version, opened: time.Now()}
	first := u.greeting(s, cleanStart)
	p.greeted, s.eager.sent = first != nil, first != nil
	conn, err := client.Open(connecting, stream, connect, client.ConnOptions{
		Bridge: s.speech().bridge, Held: u.held.ids, Restrict: u.restrict, Seen: t.see, Answered: p.way.keep.answered,
		Aliases: u.aliases, First: first,
	})
	if err == nil {
		s.eager.accepted(conn.Server())
		t.keepAlive = conn.Server().KeepAlive
		u.mu.Lock()
		u.tap = t
		u.mu.Unlock()
	}
	return conn, err
}

func (u *Uplink) connectPacket(w *way, s *server, cleanStart bool) (*packet.Connect, error) {
	c := &packet.Connect{
		Version:    s.speech().version,
		CleanStart: cleanStart,
		KeepAlive:  uint16(min((u.profile.Clamp(w.keep.ask())+time.Second-1)/time.Second, math.MaxUint16)),
		ClientID:   []byte(u.config.ClientID),
		WillFlag:   true,
		Will:       packet.Will{QoS: 1, Retain: u.profile.WillRetain, TopicName: []byte(u.names.Outward(u.state, nil)), Payload: []byte(offline)},
	}
	if s.modest {
		c.Will.QoS, c.Will.Retain = 0, false
	}
	if user := u.profile.User(s.Host, u.config.ClientID, u.config.User); user != "" {
		c.UserName = []byte(user)
	}
	var err error
	if c.Password, err = u.password(s.Host); err != nil {
		return nil, err
	}
	if c.Version == packet.V5 {
		c.Properties = c.Properties.
			AppendNumber(packet.ReceiveMaximum, ourReceiveMaximum).
			AppendNumber(packet.MaximumPacketSize, maxReceived+64<<10)
		if u.mark != "" && u.profile.Bridge {
			c.Properties = c.Properties.AppendUserProperty(broker.Via, u.mark)
		}
	}
	if delay := w.absence(); c.Version == packet.V5 && delay > 0 {
		c.Will.Properties = c.Will.Properties.AppendNumber(packet.WillDelayInterval, uint32(delay/time.Second))
	}
	if c.Version == packet.V5 && !cleanStart { // never, or what the Server makes of it
		c.Properties = c.Properties.AppendNumber(packet.SessionExpiryInterval, math.MaxUint32)
	}
	return c, nil
}

// carry brings our side in line with the Server's session and serves the link.
func (u *Uplink) carry(ctx context.Context, p *passage, s *server, conn *client.Conn) (online bool, err error) {
	defer conn.Close()
	p.way.keep.begin(conn)
	defer func() { p.way.keep.ended(conn, ctx.Err() != nil) }()
	present := conn.Server().SessionPresent
	if err := u.adopt(ctx, conn); err != nil {
		return false, err
	}
	if err := u.waitEpochs(ctx); err != nil {
		return false, err
	}
	l, err := newLink(u, p.way, conn)
	if err != nil {
		return false, err
	}
	defer l.close()
	defer func() { s.eager.ended(l.heard.Load(), err) }()
	if p.greeted {
		l.greeted = true
		l.own.ask(func([]packet.ReasonCode) { l.heard.Store(true) })
	}
	u.link.Store(l)
	defer u.link.Store(nil)
	u.held.begin(l)
	defer u.held.end(l)
	if filter := u.echoed(); filter != "" && s.speech() == (speech{packet.V311, false}) {
		u.once("echo", func() {
			u.log.Warn("the server cannot be asked not to send back what it got from here: that comes in again by a filter under receive",
				"filter", filter, "hint", "use a prefix that the filters under receive do not match")
		})
	}
	u.doubt()
	u.connected(p.way, s, present, conn.Server().SessionExpiryInterval)
	p.stands()
	defer func() { u.online += time.Since(l.born) }()
	defer u.leftOff(l)
	ctx, cancel := u.lease(ctx)
	defer cancel()
	err = l.run(ctx)
	u.hungUp()
	u.hungUpOnPrimers(err)
	u.judge(l, err)
	return true, err
}

// adopt notes what the Server knows of us, before a single message goes either way.
func (u *Uplink) adopt(ctx context.Context, conn *client.Conn) error {
	present := conn.Server().SessionPresent
	known := u.memory.ClientID == u.config.ClientID
	if !present {
		// Ids that were held belong to other messages now, and a command would be taken for one that came already.
		if err := u.broker.Wait(ctx, u.door.ForgetHeld()); err != nil {
			return fmt.Errorf("forget the packet ids of a lost session: %w", err)
		}
		u.memory.Subscribed, u.memory.Window = nil, window{}
	}
	if !present && !u.profile.Unsaid {
		anew, lost, err := u.beginAnew(ctx)
		if err != nil {
			return err
		}
		if known {
			u.count(func(s *Status) { s.LostSession++ })
		}
		u.tellLost(known, anew, lost)
	}
	u.memory.ClientID = u.config.ClientID
	u.memory.Window.widen(conn)
	receipt, err := u.memory.write()
	if err != nil || receipt == 0 {
		return err
	}
	// What comes next in the log carries the fact along. To wait for it makes the window small in which a power cut would
	// have the next connection begin with a new session; to wait for ever would help nobody.
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := u.broker.Wait(wait, receipt); err != nil && wait.Err() == nil {
		return err
	}
	return nil
}
