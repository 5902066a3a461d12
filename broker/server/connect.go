package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/broker/watch"
)

// errNotMQTT means that the first packet was not a CONNECT. There is nobody to answer.
var errNotMQTT = errors.New("the first packet is not a CONNECT [MQTT-3.1.0-1]")

// errNoConnect means that nothing, or not enough, came.
var errNoConnect = errors.New("no CONNECT in time")

// open waits for CONNECT and answers it. With a session in c the Client is in. Until then it has cost a small
// buffer, and has to say who it is within Limits.Connect.
func (c *conn) open(ctx context.Context) error {
	deadline := time.Now().Add(c.server.limits.Connect)
	c.nc.SetReadDeadline(deadline)
	if c.raw == nil {
		c.nc.SetWriteDeadline(deadline) // TLS and HTTP answer
	}
	if err := c.ended(); err != nil {
		return err
	}
	if err := c.handshake(); err != nil {
		return c.noConnect(err)
	}
	var p packet.Connect
	if err := c.readConnect(&p); err != nil {
		return err
	}
	c.clientID = string(p.ClientID)
	c.traceConnect()
	c.maxPacketSize, c.noProblems = p.Properties.MaximumPacketSize(), !p.Properties.RequestProblemInformation()
	if err := c.listener.elsewhere(); err != nil {
		return err
	}
	user, data, err := c.prove(ctx, &p, deadline)
	if err != nil {
		return err
	}
	if c.raw == nil {
		c.nc.SetWriteDeadline(time.Time{})
	}
	if err := c.begin(&p, user, data); err != nil {
		return err
	}
	c.heard = c.server.now()
	return c.watch()
}

// handshake is what comes before MQTT: that of TLS, that of a WebSocket.
func (c *conn) handshake() error {
	if secure := c.secured(); secure != nil {
		if err := secure.Handshake(); err != nil {
			return handshakeError(err)
		}
	}
	if s, ok := c.nc.(*stream); ok {
		return s.upgrade(c.listener.WebSocket)
	}
	return nil
}

// prove tells which user a Client is, by the method that it names, by its certificate or by its password. data is what a
// method has for CONNACK.
func (c *conn) prove(ctx context.Context, p *packet.Connect, deadline time.Time) (user string, data []byte, err error) {
	if p.Properties.Has(packet.AuthenticationMethod) {
		return c.authenticate(ctx, p, deadline)
	}
	user, err = c.user(ctx, p)
	return user, nil, err
}

// readConnect reads the first packet, which is to be a CONNECT.
func (c *conn) readConnect(p *packet.Connect) error {
	var h packet.Header
	for h.Type == 0 {
		err := c.fill(int(c.need))
		if err != nil {
			return c.noConnect(err)
		}
		if h, err = c.nextPacket(c.in); err != nil {
			return err
		}
		if c.in.buf[0]>>4 != byte(packet.CONNECT) { // do not wait for the end of something else
			return errNotMQTT
		}
	}
	c.server.spoken(c)
	c.server.counters.connects.Add(1)
	c.got.Add(&watch.Traffic{Packets: 1, Bytes: uint64(c.in.r)})
	err := p.Decode(h)
	c.version = p.Version // for the answer, also when there is an error
	return err
}

// noConnect tells what it means that reading fails before there is a CONNECT.
func (c *conn) noConnect(err error) error {
	if ended := c.ended(); ended != nil {
		return ended
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errNoConnect
	}
	return err
}

// begin gets a session from the broker and lets the Client in.
func (c *conn) begin(p *packet.Connect, user string, data []byte) error {
	c.userName = user
	o := c.connectOptions(p, user)
	c.silence = o.KeepAlive * 3 / 2 // [MQTT-3.1.2-22]
	session, connected, err := c.server.broker.Connect(o)
	if err != nil {
		return c.notAdmitted(p, err)
	}
	c.clientID, c.expiry = session.ClientID(), o.SessionExpiryInterval // the one that the session keeps
	c.sent = newSentAliases(p.Properties.TopicAliasMaximum())
	answer := packet.Connack{SessionPresent: connected.SessionPresent}
	if c.version == packet.V5 {
		answer.Properties = c.serverProperties(p, &connected, user)
		if c.auth != nil { // [MQTT-4.12.0-6]
			answer.Properties = c.auth.properties(answer.Properties, data)
		}
	}
	if c.tooLarge(answer.Size(c.version)) {
		session.Disconnect(broker.DisconnectOptions{})
		return fmt.Errorf("CONNACK is larger than what the Client takes: %w", packet.PacketTooLarge)
	}
	c.session, c.gateway = session, gatewayOf(p)
	c.joinPaces()
	c.since.Store(int64(max(c.server.now(), 1)))
	c.watchFor(c.clientID) // in this order: Trace looks for connections that are in after it has made itself known
	c.server.counters.accepted.Add(1)
	c.server.log.Info("client connected", "client", clip(c.clientID), "user", clip(user), "listener", c.listener.Name,
		"address", c.nc.RemoteAddr().String(), "version", c.version.String(), "session_present", connected.SessionPresent)

	c.answer(ack{at: connected.Receipt}, answer.Append(nil, c.version))
	c.write() // the turn has been ours from the start
	return nil
}

