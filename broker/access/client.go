package access

import (
	"strings"
	"sync/atomic"

	"skerry/broker/topic"
)

// Client is somebody whom rules are asked about. Its methods may be called from any goroutine.
type Client struct {
	user, clientID string
	rules          *atomic.Pointer[Rules]
	bound          atomic.Pointer[bound]
}

// bound is what one state of the rules has for a Client.
type bound struct {
	rules    *Rules
	user     *node // its user's section; nil: none
	client   *node // its ClientID's
	patterns *node
	asks     bool // some of them are about subscribing
}

// For is somebody under these rules, who never see others. user is "" for one who has named none.
func (r *Rules) For(user, clientID string) *Client {
	var rules atomic.Pointer[Rules]
	rules.Store(r)
	return &Client{user: user, clientID: clientID, rules: &rules}
}

// Look does nothing: these rules do not change.
func (*Rules) Look() {}

// MayRead tells whether the Client may be sent messages of a Topic Name. What comes by way of a content filter is judged by the
// topic that it was published to.
func (c *Client) MayRead(name string) bool { return c.binding().decide(c, Read, published(name)) }

// MayWrite tells whether it may publish to a Topic Name.
func (c *Client) MayWrite(name string) bool { return c.binding().decide(c, Write, name) }

// MaySubscribe tells whether it may subscribe to a Topic Filter. Without rules about subscribing for it, it may: what it is
// sent is another question. With some, one of them has to cover the filter: that inside of a shared subscription, or behind a
// content filter.
func (c *Client) MaySubscribe(filter string) bool {
	b := c.binding()
	return !b.asks || b.decide(c, Subscribe, subscribed(filter))
}

// subscribed is the filter inside of a shared subscription, and behind a content filter.
func subscribed(filter string) string {
	if topic.IsShared(filter) {
		if _, inner, err := topic.ParseShared(filter); err == nil {
			filter = inner
		}
	}
	return published(filter)
}

// published is what stands behind a content filter, "$filter/NAME/...".
func published(name string) string {
	if name != "" && name[0] == '$' {
		if rest, ok := strings.CutPrefix(name, "$filter/"); ok {
			if _, inner, ok := strings.Cut(rest, "/"); ok && inner != "" {
				return inner
			}
		}
	}
	return name
}

// binding is what the rules of now have for the Client. It is looked up once per state of the rules.
func (c *Client) binding() *bound {
	rules := c.rules.Load()
	b := c.bound.Load()
	if b == nil || b.rules != rules {
		b = rules.bind(c)
		c.bound.Store(b)
	}
	return b
}

func (r *Rules) bind(c *Client) *bound {
	b := &bound{rules: r, user: r.users[c.user], client: r.clients[c.clientID], patterns: r.patterns}
	if c.user == "" {
		b.user = r.anonymous
	}
	if c.wild() {
		b.patterns = nil
	}
	for _, n := range []*node{b.user, b.client, b.patterns} {
		b.asks = b.asks || n != nil && n.asks
	}
	return b
}

// wild names would become wildcards in a pattern: whoever bears one gets nothing from patterns.
func (c *Client) wild() bool {
	return strings.ContainsAny(c.user, "+#") || strings.ContainsAny(c.clientID, "+#")
}

// decide answers for one right. A topic with wildcards is a filter to be covered.
func (b *bound) decide(c *Client, want Right, name string) bool {
	got := b.user.rightsAt(name, c)
	if b.client != nil {
		got |= b.client.rightsAt(name, c)
	}
	if got&(deny|want) == 0 && b.patterns != nil {
		got = b.patterns.rightsAt(name, c)
	}
	return got&deny == 0 && got&want != 0
}
