package uplink

import (
	"cmp"
	"errors"
	"sync"

	"skerry/broker/client"
	"skerry/broker/packet"
)

// A Server may hang up on a large packet, and not have said in CONNACK how large one may be. Blocks are made smaller then, and larger again so seldom that it
// costs next to nothing if that is refused too.
const (
	// leastCeiling is how many bytes a block may have at least.
	leastCeiling = 64
	// mostCeiling is from where on none is needed: a block has no more bytes.
	mostCeiling = 128 << 10
	// trust is how many blocks the Server has to take before one of twice the size is tried. Each time that one is refused it takes twice as many.
	trust     = 1000
	mostTrust = 1 << 20
)

// ceiling is how many bytes a block of a stream may have by what the Server has done with larger ones. It outlasts connections. The zero value is none.
type ceiling struct {
	mu     sync.Mutex
	bytes  int // 0: none
	taken  int // blocks since it was changed
	trust  int
	raised bool // it was, since it was lowered
}

// limit is the lesser of it and a size.
func (c *ceiling) limit(size int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes == 0 {
		return size
	}
	return min(size, c.bytes)
}

// lower is for a block of a size that the Server did not take.
func (c *ceiling) lower(size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trust = cmp.Or(c.trust, trust)
	if c.raised {
		c.trust = min(2*c.trust, mostTrust)
	}
	c.bytes, c.taken, c.raised = max(size/2, leastCeiling), 0, false
}

// take is for a block that the Server has taken.
func (c *ceiling) take() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes == 0 {
		return
	}
	if c.taken++; c.taken < c.trust {
		return
	}
	c.bytes, c.taken, c.raised = 2*c.bytes, 0, true
	if c.bytes >= mostCeiling {
		c.bytes = 0
	}
}

// largest is the size of the largest block on its way, if it can be made smaller; 0: it cannot.
func (a *lane) largest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	size, messages := 0, 0
	for _, f := range a.blocks {
		if f.size > size {
			size, messages = f.size, len(f.ids)
		}
	}
	if messages < 2 {
		return 0
	}
	return size
}

// shrinks has a lane send smaller blocks if the Server has hung up on the size of one; false if that is not so, if something else was larger, or none can be smaller.
func (l *link) shrinks(a *lane, err error) bool {
	said, ok := errors.AsType[*client.Disconnected](err)
	if !ok || said.Code != packet.PacketTooLarge || laneOf(l.flow.Largest()) != a.slot {
		return false
	}
	size := a.largest()
	if size == 0 {
		return false
	}
	a.ceiling.lower(size)
	return true
}
