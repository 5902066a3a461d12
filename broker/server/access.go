package server

import (
	"errors"
	"fmt"
	"sync/atomic"

	"skerry/broker"
	"skerry/broker/access"
	"skerry/broker/packet"
)

// Rules say what Clients may do.
type Rules interface {
	// Look is called when somebody has been let in: if the rules stand in a file, it is time to see whether that has changed.
	Look()
	// For is who that is: the user that the Client has proven to be, "" if it has named none, and its ClientID. Locks are held.
	For(user, clientID string) *access.Client
}

// guard holds a Client to the rules of its listener and counts what they refuse. It stays with the session when the
// connection has gone, and holds on to nothing else of it.
type guard struct {
	*access.Client
	counters *denials
}

// denials count what the rules refused.
type denials struct{ publish, subscribe, read atomic.Uint64 }

func (g *guard) MayPublish(name string) bool { return counted(g.MayWrite(name), &g.counters.publish) }
func (g *guard) MayRead(name string) bool    { return counted(g.Client.MayRead(name), &g.counters.read) }

func (g *guard) MayHaveRetained(name string) bool {
	return counted(g.MayWrite(name), &g.counters.read)
}

func (g *guard) MaySubscribe(filter string) bool {
	return counted(g.Client.MaySubscribe(filter), &g.counters.subscribe)
}

func counted(allowed bool, refused *atomic.Uint64) bool {
	if !allowed {
		refused.Add(1)
	}
	return allowed
}

// access makes the guard of a Client when the broker knows its ClientID. Without rules there is none.
func (c *conn) access(user string) func(clientID string) broker.Access {
	if c.listener.Rules == nil {
		return nil
	}
	c.listener.Rules.Look()
	return func(clientID string) broker.Access {
		c.guard = &guard{c.listener.Rules.For(user, clientID), &c.server.counters.denied}
		return c.guard
	}
}

// guardAway holds those to the rules who came in by this listener before the last restart and are not back yet.
func (s *Server) guardAway(l *listener) {
	if l.Rules == nil || l.Name == "" {
		return
	}
	s.broker.Guard(l.Name, func(user, clientID string) broker.Access {
		return &guard{l.Rules.For(user, clientID), &s.counters.denied}
	})
}

// notAdmitted says in the log what a CONNECT was refused for, where the Reason Code has two meanings.
func (c *conn) notAdmitted(p *packet.Connect, err error) error {
	switch {
	case errors.Is(err, packet.QuotaExceeded) && p.WillFlag:
		return fmt.Errorf("too many sessions, too many bytes of Wills of all clients, or no room for this Will: %w", err)
	case errors.Is(err, packet.QuotaExceeded):
		return fmt.Errorf("too many sessions, or no room on the disk: %w", err)
	case !errors.Is(err, packet.NotAuthorized):
		return err
	}
	if p.WillFlag && c.guard != nil && !c.guard.MayWrite(string(p.Will.TopicName)) {
		return fmt.Errorf("the Will's topic %.100q: %w", p.Will.TopicName, err)
	}
	return fmt.Errorf("the session is of another user, or the Will's topic is the Server's: %w", err)
}

// mayRead tells whether a message that was kept for the session may still be sent. It was asked when the message came, too;
// but since then the rules may have changed, or the user of the session.
func (c *conn) mayRead(m *broker.Message) bool {
	return c.guard == nil || c.guard.MayRead(m.TopicName)
}

// tellDenied logs the first refusal of its kind on this connection: a Client that tries again and again is no news.
func (c *conn) tellDenied(told *bool, what, topic string) {
	if *told {
		return
	}
	*told = true
	c.server.log.Warn("not allowed", "client", clip(c.clientID), "user", clip(c.userName), "listener", c.listener.Name, "what", what,
		"topic", clip(topic))
}

// tellDeniedFilters logs the first Topic Filter that was refused.
func (c *conn) tellDeniedFilters(subscriptions []broker.Subscription, codes []packet.ReasonCode) {
	for i, code := range codes {
		if code == packet.NotAuthorized {
			c.tellDenied(&c.told.subscribe, "subscribe", subscriptions[i].TopicFilter)
		}
	}
}
