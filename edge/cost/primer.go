package cost

import (
	"skerry/edge/uplink/pack"
)

// priming follows the primers of a stream as package uplink makes them: its blocks go on from one, and another one is published when that pays. It begins where
// the server has one already: the first ever is once for a station.
type priming struct {
	recent pack.Recent
	now    *pack.Primer
	at     uint64 // the sequence of the next message
	beside int    // bytes that a primer costs beside its block
	limit  int    // bytes of one
	length int    // of the latest
}

// primerCost is what package uplink takes a primer to cost beside its block and its topic.
const primerCost = 220

// anew is how often a day a primer is published beside those that pay: the first ever, and where the server has lost what it retained.
var anew = Range{1.0 / Days, 1}

// primerLevel ends the topic of primers, behind that of the blocks.
const primerLevel = "/primer"

// prime begins to follow those of a lane; nil: its blocks stand by themselves.
func (b batching) prime() *priming {
	if !b.primes {
		return nil
	}
	p := &priming{at: first, beside: primerCost + len(b.topic) + len(primerLevel), limit: b.limit}
	h := pack.Head{Epoch: epoch, Stream: b.stream}
	for _, d := range b.usual {
		p.recent.Sent(h, []pack.Message{messageOf(d, p.at)}, len(d.message.Payload))
		p.at++
	}
	block, now := p.recent.Primer(h, b.limit)
	p.now, p.length = now, len(block)
	return p
}

// primer is what the next block goes on from.
func (p *priming) primer() *pack.Primer {
	if p == nil {
		return nil
	}
	return p.now
}

// sequence of the next message.
func (p *priming) sequence() uint64 {
	if p == nil {
		return first
	}
	return p.at
}

// sent notes a block, and tells how many bytes of a new primer follow it; 0: none.
func (p *priming) sent(stream string, some []dated, size int) int {
	if p == nil {
		return 0
	}
	h := pack.Head{Epoch: epoch, Stream: stream, Floor: p.at}
	messages := make([]pack.Message, len(some))
	for i, d := range some {
		messages[i] = messageOf(d, p.at)
		p.at++
	}
	if p.recent.Sent(h, messages, size); !p.recent.Pays(p.beside) {
		return 0
	}
	block, next := p.recent.Primer(h, p.limit)
	if next == nil {
		return 0
	}
	p.now, p.length = next, len(block)
	return len(block)
}

// latest is how many bytes the latest primer has; 0: there is none.
func (p *priming) latest() float64 {
	if p == nil {
		return 0
	}
	return float64(p.length)
}
