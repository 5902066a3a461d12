package client

import (
	"math"
	"strings"
	"sync"

	"skerry/broker/packet"
)

const (
	// mostAliases is how many Topic Aliases are used, however many the Server grants.
	mostAliases = 256
	// mostNames is how many Topic Names are watched, and longestName the longest that is, in bytes: together 256 KiB.
	mostNames   = 512
	longestName = 512
	// aliasCost is what an alias adds to a PUBLISH, in bytes.
	aliasCost = 3
	// mostCredit bounds what has been saved and may be spent on new aliases, in bytes.
	mostCredit = 1 << 10
	// agesAfter is after how many messages what was seen counts half.
	agesAfter = 8 * mostNames
)

// Aliases choose which Topic Names get a Topic Alias (section 3.3.2.3.4). They outlive a connection, one at a time: an alias means nothing
// on the next one, but which names come again is known there from the first message on.
//
// A name gets an alias when it is seen to come again, and not before. When the Server grants no more, one that saves much takes the place
// of one that saves less than half of that, if what aliases have saved pays for it. So all messages together never cost more than without,
// but for 3 bytes for each alias that was set before anything was saved.
type Aliases struct {
	mu         sync.Mutex
	names      map[string]*aliased
	set        []*aliased // on this connection; the alias is the index and 1
	most       int        // what the Server grants
	connection uint64     // counts them
	credit     int        // bytes saved and not spent
	seen       int        // messages since the last ageing
}

// aliased is a Topic Name that is watched.
type aliased struct {
	name       string
	uses       uint32
	alias      uint16
	connection uint64 // on which alias is set
}

// NewAliases gives one that has seen nothing.
func NewAliases() *Aliases { return &Aliases{names: map[string]*aliased{}} }

// begin forgets all aliases: a new connection has none [MQTT-3.3.2-7].
func (a *Aliases) begin(maximum uint16) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.connection++
	a.set, a.most = a.set[:0], min(int(maximum), mostAliases)
}

// apply puts an alias into the head of a PUBLISH if that saves bytes. limit is the Server's Maximum Packet Size, 0 for none. What it
// gives must be sent, and before anything else that is applied: afterwards the Server knows the alias.
func (a *Aliases) apply(head *packet.PublishHead, limit uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.most == 0 || len(head.TopicName) <= aliasCost || len(head.TopicName) > longestName {
		return
	}
	n := a.watch(head.TopicName)
	switch {
	case n == nil || n.uses < 2:
	case n.connection == a.connection:
		a.credit = min(a.credit+len(n.name)-aliasCost, mostCredit)
		head.TopicAlias, head.TopicName = n.alias, ""
	default:
		a.give(n, head, limit)
	}
}

// give sets an alias for a name if there is a place.
func (a *Aliases) give(n *aliased, head *packet.PublishHead, limit uint32) {
	alias := a.place(n)
	if alias == 0 {
		return
	}
	head.TopicAlias = alias
	if limit > 0 && uint64(head.Size(packet.V5)) > uint64(limit) {
		head.TopicAlias = 0
		return
	}
	if int(alias) > len(a.set) {
		a.set = append(a.set, n)
	} else {
		a.set[alias-1].connection = 0
		a.set[alias-1] = n
	}
	n.alias, n.connection = alias, a.connection
	a.credit = max(a.credit-aliasCost, 0)
}

// place finds an alias for a name, 0 if there is none that is worth it.
func (a *Aliases) place(n *aliased) uint16 {
	if len(a.set) < a.most {
		return uint16(len(a.set) + 1)
	}
	if a.credit < aliasCost {
		return 0
	}
	worst, least := 0, math.MaxInt
	for i, s := range a.set {
		if w := s.worth(); w < least {
			worst, least = i, w
		}
	}
	if n.worth() <= 2*least {
		return 0
	}
	return uint16(worst + 1)
}

// worth is what an alias for a name saves, as far as the past tells.
func (n *aliased) worth() int { return int(n.uses) * (len(n.name) - aliasCost) }

// watch notes that a name is sent; nil if it cannot be remembered.
func (a *Aliases) watch(name string) *aliased {
	if a.seen++; a.seen >= agesAfter {
		a.age()
	}
	n := a.names[name]
	if n == nil {
		if len(a.names) >= mostNames && a.seen >= mostNames {
			a.age()
		}
		if len(a.names) >= mostNames {
			return nil
		}
		n = &aliased{name: strings.Clone(name)} // a piece of a message would keep all of it
		a.names[n.name] = n
	}
	n.uses++
	return n
}

// age halves what was seen, and forgets names that came once, or not for long.
func (a *Aliases) age() {
	a.seen = 0
	for name, n := range a.names {
		if n.uses /= 2; n.uses == 0 && n.connection != a.connection {
			delete(a.names, name)
		}
	}
}
