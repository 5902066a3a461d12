package vfs

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// Sector is the unit in which a write tears.
const Sector = 512

// Fate weighs what becomes of each write that was not synced when the power went.
type Fate struct {
	Dropped int
	Whole   int
	Torn    int // sector by sector: old or new
	Garbled int // torn, and the sector that was under the needle is rubbish
}

var (
	// Honest is a device whose sectors are atomic.
	Honest = Fate{Dropped: 1, Whole: 1, Torn: 1}
	// Garbling is a device that leaves rubbish in what it was writing: worse than any promise a card makes.
	Garbling = Fate{Dropped: 1, Whole: 1, Torn: 1, Garbled: 3}
)

// Crash returns the disk as a power cut at this moment could leave it: power on, locks gone, what was synced in
// place, and each later change by chance. The disk itself is not changed; it may be crashed again with another
// outcome.
func (d *Disk) Crash(r *rand.Rand, fate Fate) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := NewDisk()
	c.capacity = d.capacity
	for _, name := range d.names() {
		n, onMedium := d.entries[name]
		if now := d.nodes[name]; now != n && r.IntN(2) == 0 { // created or removed without SyncDir
			n, onMedium = now, now != nil
		}
		if !onMedium || n == nil {
			continue
		}
		left := bytes.Clone(n.medium)
		for _, w := range n.later {
			left = fate.apply(left, w, r)
		}
		c.nodes[name] = &node{view: left, medium: bytes.Clone(left)}
		c.entries[name] = c.nodes[name]
	}
	return c
}

// names lists every path that exists in either view, sorted: the outcome must depend on the random source only.
func (d *Disk) names() []string {
	var names []string
	for name := range d.nodes {
		names = append(names, name)
	}
	for name := range d.entries {
		if d.nodes[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (f Fate) apply(b []byte, w write, r *rand.Rand) []byte {
	switch k := r.IntN(f.Dropped + f.Whole + f.Torn + f.Garbled); {
	case k < f.Dropped:
		return b
	case k < f.Dropped+f.Whole || w.cut:
		return w.on(b)
	case k < f.Dropped+f.Whole+f.Torn:
		return tear(b, w, r, false)
	default:
		return tear(b, w, r, true)
	}
}

// tear writes some sectors of w. With garble at least one sector that it touches becomes rubbish.
func tear(b []byte, w write, r *rand.Rand, garble bool) []byte {
	sectors := (len(w.data) + Sector - 1) / Sector
	needle := -1
	if garble {
		needle = r.IntN(sectors)
	}
	for i := range sectors {
		p := w.data[i*Sector : min((i+1)*Sector, len(w.data))]
		switch {
		case i == needle || garble && r.IntN(4) == 0:
			b = put(b, rubbish(len(p), r), w.at+int64(i*Sector))
		case r.IntN(2) == 0:
			b = put(b, p, w.at+int64(i*Sector))
		}
	}
	return b
}

func rubbish(n int, r *rand.Rand) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// Killed returns the disk as the next process finds it when this one was killed: everything written is there, what
// was not synced may still be lost.
func (d *Disk) Killed() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := NewDisk()
	c.nodes, c.entries, c.ops, c.capacity = d.nodes, d.entries, d.ops, d.capacity
	return c
}
