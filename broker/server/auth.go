package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"skerry/broker/packet"
	"skerry/broker/watch"
)

// AuthMethod is a method of enhanced authentication (section 4.12), such as SCRAM-SHA-256. It is used from many connections
// at once.
type AuthMethod interface {
	Name() string // as in the Authentication Method property
	Begin() AuthExchange
}

// AuthExchange is one run of a method. It belongs to one connection.
type AuthExchange interface {
	// Step takes Authentication Data of the Client, nil for none, and gives what the Server has to say to it; both are not kept.
	// user is who the Client says it is, once it has said so; done: it has proved it. An error refuses it; its text may be
	// told to the Client.
	Step(data []byte) (answer []byte, done bool, user string, err error)
}

// authentication is what a connection has that was opened by a method.
type authentication struct {
	method   AuthMethod
	exchange AuthExchange // nil: none is under way
	proven   bool         // once at least
	user     string
	claims   string // who the Client says it is
}

// step carries an exchange on. Who has proved to be one user cannot become another one on the same connection: the session
// belongs to the first. It is refused as soon as it says who it would be: else it could find out whose password is what.
func (a *authentication) step(data []byte) (answer []byte, done bool, err error) {
	answer, done, user, err := a.exchange.Step(data)
	a.claims = user
	if err != nil || done {
		a.exchange = nil
	}
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w: %w", a.method.Name(), err, packet.NotAuthorized)
	case a.proven && user != a.user && (done || user != ""):
		a.exchange = nil
		return nil, false, fmt.Errorf("another user than at CONNECT: %w", packet.NotAuthorized)
	case !done:
		return answer, false, nil
	}
	a.proven, a.user = true, user
	return answer, true, nil
}

// properties are those that every AUTH and the CONNACK of this connection have [MQTT-4.12.0-5].
func (a *authentication) properties(p packet.Properties, data []byte) packet.Properties {
	p = p.AppendString(packet.AuthenticationMethod, a.method.Name())
	if data != nil {
		p = p.AppendBytes(packet.AuthenticationData, data)
	}
	return p
}

// authenticate lets a Client that named a method in CONNECT prove who it is. data is what CONNACK has for it.
func (c *conn) authenticate(ctx context.Context, p *packet.Connect, deadline time.Time) (user string, data []byte, err error) {
	name, _ := p.Properties.AuthenticationMethod()
	method := c.listener.method(string(name))
	if method == nil { // [MQTT-4.12.0-1]
		return "", nil, fmt.Errorf("%s: %w", c.listener.methods(), packet.BadAuthenticationMethod)
	}
	keep(p) // more is read into the buffer that it lies in
	a := &authentication{method: method, exchange: method.Begin()}
	data, _ = p.Properties.AuthenticationData()
	c.nc.SetWriteDeadline(deadline)
	defer c.nc.SetWriteDeadline(time.Time{})
	for {
		if a.claims != "" {
			if err := c.server.guessing(ctx, c.nc.RemoteAddr().String(), a.claims, true); err != nil {
				return "", nil, err
			}
		}
		answer, done, err := a.step(data)
		c.noteLogin(a, done, err)
		if err != nil {
			return "", nil, err // CONNACK tells it, and the connection ends [MQTT-4.12.0-4]
		}
		if c.login == nil && a.claims != "" {
			c.login = loginBy(method, a.claims)
		}
		if done {
			c.auth = a
			return a.user, answer, nil
		}
		challenge, err := c.authPacket(a, packet.ContinueAuthentication, answer) // [MQTT-4.12.0-2]
		if err != nil {
			return "", nil, err
		}
		if _, err := c.nc.Write(challenge); err != nil {
			return "", nil, err
		}
		c.gave.Add(&watch.Traffic{Packets: 1, Bytes: uint64(len(challenge))})
		if data, err = c.readAuth(a); err != nil {
			return "", nil, err
		}
	}
}

// noteLogin tells the throttle how a login went.
func (c *conn) noteLogin(a *authentication, done bool, err error) {
	address, now := c.nc.RemoteAddr().String(), time.Now()
	switch {
	case a.claims == "":
	case err != nil:
		c.server.throttle.Failed(address, a.claims, now)
	case done:
		c.server.throttle.Succeeded(address, a.claims, now)
	}
}

// keep gives a CONNECT memory of its own.
func keep(p *packet.Connect) {
	own := packet.Connect{}
	if h, err := packet.Split(p.Append(nil)); err == nil && own.Decode(h) == nil {
		*p = own
	}
}

