package main

import (
	"strings"

	"skerry/broker/packet"
	"skerry/edge/uplink/pack"
)

// reader finds the packets in one direction of a connection.
type reader struct{ rest []byte }

func (r *reader) take(b []byte, see func(packet.Header)) {
	r.rest = append(r.rest, b...)
	at := 0
	for {
		n, _, err := packet.Next(r.rest[at:], 0)
		if n == 0 || err != nil {
			break
		}
		if h, err := packet.Split(r.rest[at : at+n]); err == nil {
			see(h)
		}
		at += n
	}
	r.rest = append(r.rest[:0], r.rest[at:]...)
}

// exchanges are those of one connection, as the way sees them.
type exchanges struct {
	way     *way
	version packet.Version
	aliases map[uint16]string // that the uplink has given to topics
}

// up sees what the uplink sends.
func (x *exchanges) up(h packet.Header) {
	switch h.Type {
	case packet.CONNECT:
		var c packet.Connect
		if c.Decode(h) == nil {
			x.version = c.Version
		}
	case packet.PUBLISH:
		var m packet.Publish
		if m.Decode(x.version, h) == nil {
			x.way.note(&m, x.topic(&m))
		}
	}
}

// topic is that of a message, whose name an alias may stand for.
func (x *exchanges) topic(m *packet.Publish) string {
	alias, ok := m.Properties.TopicAlias()
	switch {
	case !ok:
		return string(m.TopicName)
	case len(m.TopicName) > 0:
		if x.aliases == nil {
			x.aliases = map[uint16]string{}
		}
		x.aliases[alias] = string(m.TopicName)
	}
	return x.aliases[alias]
}

// down sees what the server answers.
func (x *exchanges) down(h packet.Header) {
	if h.Type == packet.SUBACK {
		x.way.mu.Lock()
		x.way.subacks++
		x.way.mu.Unlock()
	}
	if h.Type == packet.PUBREC || h.Type == packet.PUBCOMP {
		x.way.answered(h.Type, uint16(h.Body[0])<<8|uint16(h.Body[1]))
	}
}

// note counts a PUBLISH packet.
func (w *way) note(m *packet.Publish, topic string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.HasPrefix(topic, blocksOf) {
		w.noteBlock(m)
		return
	}
	n, ok := read(topic, string(m.Payload))
	if !ok {
		return // the state of the uplink
	}
	w.sent[n.qos]++
	if m.Dup {
		w.dup[n.qos]++
	}
	if m.QoS == 2 {
		w.ids[m.PacketID] = n
	}
	if len(w.recent) >= 8*window { // seldom, for it copies
		w.recent = append(w.recent[:0], w.recent[len(w.recent)-2*window:]...)
	}
	w.recent = append(w.recent, n)
}

// noteBlock counts the readings in a block. No lost session is an excuse for one that comes twice.
func (w *way) noteBlock(m *packet.Publish) {
	if p, err := pack.NewPrimer(m.Payload); err == nil { // its readings came before
		w.primers[p.ID()] = p
		return
	}
	head, list, err := pack.DecodeWith(m.Payload, pack.Limits{}, func(id uint32) *pack.Primer { return w.primers[id] })
	if err != nil {
		return // what is missing will tell
	}
	if w.blocks++; head.Primer != 0 {
		w.primed++
	}
	for _, one := range list {
		if n, ok := read(one.Topic, string(one.Payload)); ok {
			w.sent[n.qos]++
			if m.Dup {
				w.dup[n.qos]++
			}
		}
	}
}

// answered notes how far a QoS 2 exchange has come. A Packet Identifier is the same reading's until PUBCOMP, over all connections.
func (w *way) answered(t packet.Type, id uint16) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.ids[id]
	switch {
	case !ok:
	case t == packet.PUBREC:
		w.taken[n] = true
	default:
		delete(w.taken, n)
		delete(w.ids, id)
	}
}

// between are the readings of QoS 2 that the server has, with PUBREC, and passes on with the PUBREL only. The server forgets them now.
func (w *way) between() []name {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []name
	for n := range w.taken {
		all = append(all, n)
	}
	clear(w.taken)
	clear(w.ids)
	return all
}
