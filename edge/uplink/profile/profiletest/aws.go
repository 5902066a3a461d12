package profiletest

import (
	"fmt"
	"strings"
	"time"

	"skerry/broker/packet"
	"skerry/broker/topic"
)

// NewAWS makes an AWS IoT Core. quiet: it says nothing of its limits in a 5.0 CONNACK, as in 3.1.1. The rules stand in the developer's guide
// (mqtt.html: QoS, persistent sessions, differences from the specification) and in the quotas of the General Reference.
func NewAWS(quiet bool, late time.Duration) *Server { return newServer(aws{quiet}, late) }

type aws struct{ quiet bool }

func (aws) connect(c *packet.Connect, _ time.Time) (time.Duration, string) {
	switch {
	case len(c.ClientID) == 0, len(c.ClientID) > 128:
		return 0, fmt.Sprintf("a ClientID of %d bytes", len(c.ClientID))
	case c.KeepAlive < 30 || c.KeepAlive > 1200:
		return 0, fmt.Sprintf("a keep-alive of %d s", c.KeepAlive)
	case c.WillFlag && c.Will.QoS > 1:
		return 0, "a Will with QoS 2"
	case c.WillFlag:
		return 0, aws{}.name(string(c.Will.TopicName))
	}
	return 0, ""
}

func (a aws) connack(c *packet.Connect) packet.Properties {
	if c.Version != packet.V5 {
		return nil
	}
	p := packet.Properties(nil).AppendNumber(packet.SubscriptionIdentifierAvailable, 0).AppendNumber(packet.SessionExpiryInterval, 3600)
	if a.quiet {
		return p
	}
	return p.AppendNumber(packet.MaximumQoS, 1).AppendNumber(packet.ReceiveMaximum, 100)
}

func (aws) name(name string) string {
	plain := name
	if rest, ok := strings.CutPrefix(name, "$aws/rules/"); ok {
		_, plain, _ = strings.Cut(rest, "/")
	}
	switch {
	case len(name) > 256:
		return fmt.Sprintf("a topic of %d bytes", len(name))
	case strings.Count(plain, "/") > 7:
		return fmt.Sprintf("a topic with %d slashes", strings.Count(plain, "/"))
	case strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "$aws/") && !strings.HasPrefix(name, "$share/"):
		return fmt.Sprintf("topic %q", name)
	}
	return ""
}

func (a aws) publish(t *traffic, p *packet.Publish) string {
	bytes := 0
	for _, one := range t.sent {
		bytes += one.size
	}
	switch {
	case p.QoS > 1:
		return "PUBLISH with QoS 2"
	case len(p.Payload) > 128<<10:
		return fmt.Sprintf("a payload of %d bytes", len(p.Payload))
	case len(t.sent) > 100:
		return fmt.Sprintf("%d publishes in a second", len(t.sent))
	case bytes > 512<<10:
		return fmt.Sprintf("%d bytes in a second", bytes)
	case len(t.flight) > 100:
		return fmt.Sprintf("%d messages not acknowledged", len(t.flight))
	case p.Retain && strings.HasPrefix(string(p.TopicName), "$"):
		return "a retained message on a reserved topic"
	}
	return a.name(string(p.TopicName))
}

func (aws) message(p *packet.Publish) Message {
	return Message{Topic: string(p.TopicName), Payload: string(p.Payload), QoS: p.QoS, Retain: p.Retain, Dup: p.Dup}
}

func (a aws) subscribe(had map[string]packet.QoS, p *packet.Subscribe) string {
	switch {
	case len(p.Subscriptions) > 8:
		return fmt.Sprintf("%d filters in a SUBSCRIBE", len(p.Subscriptions))
	case p.Properties.Has(packet.SubscriptionIdentifier):
		return "a Subscription Identifier"
	}
	for _, s := range p.Subscriptions {
		if s.QoS > 1 {
			return "SUBSCRIBE with QoS 2"
		}
		if why := a.name(string(s.TopicFilter)); why != "" {
			return why
		}
		if _, has := had[string(s.TopicFilter)]; !has && len(had) >= 50 {
			return "more than 50 subscriptions"
		}
	}
	return ""
}

// match: "#" does not stand for the level above it here.
func (aws) match(filter, name string) bool {
	if parent, ok := strings.CutSuffix(filter, "/#"); ok && strings.Count(parent, "/") == strings.Count(name, "/") {
		return false
	}
	return topic.Match(filter, name)
}

func (aws) expiry() time.Duration { return time.Hour }
func (aws) queue() int            { return 0 }
