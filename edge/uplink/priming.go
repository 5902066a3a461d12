package uplink

import (
	"sync/atomic"
	"time"

	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/pack"
)

// A block of one message is mostly its topic and its text. So an alarm goes on from a primer, a block of the latest messages of the stream that the Server
// keeps as retained message for every ground end; see docs/pack.md. Only streams that send few messages at a time do that: the blocks of others
// stand by themselves.

// primerCost is what a primer costs beside its block and its topic, in bytes: TCP, TLS and the acknowledgement, as of any message that leaves alone.
const primerCost = 220

// priming is what a stream has to make primers of. It outlasts connections. recent is the writer's; what is atomic the reader of a link changes as well.
type priming struct {
	recent  pack.Recent
	primer  atomic.Pointer[pack.Primer] // that the Server has; nil: none
	waiting atomic.Bool                 // one is on its way
	refused atomic.Bool                 // the Server does not take any
}

// primes tells whether the blocks of a stream go on from primers.
func (s *stream) primes() bool {
	return s.encode == config.EncodePack && (s.class == config.AlarmClass || s.class == config.StateClass)
}

// beginPriming is for a new connection: a Server that has lost its session may have lost what it retained.
func (s *stream) beginPriming(present bool) {
	if s.priming.waiting.Store(false); !present {
		s.priming.primer.Store(nil)
	}
}

// primer is what a block of a lane can go on from; nil: nothing.
func (a *lane) primer(b *batch) *pack.Primer {
	if b == a.loose || !a.primes() {
		return nil
	}
	return a.priming.primer.Load()
}

// prime notes a block that was sent, and has a primer follow when that pays.
func (l *link) prime(a *lane, h pack.Head, parts []piece, size int) {
	p, server := &a.priming, l.conn.Server()
	if !a.primes() || !server.RetainAvailable || server.MaximumQoS == 0 || p.refused.Load() {
		return
	}
	messages := make([]pack.Message, len(parts))
	for i := range parts {
		messages[i] = parts[i].message
	}
	p.recent.Sent(h, messages, size)
	name := l.u.names.Outward(BlockTopic(l.u.config.Prefix, l.u.site, l.u.gateway, string(a.encode), a.name)+primerLevel, nil)
	if p.waiting.Load() || !p.recent.Pays(primerCost+len(name)) {
		return
	}
	block, primer := p.recent.Primer(h, l.blockSize(a))
	if primer == nil {
		return
	}
	p.waiting.Store(true)
	head := packet.PublishHead{TopicName: name, QoS: 1, Retain: true}
	head.PacketID = l.own.ask(func(codes []packet.ReasonCode) { l.primed(a, primer, codes) })
	if err := l.conn.Publish(&head, block); err != nil {
		l.own.answer(head.PacketID, nil)
		return // it pays later too
	}
	bytes := head.Size(l.conn.Version())
	l.pace.Sent(time.Now(), bytes)
	l.way.purse.meter.Carry(classOf(a.class), int64(bytes))
	l.u.count(func(s *Status) { s.Sent++; s.PrimersSent++ })
}

// primed hears that the Server has a primer, or refuses it. Without an answer, in the end, the next connection sends another one.
func (l *link) primed(a *lane, primer *pack.Primer, codes []packet.ReasonCode) {
	a.priming.waiting.Store(false)
	switch {
	case len(codes) == 0:
	case codes[0].IsError():
		a.priming.refused.Store(true)
		l.u.once(a.name+": primer", func() {
			l.u.log.Warn("the server does not take a primer for the blocks of a stream: they stay larger", "stream", a.name, "err", codes[0].Error(),
				"hint", "may this client publish to the topic of its blocks and "+primerLevel+", with RETAIN?")
		})
	default:
		a.priming.primer.Store(primer)
	}
}
