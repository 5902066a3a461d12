package cost

import (
	"math"
	"net"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink"
	"skerry/edge/uplink/kind"
	"skerry/edge/uplink/profile"
)

// What the handshake of TLS costs in bytes of IP packets, between the packets that open the connection and the first of MQTT: what the laboratory has
// measured (docs/connection.md) without these. A chain of two ECDSA P-256 certificates.
const (
	full13, resumed13 = 2890, 1276
	full12, resumed12 = 2401, 709
	postQuantum       = 1316
	certFull          = 1982 // a certificate of ours, with an intermediate
	certResumed       = 688

	// So many packets of TCP are in these, about: what time stamps and IPv6 change hangs on it.
	packetsFull, packetsResumed = 5, 4

	connack = 20 // with the limits of a server

	// ticketLife is how long servers take a session ticket, as OpenSSL comes.
	ticketLife = 2 * time.Hour
)

// How often a day a connection that always stands is lost and made anew.
var reconnects = Range{2, 24}

// connection knows what those of an uplink over one link cost.
type connection struct {
	uplink config.Uplink
	wire   wire
	hello  float64 // CONNECT
	state  float64 // the PUBLISH that says "online"
	eager  bool    // both leave together
	tls    bool
	name   float64 // what it costs to look up the server's name; 0: it is an address
	daily  bool    // the name is looked up once a day, not for each connection
}

func newConnection(u config.Uplink, l config.Link, gateway config.Gateway, at Machine) connection {
	p, server := profile.Of(u.Profile), u.Servers[0]
	address := net.ParseIP(server.Host)
	c := connection{uplink: u, tls: server.TLS, daily: kind.Of(l.Kind).Metered,
		wire: wire{version: packet.Version(u.Version), bare: at.NoTimeStamps, six: address != nil && address.To4() == nil}}
	if c.tls {
		c.wire.tls = record
		if u.TLS.Max == "1.2" {
			c.wire.tls = older
		}
	}
	c.eager = c.wire.version == packet.V5 && p.Eager
	topic := p.Names(u.ClientID).Outward(uplink.StateTopic(u.Prefix, gateway.Site, gateway.ID, u.Name), nil)
	c.hello = float64(len(hello(u, l, p, topic).Append(nil)))
	c.state = c.wire.publish(float64(len(topic)), float64(len("online")), 0, 1, false)
	if address == nil {
		question := float64(12 + len(server.Host) + 2 + 4)
		c.name = 2*(28+question) + 16
	}
	return c
}

// hello is CONNECT as package uplink writes it, with a password of 16 bytes.
func hello(u config.Uplink, l config.Link, p *profile.Profile, state string) *packet.Connect {
	c := &packet.Connect{Version: packet.Version(u.Version), ClientID: []byte(u.ClientID), WillFlag: true,
		Will: packet.Will{QoS: 1, TopicName: []byte(state), Payload: []byte("offline")}}
	if user := p.User(u.Servers[0].Host, u.ClientID, u.User); user != "" {
		c.UserName = []byte(user)
	}
	switch {
	case u.PasswordFile != "":
		c.Password = make([]byte, 16)
	case u.SASKeyFile != "":
		c.Password = make([]byte, 150)
	}
	if c.Version == packet.V5 {
		c.Properties = c.Properties.AppendNumber(packet.ReceiveMaximum, 64).AppendNumber(packet.MaximumPacketSize, 1<<18).
			AppendNumber(packet.SessionExpiryInterval, math.MaxUint32)
		if p.Bridge {
			c.Properties = c.Properties.AppendUserProperty(broker.Via, "ABCDEFGH")
		}
		if l.Schedule != nil || l.OnDemand() {
			c.Will.Properties = c.Will.Properties.AppendNumber(packet.WillDelayInterval, 1)
		}
	}
	return c
}

// handshake is that of TLS.
func (c *connection) handshake(resumed bool) float64 {
	if !c.tls {
		return 0
	}
	t := c.uplink.TLS
	bytes := float64(full13)
	packets := float64(packetsFull)
	if resumed {
		packets = packetsResumed
	}
	packets *= c.wire.header() - (plainHeader + stamps)
	switch old := t.Max == "1.2"; {
	case resumed && old:
		bytes = resumed12
	case resumed:
		bytes = resumed13
	case old:
		bytes = full12
	}
	if t.PostQuantum {
		bytes += postQuantum
	}
	switch {
	case t.Cert != "" && resumed && t.Max != "1.2":
		bytes += certResumed
	case t.Cert != "" && !resumed:
		bytes += certFull
	}
	return bytes + packets
}

// begin is what it costs to connect and to say that the gateway is there.
func (c *connection) begin(resumed bool) float64 {
	header := c.wire.header()
	bytes := 2*c.wire.syn() + header + c.handshake(resumed)
	if c.eager {
		return bytes + c.wire.sent(c.hello+c.state) + c.wire.sent(connack) + c.wire.sent(puback) + header
	}
	return bytes + c.wire.sent(c.hello) + c.wire.sent(connack) + c.wire.exchange(c.state, 1, 1, 1)
}

// end is DISCONNECT, the end of TLS, and those of TCP.
func (c *connection) end() float64 {
	const disconnect, alert = 2, 2
	header := c.wire.header()
	bytes := c.wire.sent(disconnect) + 2*header
	if c.tls {
		return bytes + c.wire.sent(alert)
	}
	return bytes + header
}

// resumes tells whether connections that come so many times a day find their tickets still good.
func (c *connection) resumes(perDay float64, m mode) bool {
	return c.tls && c.uplink.TLS.Tickets != config.NoTickets && m == typical && perDay*ticketLife.Hours() >= 24
}

// cost of all connections of a day.
func (c *connection) cost(perDay float64, m mode) (bytes float64) {
	bytes = perDay * (c.begin(c.resumes(perDay, m)) + c.end())
	if c.daily {
		return bytes + c.name*min(perDay, 1)
	}
	return bytes + c.name*perDay
}
