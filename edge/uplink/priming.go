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
	hung    atomic.Int32                // connections that the Server has closed while one was on its way, since it answered one
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
	if len(codes) == 0 {
		return
	}
	a.priming.hung.Store(0)
	if codes[0].IsError() {
		l.u.refusePrimers(a.stream, codes[0].Error())
		return
	}
	a.priming.primer.Store(primer)
}

// refusePrimers has a stream do without, until the next start.
func (u *Uplink) refusePrimers(s *stream, why string) {
	s.priming.refused.Store(true)
	u.once(s.name+": primer", func() {
		u.log.Warn("the server does not take a primer for the blocks of a stream: they stay larger", "stream", s.name, "err", why,
			"hint", "may this client publish to the topic of its blocks and "+primerLevel+", with RETAIN?")
	})
}

// hungUpOnPrimers judges the end of a connection: AWS IoT Core, and others, hang up on a client that publishes what it may not, and would with each primer.
func (u *Uplink) hungUpOnPrimers(err error) {
	for _, s := range u.streams {
		if !s.priming.waiting.Load() || !hangsUp(err) {
			continue
		}
		if s.priming.hung.Add(1) >= hangUps {
			u.refusePrimers(s, "it hangs up, as it seems")
		}
	}
}
