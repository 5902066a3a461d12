package uplink

import (
	"errors"
	"sync/atomic"
	"time"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/edge/config"
	"skerry/edge/uplink/pack"
)

// A block of one message is mostly its topic and its text. So an alarm goes on from a primer, a block of the latest messages of the stream that the Server
// keeps as retained message for every ground end; see docs/pack.md. Only streams that send few messages at a time do that: the blocks of others
// stand by themselves.

// primerCost is what a primer costs beside its block and its topic, in bytes: TCP, TLS and the acknowledgement, as of any message that leaves alone.
const primerCost = 220

const (
	// renewal is after how many blocks a primer is sent again if nothing is configured: a Server can lose what it retained, and who comes to it then cannot read them. It costs
	// each some 10 bytes.
	renewal = 64
	// renewalTime is how long after the last one that is at the earliest.
	renewalTime = time.Hour
)

// priming is what a stream has to make primers of: blocks that the Server has taken. It outlasts connections. recent is the writer's; what is atomic the reader of a link
// changes as well.
type priming struct {
	recent  pack.Recent
	head    pack.Head                   // of the latest block in that; the writer's
	made    *pack.Primer                // the last that was sent, and its block; the writer's
	block   []byte                      // likewise
	served  int                         // primed blocks since then; the writer's
	sent    time.Time                   // when that was
	primer  atomic.Pointer[pack.Primer] // that the Server has; nil: none
	waiting atomic.Bool                 // one is on its way
	refused atomic.Bool                 // the Server does not take any
	hung    atomic.Int32                // connections that the Server has closed while one was on its way, since it answered one
}

// primes tells whether the blocks of a stream go on from primers.
func (s *stream) primes() bool {
	return s.encode == config.EncodePack && (s.class == config.AlarmClass || s.class == config.StateClass)
}

// beginPriming is for a new connection: a Server that has lost its session may have lost what it retained, and one that has not answered a primer may retain that or the one
// before.
func (s *stream) beginPriming(present bool) {
	if unanswered := s.priming.waiting.Swap(false); unanswered || !present {
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

// arrived notes a block that the Server has taken, for prime. Of what it may refuse, or what may be cut off, no primer is made: it would tell the latest message of a
// topic before older ones that have not arrived.
func (a *lane) arrived(f flying) {
	if !a.primes() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.come = append(a.come, f)
}

// noteArrived makes of that what primers are made of.
func (a *lane) noteArrived() {
	a.mu.Lock()
	come := a.come
	a.come = nil
	a.mu.Unlock()
	for _, f := range come {
		a.priming.head = f.head
		if f.primed {
			a.priming.served++
		}
		a.priming.recent.Sent(f.head, f.messages, f.size)
	}
}

// prime looks at the blocks that the Server has taken, and sends a primer of each stream for which it pays. It comes at the end of a round, so that an alarm
// waits for one at most, and only where the Server takes no more than one packet at a time.
func (l *link) prime() error {
	for _, a := range l.lanes {
		a.noteArrived()
		if !l.mayPrime(a) {
			continue
		}
		if err := l.sendPrimer(a); err != nil {
			return err
		}
	}
	return nil
}

// mayPrime tells whether a primer of a stream may be sent now.
func (l *link) mayPrime(a *lane) bool {
	server, p := l.conn.Server(), &a.priming
	return a.primes() && server.RetainAvailable && server.MaximumQoS > 0 && !p.refused.Load() && !p.waiting.Load() &&
		l.resumed && l.trial == nil && (a.renews() || p.recent.Pays(primerCost) && p.recent.Pays(primerCost+len(l.primerTopic(a)))) &&
		l.carries(a.stream) && !l.way.holds(a.class) && l.room(a.stream) && l.conn.Quota() > 0 && l.inPace()
}

// renews tells whether the primer that the Server has is sent again.
func (a *lane) renews() bool {
	p := &a.priming
	return p.served >= a.renewal && p.primer.Load() == p.made && p.made != nil && time.Since(p.sent) >= renewalTime
}

// primerTopic is where the primers of a lane are published.
func (l *link) primerTopic(a *lane) string {
	return l.u.names.Outward(BlockTopic(l.u.config.Prefix, l.u.site, l.u.gateway, string(a.encode), a.name)+primerLevel, nil)
}

// primerSize is how many bytes a primer may have. That blocks are to be small is not meant for it.
func (l *link) primerSize(a *lane) int {
	size := max(l.blockSize(a), segment)
	if most := l.conn.Server().MaximumPacketSize; most > 0 {
		size = min(size, int(most)-len(l.primerTopic(a))-besides)
	}
	return max(a.ceiling.limit(size), 1)
}

// sendPrimer has the Server keep a primer.
func (l *link) sendPrimer(a *lane) error {
	p := &a.priming
	block, primer := p.block, p.made
	if !a.renews() {
		block, primer = p.recent.Primer(p.head, l.primerSize(a))
	}
	if primer == nil {
		return nil
	}
	p.waiting.Store(true)
	head := packet.PublishHead{TopicName: l.primerTopic(a), QoS: 1, Retain: true}
	head.PacketID = l.own.ask(func(codes []packet.ReasonCode) { l.primed(a, primer, codes) })
	switch err := l.conn.Publish(&head, block); {
	case errors.Is(err, client.ErrTooLarge), errors.Is(err, client.ErrQuota): // it pays later too
		l.own.answer(head.PacketID, nil)
		return nil
	case err != nil:
		l.own.answer(head.PacketID, nil)
		return err
	}
	p.block, p.made, p.served, p.sent = block, primer, 0, time.Now()
	bytes := head.Size(l.conn.Version())
	l.pace.Sent(time.Now(), bytes)
	l.way.purse.meter.Carry(classOf(a.class), int64(bytes))
	l.u.count(func(s *Status) { s.Sent++; s.PrimersSent++ })
	return nil
}

// primed hears that the Server has a primer, or refuses it. Without an answer, in the end, blocks stand by themselves until another one pays.
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
