package profile

import (
	"slices"
	"time"

	"skerry/broker/packet"
)

// Profile is what a kind of server takes. A zero limit is none beyond those of MQTT.
type Profile struct {
	Name string

	Versions []packet.Version // that it speaks, the one to try first before the others
	Bridge   bool             // a 3.1.1 CONNECT with mosquitto's bridge bit is worth an attempt
	NoLocal  bool             // a 5.0 subscription with No Local does not bring back what was published here

	MaximumQoS packet.QoS
	WillRetain bool // the Will may be retained
	Eager      bool // a PUBLISH may be sent with CONNECT, before CONNACK, as MQTT allows; else it is not known to take that
	KeepAlive  Bounds

	Payload       int    // bytes of one message
	Whole         bool   // Payload counts the topic too
	Topic         int    // bytes of a Topic Name or Topic Filter
	Slashes       int    // in one
	Without       string // characters that no topic may contain
	Filters       int    // in one SUBSCRIBE or UNSUBSCRIBE
	Subscriptions int    // of one connection

	InFlight int     // messages of QoS 1 and 2 that may be on their way to it
	Rate     float64 // PUBLISH packets per second and connection
	Bytes    float64 // bytes of them per second and connection

	ClientID int    // bytes
	IDRunes  string // what a ClientID may have beside ASCII letters and digits; "": everything

	TLS         bool   // it takes nothing else
	Certificate bool   // and wants one of the client
	Named       bool   // the name of the server must be in the TLS handshake
	ALPN        string // the protocol to name on port ALPNPort
	ALPNPort    int
	Ports       []int // the only ones; nil: all

	Key         bool          // it takes a token, made with a key, in place of a certificate
	FixedUser   bool          // the user name follows from hub and device
	OwnNames    bool          // it has topics of its own: see Names
	Session     time.Duration // how long it keeps a session without a connection by default; 0: as asked, or until its disk is full
	Unsaid      bool          // its CONNACK never says that it has the session, so that nothing can be made of that
	Refusal     string        // what it mostly means when it refuses or hangs up instead of CONNACK; "": nothing is known
	BillingStep int           // bytes that blocks are made for; 0: not billed by message
	Metering    Metering
}

// Metering is how a server bills by message. The zero Metering: it does not.
type Metering struct {
	Step     int     // bytes of topic and payload that count as one message; more count as several
	Retained bool    // a message that is to be retained counts twice
	Connects bool    // CONNECT counts, too
	Messages float64 // price of a million; 0: not known
	Minutes  float64 // price of a million minutes of connection; 0: not known, or none
	Currency string
	Daily    int // messages a day that are paid for together, of all clients; 0: they are paid one by one
}

// Bounds are the least and the most of the Keep Alive of CONNECT.
type Bounds struct{ Min, Max time.Duration }

// mostKeepAlive is what fits CONNECT.
const mostKeepAlive = 65535 * time.Second

// Of gives the profile of a name; generic if there is none of it.
func Of(name string) *Profile {
	for _, p := range known() {
		if p.Name == name {
			return &p
		}
	}
	return Of("generic")
}

// All lists the names of the profiles.
func All() []string {
	var names []string
	for _, p := range known() {
		names = append(names, p.Name)
	}
	return names
}

// Speaks tells whether the server speaks a version.
func (p *Profile) Speaks(v packet.Version) bool { return slices.Contains(p.Versions, v) }

// Clamp gives the Keep Alive nearest to d that the server takes.
func (p *Profile) Clamp(d time.Duration) time.Duration {
	most := mostKeepAlive
	if p.KeepAlive.Max > 0 {
		most = p.KeepAlive.Max
	}
	return min(max(d, p.KeepAlive.Min), most)
}

// Fits tells whether a message is small enough.
func (p *Profile) Fits(topic string, payload int) bool {
	if p.Whole {
		payload += len(topic)
	}
	return p.Payload == 0 || payload <= p.Payload
}
