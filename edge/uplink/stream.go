package uplink

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"skerry/broker"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/reduce"
	"skerry/queue"
)

const (
	// maxStreams and laneIDs divide the Packet Identifiers: 15 lanes of 4,096, and what is left for requests of our own. A lane
	// is far wider than a session's window of 1,024.
	maxStreams = 15
	laneIDs    = 4096

	firstOwnID = 1 + maxStreams*laneIDs
)

// stream is one stream of the configuration.
type stream struct {
	name   string
	class  string // "": that of the program itself, which any link carries
	match  []string
	asks   []string       // what it subscribes to: what it matches, or the part of it that it chooses, or what comes of that
	reduce *config.Reduce // nil: what it chooses goes as it is
	former bool           // it was reduced, and results of the window that was open may still come
	limits queue.Limits
	behind bool     // the live one of a pair: it gets what the other one has subscribed to
	thin   *thinner // how it is thinned out while a budget is tight; nil: it waits then
	slot   int      // which of the lanes
	mixed  bool     // what it holds was gathered when other streams had other parts

	encode   config.Encoding
	lingers  *time.Duration // nil: by the kind of the link
	block    int            // bytes; 0: by default
	compress string
	renewal  int           // after how many blocks a primer is sent again
	epochs   epochs        // of its messages in blocks
	begun    queue.Receipt // the last of these is on the disk
	blocked  bool          // nothing of it is on its way but in blocks; the writer's
	loosely  uint64        // messages of QoS 0 that have left in blocks; the writer's

	boarded atomic.Bool // the Server has taken a block of it, since a message was given up that it hung up on

	priming priming
	ceiling ceiling

	suspicion suspicion // that the Server hangs up on one of its messages

	shunned map[string]bool // topics of which a message was given up because this client may not publish there; the writer's
	halt    standstill      // why nothing of it is taken
	denial  denial          // what is refused; guarded by mu of the lane, but for what is the writer's

	shuffled atomic.Bool // the Server had no room for a message, and may have taken what was behind it

	session atomic.Pointer[broker.Session] // the latest handle; what it owes can be asked of a dead one too
}

func newStream(c *config.Stream) *stream {
	s := &stream{name: c.Name, class: cmp.Or(c.Class, config.LiveClass), match: slices.Clone(c.Match), asks: chosen(c), reduce: c.Reduce, limits: limitsOf(c.Keep)}
	s.encode, s.lingers, s.block, s.compress = cmp.Or(c.Encode, config.EncodePass), c.Linger, int(c.Block), c.Compress
	s.renewal = cmp.Or(c.Primer, renewal)
	if c.WhenTight != nil && s.class == config.LiveClass {
		s.thin = newThinner(c.WhenTight.Every)
	}
	return s
}

// limitsOf bound what a stream may hold.
func limitsOf(q config.Queue) queue.Limits {
	l := queue.Limits{Messages: q.Messages, Bytes: uint64(q.Bytes), Age: q.Age}
	switch q.WhenFull {
	case config.DropNewest:
		l.WhenFull = queue.DropNewest
	case config.Reject:
		l.WhenFull = queue.Reject
	}
	return l
}

// filters are what the local session of a stream subscribes to.
func (u *Uplink) filters(s *stream) []string {
	results := []string{reduce.Prefix(u.config.Name, s.name) + "#"}
	switch {
	case s.behind:
		return nil
	case s.reduce != nil:
		return results
	case s.former:
		return append(results, s.asks...)
	}
	return s.asks
}

// laneOf tells which lane an id belongs to; maxStreams for our own.
func laneOf(id uint16) int { return int(id-1) / laneIDs }

// slotOf tells which lane a session was made for.
func slotOf(session *broker.Session) int {
	r := session.PacketIDs()
	if r.Count != laneIDs || (r.First-1)%laneIDs != 0 || laneOf(r.First) >= maxStreams {
		return none
	}
	return laneOf(r.First)
}

// none is no lane.
const none = -1

