package client

import (
	"slices"
	"strings"
	"time"

	"skerry/broker/packet"
)

// Server is what the Server said in CONNACK, with the specification's defaults for what it did not say. For a 3.1.1
// Server these are the defaults of 5.0: everything is allowed.
type Server struct {
	SessionPresent bool
	ClientID       string        // the assigned one, else that of CONNECT
	KeepAlive      time.Duration // Server Keep Alive, else that of CONNECT; 0: none

	SessionExpiryInterval uint32 // seconds; what the Server uses
	ReceiveMaximum        uint16
	MaximumQoS            packet.QoS
	MaximumPacketSize     uint32 // bytes; 0: no limit
	TopicAliasMaximum     uint16
	RetainAvailable       bool

	WildcardSubscriptionAvailable   bool
	SubscriptionIdentifierAvailable bool
	SharedSubscriptionAvailable     bool

	// Properties are all of CONNACK, for what is not listed above.
	Properties packet.Properties
}

func newServer(a *packet.Connack, connect *packet.Connect) Server {
	p := a.Properties
	s := Server{
		SessionPresent:        a.SessionPresent,
		ClientID:              string(connect.ClientID),
		KeepAlive:             time.Duration(connect.KeepAlive) * time.Second,
		SessionExpiryInterval: connect.SessionExpiry(),
		ReceiveMaximum:        p.ReceiveMaximum(),
		MaximumQoS:            p.MaximumQoS(),
		MaximumPacketSize:     p.MaximumPacketSize(),
		TopicAliasMaximum:     p.TopicAliasMaximum(),
		RetainAvailable:       p.RetainAvailable(),

		WildcardSubscriptionAvailable:   p.WildcardSubscriptionAvailable(),
		SubscriptionIdentifierAvailable: connect.Version == packet.V5 && p.SubscriptionIdentifierAvailable(),
		SharedSubscriptionAvailable:     connect.Version == packet.V5 && p.SharedSubscriptionAvailable(),

		Properties: slices.Clone(p),
	}
	if seconds, ok := p.SessionExpiryInterval(); ok {
		s.SessionExpiryInterval = seconds
	}
	if id, ok := p.AssignedClientIdentifier(); ok {
		s.ClientID = string(id)
	}
	if seconds, ok := p.ServerKeepAlive(); ok {
		s.KeepAlive = time.Duration(seconds) * time.Second
	}
	return s
}

// text copies a string property for use beyond its packet. It drops what would break a line of a log.
func text(b []byte, _ bool) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, string(b))
}
