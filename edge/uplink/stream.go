package uplink

import (
	"fmt"
	"slices"
	"sync/atomic"

	"skerry/broker"
	"skerry/broker/packet"
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
	name  string
	match []string
	slot  int // which of the lanes

	session atomic.Pointer[broker.Session] // the latest handle; what it owes can be asked of a dead one too
}

// laneOf tells which lane an id belongs to; maxStreams for our own.
func laneOf(id uint16) int { return int(id-1) / laneIDs }

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
func (u *Uplink) group() string { return "uplink/" + u.config.Name }

// open does the work of Open.
func (u *Uplink) open() error {
	var err error
	if u.memory, err = remember(u.broker, u.group()); err != nil {
		return err
	}
	u.retire()
	for _, s := range u.streams {
		if err := u.openStream(s); err != nil {
			return err
		}
	}
	u.door, _, err = u.broker.Connect(broker.ConnectOptions{
		ClientID: u.group(), Internal: true, Group: u.group(), Version: packet.V5, SessionExpiryInterval: broker.Never,
	})
	if err != nil {
		return fmt.Errorf("open the session for what is received: %w", err)
	}
	return u.memory.keep()
}

// openStream gives a stream its lane and its subscriptions.
func (u *Uplink) openStream(s *stream) error {
	known, ok := u.memory.Streams[s.name]
	if !ok {
		slot, free := u.memory.freeSlot()
		if !free {
			return fmt.Errorf("no room for stream %s: %d streams that are carried no more still hold a backlog (hint: carry them until they are empty)",
				s.name, len(u.memory.Streams)-len(u.streams)+1)
		}
		known = &streamMemory{Slot: slot}
		u.memory.Streams[s.name] = known
	}
	s.slot = known.Slot
	session, err := u.connectStream(s, nil)
	if err != nil {
		return err
	}
	defer session.Disconnect(broker.DisconnectOptions{})
	var subscriptions []broker.Subscription
	for _, filter := range s.match {
		// Retained values go upstream when a filter is new, so that the state is known there; and not at every start.
		subscriptions = append(subscriptions, broker.Subscription{
			TopicFilter: filter, QoS: 2, NoLocal: true, RetainAsPublished: true, RetainHandling: 1,
		})
	}
	codes, _ := session.Subscribe(subscriptions, nil)
	for i, code := range codes {
		if code.IsError() {
			return fmt.Errorf("stream %s: subscribe to %q: %w", s.name, s.match[i], code)
		}
	}
	var gone []string
	for _, filter := range known.Match {
		if !slices.Contains(s.match, filter) {
			gone = append(gone, filter)
		}
	}
	if len(gone) > 0 {
		session.Unsubscribe(gone)
	}
	known.Match = s.match
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
		if len(known.Match) > 0 {
			session.Unsubscribe(known.Match)
			known.Match = nil
		}
		if n := session.Unfinished(); n > 0 {
			session.Disconnect(broker.DisconnectOptions{})
			u.setAside(name, n)
			continue
		}
		now := uint32(0)
		session.Disconnect(broker.DisconnectOptions{SessionExpiryInterval: &now})
		delete(u.memory.Streams, name)
	}
}

func (u *Uplink) setAside(name string, messages uint64) {
	u.count(func(s *Status) { s.Aside[name] = messages })
	u.log.Warn("a stream is carried no more, but what it has not delivered is kept (hint: carry it again to deliver that)",
		"stream", name, "messages", messages)
}