func (s *stream) first() uint16 { return uint16(1 + s.slot*laneIDs) }
func (s *stream) last() uint16  { return uint16((s.slot + 1) * laneIDs) }

// connectStream connects the durable local session of a stream. Its key is the names, never anything that a changed
// configuration would change: who edits a filter keeps the backlog.
func (u *Uplink) connectStream(s *stream, conn broker.Conn) (*broker.Session, error) {
	session, _, err := u.broker.Connect(broker.ConnectOptions{
		ClientID:              u.group() + "/" + s.name,
		Internal:              true,
		Group:                 u.group(),
		Version:               packet.V5,
		SessionExpiryInterval: broker.Never,
		PacketIDs:             queue.Range{First: s.first(), Count: laneIDs},
		Conn:                  conn,
	})
	if err != nil {
		return nil, fmt.Errorf("open the session of stream %s: %w", s.name, err)
	}
	s.session.Store(session)
	return session, nil
}

// group is what all sessions of this uplink have in common: No Local holds among them.
func (u *Uplink) group() string { return groups + u.config.Name }

// groups is what the groups of all uplinks begin with.
const groups = "uplink/"

// open does the work of Open.
func (u *Uplink) open() error {
	if err := u.recall(); err != nil {
		return err
	}
	if err := u.finishVerbatim(); err != nil {
		return err
	}
	had := u.memory.filters()
	u.findReduced()
	u.retire()
	carried := u.streams[:0]
	for _, s := range u.streams {
		ok, err := u.openStream(s, carried, had)
		if err != nil {
			return err
		}
		if ok {
			carried = append(carried, s)
		}
	}
	u.streams = carried
	if err := u.openPairs(had); err != nil {
		return err
	}
	if err := u.openReduced(); err != nil {
		return err
	}
	var err error
	if u.door, err = u.openDoor(); err != nil {
		return err
	}
	u.openCommands()
	u.openBlocks()
	if err := u.forgetModems(); err != nil {
		return err
	}
	if err := errors.Join(u.forgetTickets(u.config.Servers), u.forgetAddresses()); err != nil {
		return err
	}
	if err := u.enlist(); err != nil {
		return err
	}
	if err := u.enlistBudgets(); err != nil {
		return err
	}
	return u.memory.keep()
}

// openStream gives a stream its lane and its subscriptions. It is not ok if it cannot be carried beside those before it.
// had are the filters that streams had before, with the name of one.
func (u *Uplink) openStream(s *stream, before []*stream, had map[string]string) (ok bool, err error) {
	known := u.memory.Streams[s.name]
	if known == nil {
		known = &streamMemory{Slot: u.memory.freeSlot(), Match: u.filters(s)}
	}
	if s.slot = known.Slot; s.slot == none {
		return false, fmt.Errorf("no room for stream %s: %d streams that are carried no more still hold a backlog (hint: carry them until they are empty)",
			s.name, len(u.memory.Streams)-len(before))
	}
	session, err := u.connectStream(s, nil)
	if err != nil {
		return false, err
	}
	if at := slotOf(session); at == none || slices.ContainsFunc(before, func(o *stream) bool { return o.slot == at }) {
		if session, err = u.moveStream(s, session); session == nil {
			return false, err
		}
	} else {
		s.slot = at // the session knows best
	}
	defer session.Disconnect(broker.DisconnectOptions{})
	session.SetLimits(s.limits)
	session.KeepReceived(u.keeps())
	if s.encode != config.EncodePass {
		session.SetWindow(laneIDs, blockMemory)
	}
	if err := u.subscribeStream(s, session, had); err != nil {
		return false, err
	}
	if err := u.openEpochs(s, session); err != nil {
		return false, err
	}
	s.mixed = session.Unfinished() > 0 && (known.Mixed || !slices.Equal(known.Match, u.filters(s)) || u.overtaken(s, had))
	u.memory.Streams[s.name] = &streamMemory{Slot: s.slot, Match: u.filters(s), Mixed: s.mixed}
	return true, nil
}

