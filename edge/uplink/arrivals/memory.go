package arrivals

import (
	"slices"
	"time"
)

const (
	// Sources is how many streams of gateways are remembered.
	Sources = 4096
	// Epochs is how many of a source are, and Recent how many until Settled blocks in a row have come of the latest: what has waited through many starts of a gateway comes within
	// a few blocks, and all that is not acknowledged comes again. A Server gives no more than Settled before that.
	Epochs  = 4
	Recent  = 62
	Settled = 64
	// Spans is how many rows of sequences without a gap are remembered of an epoch.
	Spans = 256
	// Gaps is how many of these are kept below the floor.
	Gaps = 16
	// Calm is how many blocks in a row of one epoch end a clash.
	Calm = 1000
	// quiet is how long nothing more is said of a source whose epochs are renewed ever again.
	quiet = time.Hour
)

// Memory is that of one uplink. It is for one goroutine.
type Memory struct {
	slots     [Sources]*source
	places    map[[2]string]int
	said      [Sources]time.Time // when it was last told that the epoch is a new one
	used      uint64
	forgotten uint64
}

// New makes a memory of what is stored in its slots, which read gives; nil: nothing is. What cannot be read is forgotten; damaged is how many
// slots that were.
func New(read func(slot int) []byte) (m *Memory, damaged int) {
	m = &Memory{places: map[[2]string]int{}}
	for slot := range Sources {
		b := read(slot)
		if len(b) == 0 {
			continue
		}
		s := decode(b)
		if s == nil {
			damaged++
			continue
		}
		name := [2]string{s.gateway, s.stream}
		if _, double := m.places[name]; double {
			damaged++
			continue
		}
		m.slots[slot], m.places[name] = s, slot
		m.used = max(m.used, s.used)
	}
	return m, damaged
}

// Forgotten is how many sequences, epochs and sources have fallen to the bounds since the start.
func (m *Memory) Forgotten() uint64 { return m.forgotten }

// clashing tells whether a stream of the gateway is in a clash, other than that of the block.
func (m *Memory) clashing(but *Block) bool {
	for slot, s := range m.slots {
		if s != nil && slot != but.slot && s.gateway == but.next.gateway && s.clash {
			return true
		}
	}
	return false
}

// place finds the slot of a source, or the one that it is to have.
func (m *Memory) place(gateway, stream string) int {
	if slot, known := m.places[[2]string{gateway, stream}]; known {
		return slot
	}
	oldest := 0
	for slot, s := range m.slots {
		if s == nil {
			return slot
		}
		if s.used < m.slots[oldest].used {
			oldest = slot
		}
	}
	return oldest
}

// clone copies a source, so that a block can be tried on it.
func (s *source) clone() *source {
	c := *s
	c.epochs = slices.Clone(s.epochs)
	for i := range c.epochs {
		c.epochs[i].spans = slices.Clone(c.epochs[i].spans)
	}
	return &c
}