// errGaveUp means that the Client left while it was to prove who it is.
var errGaveUp = errors.New("the client left in the middle of its authentication")

// readAuth waits for the Client's next Authentication Data. Before CONNACK it may send nothing but AUTH and DISCONNECT
// [MQTT-3.1.2-30].
func (c *conn) readAuth(a *authentication) ([]byte, error) {
	h, err := c.readPacket()
	if err != nil {
		return nil, err
	}
	switch h.Type {
	case packet.DISCONNECT:
		return nil, errGaveUp
	case packet.AUTH:
	default:
		return nil, fmt.Errorf("%v before CONNACK: %w", h.Type, packet.ProtocolError)
	}
	var p packet.Auth
	if err := a.decode(&p, h); err != nil {
		return nil, err
	}
	if p.ReasonCode != packet.ContinueAuthentication { // [MQTT-4.12.0-3]
		return nil, fmt.Errorf("AUTH with %v: %w", p.ReasonCode, packet.ProtocolError)
	}
	data, _ := p.Properties.AuthenticationData()
	return data, nil
}

// decode reads an AUTH, which must name the method of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1].
func (a *authentication) decode(p *packet.Auth, h packet.Header) error {
	if err := p.Decode(packet.V5, h); err != nil {
		return err
	}
	if name, _ := p.Properties.AuthenticationMethod(); !bytes.Equal(name, []byte(a.method.Name())) {
		return fmt.Errorf("another Authentication Method than in CONNECT: %w", packet.ProtocolError)
	}
	return nil
}

// readPacket waits for a packet, before there is a session.
func (c *conn) readPacket() (packet.Header, error) {
	for {
		if c.in != nil {
			at := c.in.r
			if h, err := c.nextPacket(c.in); err != nil || h.Type != 0 {
				if err == nil {
					c.got.Add(&watch.Traffic{Packets: 1, Bytes: uint64(c.in.r - at)})
				}
				return h, err
			}
		}
		if err := c.fill(int(c.need)); err != nil {
			return packet.Header{}, c.noConnect(err)
		}
	}
}

// handleAuth handles AUTH on a connection that is open: re-authentication (section 4.12.1). Other packets flow meanwhile.
func (c *conn) handleAuth(h packet.Header) error {
	if c.auth == nil { // [MQTT-4.12.0-7]
		var p packet.Auth
		if err := p.Decode(c.version, h); err != nil {
			return err
		}
		return fmt.Errorf("AUTH without an Authentication Method in CONNECT: %w", packet.ProtocolError)
	}
	var p packet.Auth
	if err := c.auth.decode(&p, h); err != nil {
		return err
	}
	begins := p.ReasonCode == packet.ReAuthenticate
	if begins == (c.auth.exchange != nil) || !begins && p.ReasonCode != packet.ContinueAuthentication {
		return fmt.Errorf("AUTH with %v: %w", p.ReasonCode, packet.ProtocolError)
	}
	if begins {
		c.auth.exchange = c.auth.method.Begin()
	}
	data, _ := p.Properties.AuthenticationData()
	answer, done, err := c.auth.step(data)
	c.noteLogin(c.auth, done, err)
	if err != nil {
		return err // DISCONNECT tells it, and the connection ends [MQTT-4.12.1-2]
	}
	code := packet.ContinueAuthentication
	if done {
		code = packet.Success
	}
	encoded, err := c.authPacket(c.auth, code, answer)
	if err != nil {
		return err
	}
	c.answer(ack{}, encoded)
	return nil
}

func (c *conn) authPacket(a *authentication, code packet.ReasonCode, data []byte) ([]byte, error) {
	p := packet.Auth{ReasonCode: code, Properties: a.properties(nil, data)}
	if c.tooLarge(p.Size(packet.V5)) { // [MQTT-3.1.2-24]
		return nil, fmt.Errorf("AUTH is larger than what the Client takes: %w", packet.PacketTooLarge)
	}
	return p.Append(nil, packet.V5), nil
}

// method finds a method that the listener's Clients may use; nil if there is none of that name.
func (l *ListenerConfig) method(name string) AuthMethod {
	for _, m := range l.Methods {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

// methods says to a Client what it could have asked for.
func (l *ListenerConfig) methods() string {
	if len(l.Methods) == 0 {
		return "there are no authentication methods here"
	}
	var names []string
	for _, m := range l.Methods {
		names = append(names, m.Name())
	}
	return "the authentication methods are " + strings.Join(names, ", ")
}