// overtaken tells whether a stream that is carried no more has had a part of what this one has, and may have brought it there sooner.
func (u *Uplink) overtaken(s *stream, had map[string]string) bool {
	for filter, name := range had {
		if slices.ContainsFunc(u.streams, func(o *stream) bool { return o.name == name }) {
			continue
		}
		gone := plain(u.original(filter))
		if slices.ContainsFunc(s.match, func(f string) bool { return overlap(plain(f), gone) }) {
			return true
		}
	}
	return false
}

// moveStream makes the session of a stream anew because its Packet Identifiers are those of another stream. That happens when
// damage to the disk took what was known of the streams. A session that holds something cannot be moved: nil.
func (u *Uplink) moveStream(s *stream, session *broker.Session) (*broker.Session, error) {
	s.slot = u.memory.freeSlot()
	if n := session.Unfinished(); n > 0 || s.slot == none {
		session.Disconnect(broker.DisconnectOptions{})
		u.log.Error("a stream cannot be carried: its packet identifiers are those of another one (hint: carry it alone until it is empty)",
			"stream", s.name, "messages", n)
		return nil, nil
	}
	u.end(session)
	return u.connectStream(s, nil)
}

// end ends a local session for good.
func (u *Uplink) end(session *broker.Session) {
	now := uint32(0)
	session.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
}

// subscribeStream replaces the subscriptions of a stream. Retained values go upstream when a filter is new, so that the state is known
// there; not at every start, and not when a filter only changes from one stream to another.
func (u *Uplink) subscribeStream(s *stream, session *broker.Session, had map[string]string) error {
	filters := u.filters(s)
	var subscriptions []broker.Subscription
	for _, filter := range filters {
		retained := byte(1)
		if name, ok := had[filter]; ok && name != s.name {
			retained = 2
		}
		subscriptions = append(subscriptions, broker.Subscription{
			TopicFilter: filter, QoS: 2, NoLocal: !ours(filter), RetainAsPublished: true, RetainHandling: retained,
		})
	}
	codes, _ := session.Subscribe(subscriptions, nil)
	for i, code := range codes {
		if code.IsError() {
			return fmt.Errorf("stream %s: subscribe to %q: %w", s.name, filters[i], code)
		}
	}
	gone := slices.DeleteFunc(session.Subscriptions(), func(filter string) bool { return slices.Contains(filters, filter) })
	if len(gone) > 0 {
		session.Unsubscribe(gone)
	}
	return nil
}

// retire ends the subscriptions of streams that are carried no more. One that still holds a backlog is kept under its name,
// to be carried again or looked at; an empty one is forgotten.
func (u *Uplink) retire() {
	for name, known := range u.memory.Streams {
		if slices.ContainsFunc(u.streams, func(s *stream) bool { return s.name == name }) {
			continue
		}
		session, err := u.connectStream(&stream{name: name, slot: known.Slot}, nil)
		if err != nil {
			u.log.Warn("the session of a stream that is carried no more cannot be opened", "stream", name, "err", err)
			continue
		}
		former := slices.Contains(u.former, name)
		filters := session.Subscriptions()
		if former {
			filters = slices.DeleteFunc(filters, func(f string) bool { return f == reduce.Prefix(u.config.Name, name)+"#" })
		}
		if len(filters) > 0 {
			session.Unsubscribe(filters)
		}
		known.Match = nil
		if n := session.Unfinished(); n > 0 || former {
			session.Disconnect(broker.DisconnectOptions{})
			u.setAside(name, n)
			continue
		}
		u.end(session)
		u.forgetEpochs(name)
		delete(u.memory.Streams, name)
	}
}

func (u *Uplink) setAside(name string, messages uint64) {
	u.count(func(s *Status) { s.Aside[name] = messages })
	u.log.Warn("a stream is carried no more, but what it has not delivered is kept (hint: carry it again to deliver that)",
		"stream", name, "messages", messages)
}
