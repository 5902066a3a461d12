package server

import (
	"hash/maphash"

	"skerry/broker/packet"
)

const (
	// mostAliases is how many Topic Aliases are used towards one Client, however many it grants.
	mostAliases = 32
	// aliasWorth is what an alias costs in a PUBLISH, in bytes: a shorter Topic Name stands for itself.
	aliasWorth = 3
	// aliasLongest is the longest Topic Name that gets an alias, in bytes. All names of a connection take 16 KiB at most.
	aliasLongest = aliasesSize / mostAliases
)

// aliasSeed is one for all tables: what a hash collision costs is one comparison.
var aliasSeed = maphash.MakeSeed()

// sentAliases are the Topic Aliases that the Server has set towards a Client (section 3.3.2.3.4). A name gets one the
// first time it is sent. When there are no more, a new name takes the place of one that has not been used since the
// last look at it (a clock): so names that come all the time keep theirs, and a crowd of names that each come once does not
// cost three bytes per message. It belongs to who has the turn.
type sentAliases struct {
	most  int // the Client's Topic Alias Maximum, or ours
	names []sentAlias
	hand  int // the entry to look at next
}

type sentAlias struct {
	hash uint64
	name []byte // its own copy: the name of a message may keep much more alive
	used bool
}

// newSentAliases gives the table for a Client's Topic Alias Maximum; nil for 0: it wants none.
func newSentAliases(maximum uint16) *sentAliases {
	if maximum == 0 {
		return nil
	}
	return &sentAliases{most: min(int(maximum), mostAliases)}
}

// alias puts the alias of a Topic Name into the head, if that saves bytes now or the next time, and the packet is then no
// larger than limit (0: no limit). The caller must send the packet: afterwards the Client knows the alias.
func (s *sentAliases) alias(head *packet.PublishHead, limit uint32) {
	name := head.TopicName
	if len(name) <= aliasWorth || len(name) > aliasLongest {
		return
	}
	hash := maphash.String(aliasSeed, name)
	for i := range s.names {
		if a := &s.names[i]; a.hash == hash && string(a.name) == name {
			a.used = true
			head.TopicAlias, head.TopicName = uint16(i+1), ""
			return
		}
	}
	i, ok := s.place()
	if !ok {
		return
	}
	head.TopicAlias = uint16(i + 1)
	if limit > 0 && int64(head.Size(packet.V5)) > int64(limit) { // it fits without the alias, or not at all
		head.TopicAlias = 0
		return
	}
	if i == len(s.names) {
		s.names = append(s.names, sentAlias{})
	}
	a := &s.names[i]
	a.hash, a.name, a.used = hash, append(a.name[:0], name...), true
}

// place is where a new name may go. Each call looks at one entry only, and one that was used is spared once.
func (s *sentAliases) place() (i int, ok bool) {
	if len(s.names) < s.most {
		return len(s.names), true
	}
	i = s.hand
	s.hand = (i + 1) % s.most
	used := s.names[i].used
	s.names[i].used = false
	return i, !used
}