func (c *conn) connectOptions(p *packet.Connect, user string) broker.ConnectOptions {
	o := broker.ConnectOptions{
		ClientID:              c.clientID,
		User:                  user,
		Door:                  c.listener.Name,
		Version:               p.Version,
		CleanStart:            p.CleanStart,
		SessionExpiryInterval: p.SessionExpiry(),
		KeepAlive:             time.Duration(c.keepAliveSeconds(p)) * time.Second,
		ReceiveMaximum:        min(p.Properties.ReceiveMaximum(), uint16(c.listener.limits.Inflight)),
		Access:                c.access(user),
		Conn:                  c,
		Internal:              c.listener.Internal,
	}
	if p.WillFlag {
		o.Will = will(&p.Will)
	}
	return o
}

// keepAliveSeconds is what counts: what the Client asks for, unless the Server imposes a shorter one, which only a
// 5.0 Client can be told.
func (c *conn) keepAliveSeconds(p *packet.Connect) uint16 {
	longest := c.server.limits.KeepAlive / time.Second
	if p.Version != packet.V5 || longest <= 0 || p.KeepAlive != 0 && time.Duration(p.KeepAlive) <= longest {
		return p.KeepAlive
	}
	return uint16(min(longest, math.MaxUint16))
}

// tooLarge tells whether the Client takes no packet of that size.
func (c *conn) tooLarge(size int) bool {
	return c.maxPacketSize > 0 && int64(size) > int64(c.maxPacketSize)
}

// serverProperties tells a 5.0 Client what this Server does otherwise than the specification assumes (section
// 3.2.2.3).
func (c *conn) serverProperties(p *packet.Connect, connected *broker.Connected, user string) packet.Properties {
	l := &c.listener.limits
	properties := packet.Properties{}.
		AppendNumber(packet.ReceiveMaximum, uint32(l.Inflight)).
		AppendNumber(packet.MaximumPacketSize, uint32(l.Packet)).
		AppendNumber(packet.TopicAliasMaximum, uint32(l.TopicAliases)).
		AppendNumber(packet.SharedSubscriptionAvailable, 1) // what is assumed, said aloud
	if connected.Assigned {
		properties = properties.AppendString(packet.AssignedClientIdentifier, c.clientID)
	}
	if connected.SessionExpiryInterval != c.expiry {
		properties = properties.AppendNumber(packet.SessionExpiryInterval, connected.SessionExpiryInterval)
	}
	if seconds := c.keepAliveSeconds(p); seconds != p.KeepAlive {
		properties = properties.AppendNumber(packet.ServerKeepAlive, uint32(seconds))
	}
	if p.Properties.RequestResponseInformation() { // [MQTT-3.1.2-28]
		if topic := c.server.responseInformation(c.clientID, user); topic != "" {
			properties = properties.AppendString(packet.ResponseInformation, topic)
		}
	}
	return properties
}

func will(w *packet.Will) *broker.Will {
	delay, _ := w.Properties.WillDelayInterval()
	m := newMessage(string(w.TopicName), w.Properties.Without(packet.WillDelayInterval), w.Payload)
	m.QoS, m.Retain = w.QoS, w.Retain
	return &broker.Will{Message: m, Delay: delay}
}

// refused answers a CONNECT that was not accepted, if there is anybody to answer, and says so in the log.
func (c *conn) refused(err error) {
	if err != errAnswered {
		c.server.counters.refused.Add(1)
		c.server.refusals.log(c, err)
	}
	var code packet.ReasonCode
	if errors.As(err, &code) && c.tellRefusal(code) {
		c.nc.SetWriteDeadline(time.Now().Add(c.server.limits.Shutdown))
		answer := c.refusal(code, err)
		if n, err := c.nc.Write(answer.Append(nil, answerVersion(c.version))); err == nil {
			c.gave.Add(&watch.Traffic{Packets: 1, Bytes: uint64(n)})
			c.traceRefusal(&answer)
			c.linger()
		}
	} else if _, ok := c.nc.(*stream); ok {
		c.linger() // for the answer of HTTP, or the end of the WebSocket
	}
	c.inner.Close()
}

// answerVersion is the form of an answer to a Client that may speak a version which we do not. The high bit of the
// level is what mosquitto's bridges set to ask whether they talk to their like; without it they try again when
// refused.
func answerVersion(v packet.Version) packet.Version {
	if v&0x7F < packet.V5 {
		return packet.V311 // as in 3.1
	}
	return packet.V5
}

// tellRefusal: before 5.0 there are no words for a malformed CONNECT, and the connection is just closed. Without a
// version nobody has said CONNECT. One who takes not even the smallest CONNACK is sent none [MQTT-3.1.2-24].
func (c *conn) tellRefusal(code packet.ReasonCode) bool {
	smallest := packet.Connack{}
	if !code.AllowedIn(packet.CONNACK) || c.version == 0 || c.tooLarge(smallest.Size(packet.V5)) {
		return false
	}
	return answerVersion(c.version) == packet.V5 || code != packet.MalformedPacket && code != packet.ProtocolError && code != packet.PacketTooLarge
}

// login tells which user the Client at an address is: "" for one that is nobody in particular.
func (s *Server) login(ctx context.Context, l *listener, p *packet.Connect, address string) (user string, err error) {
	if l.Authenticate == nil || p.UserName == nil {
		if l.Anonymous {
			return "", nil
		}
		return "", fmt.Errorf("credentials are needed: %w", packet.NotAuthorized)
	}
	if err := s.authenticate(ctx, l, p, address); err != nil {
		return "", err
	}
	return string(p.UserName), nil
}
